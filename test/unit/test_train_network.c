/*-------------------------------------------------------------------------
 *
 * test_train_network.c
 *	  Whole trainings of networks: who learns, chooses and judges; weights,
 *	  batches, seeds, what diverges, names.
 *
 *-------------------------------------------------------------------------
 */
#include "toy_network_training.h"

/* ---- who learns, who chooses, who judges ---- */

#define RING_LAYERS \
	"\"layers\": [{\"type\": \"dense\", \"units\": 12, \"activation\": \"tanh\"}, {\"type\": \"dense\", \"units\": null, \"activation\": \"sigmoid\"}]"

/* Mean log loss of a stored model for rows of the table that validate, with what the session answers. */
static double
served_loss(unit_host *host, const table *t, const outcome *r)
{
	ml_session *session;
	ml_image   *image;
	size_t		size;
	double	   *p = malloc(t->n * 2 * sizeof(double));
	double		loss = 0;
	size_t		n = 0;

	if (ml_image_plan(&host->ctx, r->stored.data, r->stored.size, &size) != ML_OK)
		abort();
	image = aligned_alloc(ML_ALIGN, size);
	if (ml_image_build(&host->ctx, r->stored.data, r->stored.size, image, size) != ML_OK ||
		ml_session_open(&host->ctx, image, ml_kernel_select(ML_LEVEL_AUTO), &session) != ML_OK ||
		ml_session_predict(&host->ctx, session, t->n, t->inputs, NULL, p) != ML_OK)
		abort();
	for (size_t i = 0; i < t->n; i++)
	{
		if (!t->validates[i])
			continue;
		loss -= log(p[2 * i + (size_t) ml_image_find_label(image, t->targets[i].text)]);
		n++;
	}
	ml_session_close(&host->ctx, session);
	free(image);
	free(p);
	return loss / (double) n;
}

static void
test_early(unit_host *host)
{
	table		t;
	outcome		r;
	size_t		n;
	size_t		best = 0;

	open_table(host, &t);
	make_ring(&t, 200, 3);
	t.validates = calloc(t.n, 1);
	for (size_t i = 0; i < t.n; i++)
	{
		t.validates[i] = i % 3 == 0;
		if (i % 7 == 1)			/* so that learning ends in learning by heart */
			t.targets[i].text = t.targets[i].text.size == 2 ? ML_TEXT("out") : ML_TEXT("in");
	}
	unit_ok(train_network(host, &t, &(setting)
						  {
							  "network", ML_CLASSIFICATION, "{" RING_LAYERS ", \"validation\": \"v\", \"patience\": 4, \"epochs\": 300, "
							  "\"holdout\": 0, \"batch_size\": 8, \"optimizer\": {\"type\": \"adam\", \"learning_rate\": 0.1}}"
						  }, &r), "early stopping: %s", host->ctx.error.text);
	n = (size_t) told(&r, "history");
	for (size_t i = 1; i < n; i++)
		if (history(&r, i, VALIDATION_LOSS) < history(&r, best, VALIDATION_LOSS))
			best = i;
	unit_is_int(told(&r, "best_epoch"), best + 1, "  the best epoch is that of the least loss");
	unit_ok(n == best + 5 && n < 300, "  four more were tried: %zu of %zu", best + 1, n);
	unit_ok(strstr(host->log, "was the best on the validation rows") != NULL, "  %s", host->log);
	unit_is_int(told(&r, "validation_rows"), 67, "  rows that validate");
	unit_is_near(served_loss(host, &t, &r), history(&r, best, VALIDATION_LOSS), 1e-6, "  its weights are stored, and serve as they validated");
	end_network(host, &r);
	close_table(&t);
}

#define MIXED_LAYERS \
	"\"layers\": [{\"type\": \"embedding\", \"input_dim\": 40, \"output_dim\": 6, \"inputs\": \"note\"}, {\"type\": \"gru\", \"units\": 5, \"name\": \"read\"}, " \
	"{\"type\": \"concatenate\", \"inputs\": [\"read\", \"numbers\"]}, {\"type\": \"dropout\", \"rate\": 0.1}, {\"type\": \"dense\", \"units\": 6, \"activation\": \"relu\"}, " \
	"{\"type\": \"dense\", \"units\": 2, \"activation\": \"softmax\"}]"

static bool
same_tensor(unit_host *host, outcome *a, outcome *b, const char *name)
{
	const ml_tensor *x = stored_tensor(host, a, name);
	const ml_tensor *y = stored_tensor(host, b, name);

	return x != NULL && y != NULL && ml_tensor_bytes(x) == ml_tensor_bytes(y) &&
		memcmp(x->data, y->data, ml_tensor_bytes(x)) == 0;
}

static void
test_blind(unit_host *host)
{
	static const setting s = {
		"network", ML_CLASSIFICATION,
		"{" MIXED_LAYERS ", \"validation\": \"v\", \"holdout\": \"h\", \"epochs\": 6, \"batch_size\": 16}"
	};
	table		t;
	outcome		r[3];

	open_table(host, &t);
	make_mixed(&t, 240);
	t.validates = calloc(t.n, 1);
	for (size_t i = 0; i < t.n; i++)
	{
		t.split[i] = i % 4 == 0;
		t.validates[i] = i % 4 == 1;
	}
	unit_ok(train_network(host, &t, &s, &r[0]), "parts: %s", host->ctx.error.text);
	unit_ok(told(&r[0], "holdout_rows") == 60 && told(&r[0], "validation_rows") == 60, "  60 judge, 60 validate");
	for (size_t i = 0; i < t.n; i += 4)
	{
		t.inputs[i * 3].number = 1e6 * (double) i;
		t.inputs[i * 3 + 1].text = ML_TEXT("violet");
		t.inputs[i * 3 + 2].text = ML_TEXT("nothing like it lovely lovely lovely");
		t.targets[i].text = i % 8 == 0 ? ML_TEXT("no") : ML_TEXT("yes");
	}
	unit_ok(train_network(host, &t, &s, &r[1]), "other rows are held out: %s", host->ctx.error.text);
	unit_ok(same_model(&r[0], &r[1]), "  the model is the same");
	unit_ok(metric(&r[0], "accuracy") != metric(&r[1], "accuracy"), "  its metrics aren't: %g, %g", metric(&r[0], "accuracy"),
			metric(&r[1], "accuracy"));
	for (size_t i = 1; i < t.n; i += 4)
	{
		t.inputs[i * 3].number = -1e6 * (double) i;
		t.inputs[i * 3 + 1].text = ML_TEXT("orange");
		t.inputs[i * 3 + 2].text = ML_TEXT("other words than before");
	}
	unit_ok(train_network(host, &t, &s, &r[2]), "other rows validate: %s", host->ctx.error.text);
	unit_ok(same_tensor(host, &r[0], &r[2], "scaling") && same_tensor(host, &r[0], &r[2], "levels") &&
			same_tensor(host, &r[0], &r[2], "words"), "  scaling, levels, words are the same");
	for (size_t i = 0; i < 6; i++)
		unit_ok(history(&r[0], i, LOSS) == history(&r[2], i, LOSS) &&
				history(&r[0], i, VALIDATION_LOSS) != history(&r[2], i, VALIDATION_LOSS), "  so is the loss of epoch %zu", i + 1);
	for (int i = 0; i < 3; i++)
		end_network(host, &r[i]);
	close_table(&t);
}

/* Exactly the share that was asked for, of each label. */
static void
test_shares(unit_host *host)
{
	table		t;
	outcome		r;

	open_table(host, &t);
	make_ring(&t, 1000, 4);
	unit_ok(train_network(host, &t, &(setting)
						  {"network", ML_CLASSIFICATION, "{" RING_LAYERS ", \"validation\": 0.25, \"epochs\": 1}"}, &r),
			"shares: %s", host->ctx.error.text);
	unit_is_int(told(&r, "holdout_rows"), 200, "  a fifth judges");
	unit_is_int(told(&r, "validation_rows"), 200, "  a quarter of the others validates");
	end_network(host, &r);
	unit_ok(train_network(host, &t, &(setting)
						  {"network", ML_CLASSIFICATION, "{" RING_LAYERS ", \"validation\": 0.25, \"holdout\": 0.1, \"epochs\": 1}"}, &r) &&
			told(&r, "holdout_rows") == 100 && told(&r, "validation_rows") == 225, "a tenth");
	end_network(host, &r);
	for (size_t i = 0; i < t.n; i++)
		t.split[i] = (double) i;
	unit_ok(train_network(host, &t, &(setting)
						  {
							  "network", ML_CLASSIFICATION,
							  "{" RING_LAYERS ", \"holdout\": {\"column\": \"h\", \"fraction\": 0.25}, \"epochs\": 1}"
						  }, &r) && told(&r, "holdout_rows") == 250, "the latest quarter: %s", host->ctx.error.text);
	end_network(host, &r);
	for (size_t i = 0; i < t.n; i++)
		t.split[i] = 1;
	unit_ok(!train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, "{" RING_LAYERS ", \"holdout\": \"h\"}"}, &r) &&
			r.status == ML_BAD_DATA && strstr(host->ctx.error.text, "all rows are held out") != NULL, "all: %s", host->ctx.error.text);
	end_network(host, &r);
	for (size_t i = 0; i < t.n; i++)
		t.split[i] = t.targets[i].text.size == 2;
	unit_ok(!train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, "{" RING_LAYERS ", \"holdout\": \"h\"}"}, &r) &&
			r.status == ML_BAD_DATA && strstr(host->ctx.error.text, "\"in\"") != NULL, "all of a label: %s", host->ctx.error.text);
	end_network(host, &r);
	unit_ok(!train_network(host, &t, &(setting)
						   {"network", ML_CLASSIFICATION, "{" RING_LAYERS ", \"holdout\": \"h\", \"validation\": \"h\"}"}, &r) &&
			r.status == ML_BAD_OPTION && strstr(host->ctx.error.text, "the same column \"h\"") != NULL, "judges that choose: %s",
			host->ctx.error.text);
	end_network(host, &r);
	close_table(&t);
}

/* ---- weights ---- */

#define GRADIENT "\"holdout\": 0, \"shuffle\": false, \"epochs\": 12, \"optimizer\": {\"type\": \"gradient_descent\", \"learning_rate\": 0.5}"

static void
compare_losses(const outcome *a, const outcome *b, double tolerance, const char *name)
{
	double		worst = 0;

	for (size_t i = 0; i < 12; i++)
	{
		double		difference = fabs(history(a, i, LOSS) - history(b, i, LOSS));

		worst = difference >= worst ? difference : isnan(difference) ? INFINITY : worst;
	}
	unit_ok(worst <= tolerance, "  %s (%g)", name, worst);
}

static void
test_weights(unit_host *host)
{
	table		t;
	outcome		r[3];
	size_t		nin = 0;
	char		options[512];

	open_table(host, &t);
	make_ring(&t, 300, 5);
	for (size_t i = 0; i < t.n; i++)
		nin += t.targets[i].text.size == 2;
	unit_ok(train_network(host, &t, &(setting)
						  {"network", ML_CLASSIFICATION, "{" RING_LAYERS ", " GRADIENT ", \"class_weight\": \"balanced\"}"}, &r[0]),
			"balanced: %s", host->ctx.error.text);
	snprintf(options, sizeof(options), "{" RING_LAYERS ", " GRADIENT ", \"class_weight\": {\"in\": %.17g, \"out\": %.17g}}",
			 300.0 / (2.0 * (double) nin), 300.0 / (2.0 * (300.0 - (double) nin)));
	unit_ok(train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, options}, &r[1]), "by hand: %s", host->ctx.error.text);
	compare_losses(&r[0], &r[1], 1e-7, "the same losses");
	t.weighted = true;
	for (size_t i = 0; i < t.n; i++)
		t.weights[i] = (float) (t.targets[i].text.size == 2 ? 300.0 / (2.0 * (double) nin) : 300.0 / (2.0 * (300.0 - (double) nin)));
	unit_ok(train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, "{" RING_LAYERS ", " GRADIENT "}"}, &r[2]),
			"by rows: %s", host->ctx.error.text);
	compare_losses(&r[0], &r[2], 1e-7, "the same losses");
	for (int i = 0; i < 3; i++)
		end_network(host, &r[i]);

	/* twice there, or of weight 2; and weights of rows and labels are multiplied */
	for (size_t i = 0; i < t.n; i++)
		t.weights[i] = i % 3 == 0 ? 2 : 1;
	unit_ok(train_network(host, &t, &(setting)
						  {"network", ML_CLASSIFICATION, "{" RING_LAYERS ", " GRADIENT ", \"class_weight\": {\"in\": 4, \"out\": 0.5}}"}, &r[0]),
			"weights of rows and labels: %s", host->ctx.error.text);
	for (size_t i = 0; i < 300; i++)
		t.weights[i] *= t.targets[i].text.size == 2 ? 4 : 0.5f;
	unit_ok(train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, "{" RING_LAYERS ", " GRADIENT "}"}, &r[1]) &&
			same_model(&r[0], &r[1]), "  are multiplied");
	for (size_t i = 0; i < 300; i++)
		t.weights[i] = i % 3 == 0 ? 2 : 1;
	end_network(host, &r[1]);
	unit_ok(train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, "{" RING_LAYERS ", " GRADIENT "}"}, &r[1]), "weight 2");
	t.weighted = false;
	for (size_t i = 0; i < 300; i += 3)
	{
		ml_value   *row = add_row(&t);

		memcpy(row, &t.inputs[i * 2], 2 * sizeof(ml_value));
		t.targets[t.n - 1] = t.targets[i];
	}
	unit_ok(train_network(host, &t, &(setting)
						  {"network", ML_CLASSIFICATION, "{" RING_LAYERS ", " GRADIENT ", \"standardize\": false}"}, &r[2]), "there twice");
	t.n = 300;
	t.weighted = true;
	end_network(host, &r[1]);
	unit_ok(train_network(host, &t, &(setting)
						  {"network", ML_CLASSIFICATION, "{" RING_LAYERS ", " GRADIENT ", \"standardize\": false}"}, &r[1]), "weight 2");
	compare_losses(&r[1], &r[2], 1e-6, "the same losses");
	for (int i = 0; i < 3; i++)
		end_network(host, &r[i]);
	close_table(&t);
}

/* Batches without weight change nothing, and nothing is said of their rows. */
static void
test_weightless(unit_host *host)
{
	static const setting s = {"network", ML_CLASSIFICATION, "{" RING_LAYERS ", \"holdout\": 0, \"shuffle\": false, \"standardize\": false, "
		"\"batch_size\": 10, \"epochs\": 3, \"optimizer\": \"sgd\"}"};
	table		t;
	table		rest;
	outcome		r[2];
	bool		same = true;

	open_table(host, &t);
	make_ring(&t, 300, 7);
	t.weighted = true;
	for (size_t i = 0; i < 100; i++)
		t.weights[i] = 0;
	rest = t;
	rest.n -= 100;
	rest.inputs += 100 * t.ncolumns;
	rest.targets += 100;
	rest.split += 100;
	rest.weights += 100;
	unit_ok(train_network(host, &t, &s, &r[0]), "a third of the batches is without weight: %s", host->ctx.error.text);
	unit_ok(train_network(host, &rest, &s, &r[1]), "and not there: %s", host->ctx.error.text);
	for (size_t i = 0; i < 3; i++)
		same = same && history(&r[0], i, LOSS) == history(&r[1], i, LOSS) && history(&r[0], i, METRIC) == history(&r[1], i, METRIC) &&
			history(&r[0], i, METRIC) > 0.3;
	unit_ok(same, "  the same losses and accuracies: %g, %g", history(&r[0], 2, METRIC), history(&r[1], 2, METRIC));
	end_network(host, &r[0]);
	end_network(host, &r[1]);
	close_table(&t);
}

/* ---- batches ---- */

/* Rows of 400 make one step, 256 at a time or all at once. */
static void
test_whole(unit_host *host)
{
	table		t;
	outcome		r[2];

	open_table(host, &t);
	make_ring(&t, 400, 6);
	unit_ok(train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, "{" RING_LAYERS ", " GRADIENT "}"}, &r[0]),
			"gradient descent: %s", host->ctx.error.text);
	unit_ok(train_network(host, &t, &(setting)
						  {
							  "network", ML_CLASSIFICATION, "{" RING_LAYERS ", \"holdout\": 0, \"shuffle\": false, \"epochs\": 12, "
							  "\"batch_size\": 400, \"optimizer\": {\"type\": \"sgd\", \"learning_rate\": 0.5}}"
						  }, &r[1]), "sgd of one batch: %s", host->ctx.error.text);
	compare_losses(&r[0], &r[1], 1e-6, "the same losses");
	unit_ok(history(&r[0], 11, STEP) == 12 && history(&r[1], 11, STEP) == 12 && history(&r[0], 11, LOSS) < history(&r[0], 0, LOSS),
			"  a step an epoch");
	for (int i = 0; i < 2; i++)
		end_network(host, &r[i]);
	close_table(&t);
}

/* Factors of bf16 learn as well, and other weights. */
static void
test_precision(unit_host *host)
{
	static const char *const options[] = {
		"{" MIXED_LAYERS ", \"holdout\": 0, \"shuffle\": false, \"epochs\": 12}",
		"{" MIXED_LAYERS ", \"holdout\": 0, \"shuffle\": false, \"epochs\": 12, \"precision\": \"bf16\"}"
	};
	table		t;
	outcome		r[2];

	open_table(host, &t);
	make_mixed(&t, 300);
	for (int i = 0; i < 2; i++)
		unit_ok(train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, options[i]}, &r[i]), "precision: %s", host->ctx.error.text);
	compare_losses(&r[0], &r[1], 0.01, "losses of bf16 are near");
	unit_ok(history(&r[0], 11, LOSS) != history(&r[1], 11, LOSS), "  and others");
	for (int i = 0; i < 2; i++)
		end_network(host, &r[i]);
	close_table(&t);
}

/* ---- digests ---- */

static void
test_seeds(unit_host *host)
{
	static const char *const options[] = {
		"{" MIXED_LAYERS ", \"validation\": 0.2, \"epochs\": 3, \"batch_size\": 16}",
		"{" MIXED_LAYERS ", \"validation\": 0.2, \"epochs\": 3, \"batch_size\": 16, \"seed\": 2}",
	};
	table		t;
	outcome		r[4];

	open_table(host, &t);
	make_mixed(&t, 300);
	for (int i = 0; i < 4; i++)
		unit_ok(train_network(host, &t, &(setting)
							  {"network", ML_CLASSIFICATION, options[i == 1], i == 3 ? (size_t) 4 << 20 : (size_t) 512 << 20}, &r[i]),
				"seed %d: %s", i == 1 ? 2 : 1, host->ctx.error.text);
	unit_ok(same_model(&r[0], &r[2]), "the same seed gives the same model");
	unit_ok(!same_model(&r[0], &r[1]), "another one another");
	unit_ok(same_model(&r[0], &r[3]), "so few rows are shuffled alike, whatever the memory");
	for (int i = 0; i < 4; i++)
		end_network(host, &r[i]);
	close_table(&t);
}

#define SPILL_ITEMS	600
#define SPILL_ROWS	14000

/* 67 MB of rows: in memory, or most of them in the file. */
static void
test_spilled(unit_host *host)
{
	static const char *const options =
		"{\"layers\": [{\"type\": \"dense\", \"units\": 512, \"activation\": \"relu\"}, {\"type\": \"dense\", \"units\": 1}], \"epochs\": 2, \"validation\": 0.1}";
	double	   *items = malloc(sizeof(double) * SPILL_ITEMS * SPILL_ROWS);
	table		t;
	outcome		r[2];
	size_t		before;

	open_table(host, &t);
	add_column(&t, "x", ML_TYPE_ARRAY, ML_ROLE_NUMBER);
	for (size_t i = 0; i < SPILL_ROWS; i++)
	{
		double	   *x = items + i * SPILL_ITEMS;

		for (size_t k = 0; k < SPILL_ITEMS; k++)
			x[k] = (double) (ml_hash_fold(i * SPILL_ITEMS + k, ML_HASH_K1) % 1000) / 1000;
		add_row(&t)[0].items = (ml_items) {x, SPILL_ITEMS};
		t.targets[i].number = x[0] - x[1];
	}
	host->spilled = host->ctx.spilled = 0;
	unit_ok(train_network(host, &t, &(setting) {"network", ML_REGRESSION, options, (size_t) 512 << 20}, &r[0]), "67 MB of rows: %s",
			host->ctx.error.text);
	unit_is_int(host->spilled, 0, "  in memory");
	before = host->peak_bytes = host->live_bytes;
	unit_ok(train_network(host, &t, &(setting) {"network", ML_REGRESSION, options, (size_t) 64 << 20}, &r[1]), "in 64 MB: %s",
			host->ctx.error.text);
	unit_ok(host->spilled > 20 << 20, "  %zu MB are spilled", host->spilled >> 20);
	unit_ok(host->peak_bytes - before < (size_t) 64 << 20, "  %zu MB are taken", (host->peak_bytes - before) >> 20);
	unit_ok(same_model(&r[0], &r[1]), "  the model is the same");
	for (int i = 0; i < 2; i++)
		end_network(host, &r[i]);
	close_table(&t);
	free(items);
}

/* ---- what goes wrong ---- */

static void
diverges(unit_host *host, const table *t, const char *options, const char *part)
{
	outcome		r;

	(void) train_network(host, t, &(setting) {"network", ML_REGRESSION, options}, &r);
	unit_ok(r.status == ML_BAD_DATA && strstr(host->ctx.error.text, part) != NULL, "%s", host->ctx.error.text);
	unit_ok(strstr(host->ctx.error.hint, "learning_rate") != NULL, "  %s", host->ctx.error.hint);
	end_network(host, &r);
}

#define RATE(rule) "\"layers\": [{\"type\": \"dense\", \"units\": 1}], \"holdout\": 0, \"standardize\": false, \"optimizer\": {\"type\": \"" rule "\", \"learning_rate\": 1000}"

#define WIDE		"{\"type\": \"dense\", \"units\": 8}, "
#define FOUR_LAYERS	WIDE WIDE WIDE WIDE

static double
huge_numbers(size_t row, uint32_t column)
{
	return 1e32 * (1 + mixed_up(row, column));
}

static double
larger_numbers(size_t row, uint32_t column)
{
	return 1e35 * (1 + mixed_up(row, column));
}

#define LINEAR "{\"type\": \"dense\", \"units\": 1, \"use_bias\": false}, "

/* Infinite scores of the right sign have no loss: that they are infinite shows all the same. */
static void
test_infinite_scores(unit_host *host)
{
	static const char *const losses[] = {"hinge", "binary_crossentropy"};
	char		options[1024];
	table		t;

	open_table(host, &t);
	add_column(&t, "a", ML_TYPE_NUMBER, ML_ROLE_NUMBER);
	for (size_t i = 0; i < 100; i++)
	{
		add_row(&t)[0].number = i % 2 ? 1 : -1;
		t.targets[i].text = i % 2 ? ML_TEXT("yes") : ML_TEXT("no");
	}
	for (int i = 0; i < 4; i++)
		for (int seed = 1; seed <= 6; seed++)
		{
			outcome		r;

			snprintf(options, sizeof(options), "{\"layers\": [" LINEAR LINEAR LINEAR LINEAR LINEAR LINEAR LINEAR LINEAR LINEAR LINEAR LINEAR LINEAR
					 "{\"type\": \"dense\", \"units\": 1, \"use_bias\": false}], \"loss\": \"%s\", \"epochs\": 1, \"batch_size\": 100, \"seed\": %d%s, "
					 "\"holdout\": 0, \"optimizer\": {\"type\": \"adam\", \"learning_rate\": 1000}}", losses[i % 2], seed, i < 2 ? "" : ", \"validation\": 0.2");
			(void) train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, options}, &r);
			unit_ok(r.status == ML_BAD_DATA && strstr(host->ctx.error.text, i < 2 ? "last batch of epoch 1" : "after epoch 1") != NULL, "%s, seed %d: %s",
					losses[i % 2], seed, host->ctx.error.text);
			end_network(host, &r);
		}
	close_table(&t);
}

static void
test_divergence(unit_host *host)
{
	table		t;
	outcome		r;

	open_table(host, &t);
	make_numbers(&t, 100, 3, mixed_up, other);
	diverges(host, &t, "{" RATE("sgd") ", \"batch_size\": 10}", "epoch 1, batch ");
	diverges(host, &t, "{" RATE("sgd") ", \"batch_size\": 50, \"epochs\": 50}", ", batch ");
	diverges(host, &t, "{" RATE("gradient_descent") ", \"epochs\": 50}", ", batch 1");
	t.targets[42].number = 1e300;
	diverges(host, &t, "{" RATE("adam") ", \"batch_size\": 10, \"shuffle\": false}", "epoch 1, batch 5");
	close_table(&t);
	open_table(host, &t);
	make_numbers(&t, 100, 3, huge_numbers, other);
	diverges(host, &t, "{" RATE("sgd") ", \"loss\": \"mae\", \"batch_size\": 100, \"epochs\": 1, \"validation\": 0.2}", "after epoch 1");
	close_table(&t);
	open_table(host, &t);
	make_numbers(&t, 100, 3, larger_numbers, other);
	diverges(host, &t, "{" RATE("sgd") ", \"loss\": \"mae\", \"batch_size\": 100, \"epochs\": 1}", "last batch of epoch 1");
	close_table(&t);
	open_table(host, &t);
	make_numbers(&t, 100, 3, mixed_up, other);
	/* finite weights of twelve layers, whose product is not */
	diverges(host, &t, "{\"layers\": [" FOUR_LAYERS FOUR_LAYERS FOUR_LAYERS "{\"type\": \"dense\", \"units\": 1}], \"holdout\": 0, \"epochs\": 1, "
			 "\"batch_size\": 100, \"optimizer\": {\"type\": \"adam\", \"learning_rate\": 1000}}", "last batch of epoch 1");
	close_table(&t);
	test_infinite_scores(host);
	open_table(host, &t);
	make_numbers(&t, 50, 3, mixed_up, same);
	unit_ok(train_network(host, &t, &(setting) {"network", ML_REGRESSION, "{\"epochs\": 2, \"holdout\": 0}"}, &r) &&
			strstr(host->log, "4.5 in all rows") != NULL, "a constant target: %s %s", host->log, host->ctx.error.text);
	end_network(host, &r);
	for (size_t i = 0; i < t.n; i++)
		t.targets[i].number = 1000 + (double) (i % 7);
	unit_ok(train_network(host, &t, &(setting) {"network", ML_REGRESSION, "{\"epochs\": 2}"}, &r) &&
			strstr(host->log, "would predict the rows held out better than the network does (R2 -") != NULL, "far from its target: %s", host->log);
	end_network(host, &r);
	for (size_t i = 0; i < t.n; i++)
		t.targets[i].number = t.inputs[i * t.ncolumns].number;
	unit_ok(train_network(host, &t, &(setting) {
							  "network", ML_REGRESSION,
							  "{\"epochs\": 300, \"layers\": [{\"type\": \"dense\", \"units\": 1}], \"optimizer\": {\"type\": \"adam\", \"learning_rate\": 0.05}}"
						  }, &r) && metric(&r, "r2") > 0.99 && strstr(host->log, "would predict") == NULL, "near it: %s", host->log);
	end_network(host, &r);
	close_table(&t);
}

/* ---- names and options ---- */

typedef struct name_case
{
	const char *first;			/* columns of text beside the number a; NULL: none */
	const char *second;
	const char *options;
	ml_status	status;
	const char *part;			/* of the message */
} name_case;

#define NAMED(name) "{\"layers\": [{\"type\": \"dense\", \"units\": 3, \"name\": \"" name "\"}, {\"type\": \"dense\", \"units\": 1}], \"epochs\": 1}"

/* Columns and layers may be called what they like, but for what would be mistaken for something else. */
static const name_case name_cases[] = {
	{"note", "note.offsets", "{\"epochs\": 1}", ML_OK, ""},
	{"output", "rows", "{\"epochs\": 1}", ML_OK, ""},
	{"targets", "weights", "{\"epochs\": 1}", ML_OK, ""},
	{"dense_1", "embedding_1", "{\"epochs\": 1}", ML_OK, ""},
	{"body_1", "end_1", "{\"epochs\": 1}", ML_OK, ""},
	{" \"a\" \\ ", "\xc3\xa9", "{\"epochs\": 1}", ML_OK, ""},
	{"numbers", NULL, "{\"epochs\": 1}", ML_BAD_DATA, "column \"numbers\""},
	{NULL, NULL, NAMED("dense_1"), ML_OK, ""},
	{NULL, NULL, NAMED("dense_2"), ML_OK, ""},
	{NULL, NULL, NAMED("numbers"), ML_BAD_OPTION, "is taken"},
	{NULL, NULL, NAMED("__pad"), ML_BAD_OPTION, "\"__\""},
	{NULL, NULL, NAMED("a.b"), ML_BAD_OPTION, "without a point"},
	{NULL, NULL, NAMED(""), ML_BAD_OPTION, "1 to 63"},
	{NULL, NULL, "{\"patience\": 3, \"validation\": 0}", ML_BAD_OPTION, "without \"validation\""},
	{NULL, NULL, "{\"pad\": 3}", ML_BAD_OPTION, "without columns of text"},
	{NULL, NULL, "{\"max_length\": 3}", ML_BAD_OPTION, "without columns of text"},
	{NULL, NULL, "{\"vocabulary\": 30}", ML_BAD_OPTION, "without columns of text"},
	{NULL, NULL, "{\"on_error\": \"skip\"}", ML_BAD_OPTION, "without images"},
	{NULL, NULL, "{\"images\": \"photo\"}", ML_BAD_OPTION, "no object of columns"},
	{NULL, NULL, "{\"images\": {}}", ML_BAD_OPTION, "no object of columns"},
	{NULL, NULL, "{\"images\": {\"photo\": 1}}", ML_BAD_OPTION, "\"photo\""},
	{NULL, NULL, "{\"images\": {\"a\": {\"height\": 2, \"width\": 2}}}", ML_BAD_OPTION, "no column of images"},
	{"note", NULL, "{\"pad\": 3, \"max_length\": 3}", ML_BAD_OPTION, "with \"pad\""},
};

static void
test_name(unit_host *host, const name_case *c)
{
	table		t;
	outcome		r;
	size_t		size;

	open_table(host, &t);
	add_column(&t, "a", ML_TYPE_NUMBER, ML_ROLE_NUMBER);
	if (c->first != NULL)
		add_column(&t, c->first, ML_TYPE_TEXT, ML_ROLE_TEXT);
	if (c->second != NULL)
		add_column(&t, c->second, ML_TYPE_TEXT, ML_ROLE_TEXT);
	for (size_t i = 0; i < 40; i++)
	{
		ml_value   *row = add_row(&t);

		(row++)->number = (double) (i * 7 % 11);
		if (c->first != NULL)
			(row++)->text = i % 3 ? ML_TEXT("red one") : ML_TEXT("blue two three");
		if (c->second != NULL)
			(row++)->text = i % 2 ? ML_TEXT("") : ML_TEXT("x y");
		t.targets[i].text = i % 2 ? ML_TEXT("odd") : ML_TEXT("even");
	}
	(void) train_network(host, &t, &(setting) {"network", ML_CLASSIFICATION, c->options}, &r);
	unit_ok(r.status == c->status && strstr(host->ctx.error.text, c->part) != NULL, "%s, %s, %s: %s", c->first == NULL ? "" : c->first,
			c->second == NULL ? "" : c->second, c->options, host->ctx.error.text);
	if (r.status == ML_OK)
		unit_ok(ml_image_plan(&host->ctx, r.stored.data, r.stored.size, &size) == ML_OK, "  and serves");
	end_network(host, &r);
	close_table(&t);
}

static void
test_names(unit_host *host)
{
	for (size_t i = 0; i < ML_LENGTH(name_cases); i++)
		test_name(host, &name_cases[i]);
}

/* First weights that don't fit. */
static void
test_starts(unit_host *host)
{
	table		t;
	outcome		r[2];
	setting		s = {"network", ML_CLASSIFICATION, "{" RING_LAYERS ", \"epochs\": 3, \"holdout\": 0, \"optimizer\": {\"type\": \"sgd\", \"learning_rate\": 1e-12}}"};
	setting		wide = {
		"network", ML_CLASSIFICATION, "{\"layers\": [{\"type\": \"dense\", \"units\": 13}, {\"type\": \"dense\", \"units\": 1}], \"epochs\": 1}"
	};

	open_table(host, &t);
	make_ring(&t, 60, 7);
	unit_ok(train_network(host, &t, &s, &r[0]), "a model: %s", host->ctx.error.text);
	s.start = wide.start = (ml_text) {r[0].stored.data, r[0].stored.size};
	s.options = "{" RING_LAYERS ", \"epochs\": 3, \"holdout\": 0, \"seed\": 9, \"optimizer\": {\"type\": \"sgd\", \"learning_rate\": 1e-12}}";
	unit_ok(train_network(host, &t, &s, &r[1]) && fabs(history(&r[0], 0, LOSS) - history(&r[1], 0, LOSS)) < 1e-7,
			"goes on from its weights: %s", host->ctx.error.text);
	end_network(host, &r[1]);
	unit_ok(!train_network(host, &t, &wide, &r[1]) && r[1].status == ML_BAD_OPTION && strstr(host->ctx.error.text, "other layers") != NULL,
			"of another shape: %s", host->ctx.error.text);
	end_network(host, &r[1]);
	s.start.size -= 4;
	unit_ok(!train_network(host, &t, &s, &r[1]) && r[1].status == ML_BAD_MODEL, "cut: %s", host->ctx.error.text);
	end_network(host, &r[1]);
	end_network(host, &r[0]);
	close_table(&t);
}

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	test_early(&host);
	test_blind(&host);
	test_shares(&host);
	test_weights(&host);
	test_weightless(&host);
	test_whole(&host);
	test_precision(&host);
	unit_close(&host, "parts and weights");
	unit_open(&host);
	test_seeds(&host);
	test_spilled(&host);
	test_divergence(&host);
	test_starts(&host);
	test_names(&host);
	unit_close(&host, "digests and faults");
	return unit_done();
}
