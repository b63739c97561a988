/*-------------------------------------------------------------------------
 *
 * test_checkpoint.c
 *	  Trainings of networks that are cut and go on: the bits are those of one
 *	  without a break; what can't be continued is refused, damaged checkpoints
 *	  too.
 *
 *-------------------------------------------------------------------------
 */
#include "toy_network_training.h"

#define LAYERS \
	"\"layers\": [{\"type\": \"embedding\", \"input_dim\": 40, \"output_dim\": 6, \"inputs\": \"note\"}, {\"type\": \"gru\", \"units\": 5, \"name\": \"read\"}, " \
	"{\"type\": \"concatenate\", \"inputs\": [\"read\", \"numbers\"]}, {\"type\": \"dropout\", \"rate\": 0.2}, " \
	"{\"type\": \"dense\", \"units\": 6}, {\"type\": \"batch_normalization\"}, {\"type\": \"activation\", \"activation\": \"relu\"}, " \
	"{\"type\": \"dense\", \"units\": 2, \"activation\": \"softmax\"}]"

#define STATELESS \
	"\"layers\": [{\"type\": \"dense\", \"units\": 4, \"activation\": \"tanh\", \"inputs\": \"numbers\"}, {\"type\": \"dense\", \"units\": 1, " \
	"\"activation\": \"sigmoid\"}]"

#define ATTENTION \
	"\"layers\": [{\"type\": \"embedding\", \"input_dim\": 40, \"output_dim\": 8, \"inputs\": \"note\"}, " \
	"{\"type\": \"positional_encoding\", \"kind\": \"learned\"}, {\"type\": \"transformer_encoder\", \"heads\": 2, \"units\": 16, " \
	"\"dropout\": 0.1}, {\"type\": \"global_average_pooling\"}, {\"type\": \"dense\", \"units\": 2, \"activation\": \"softmax\"}]"

#define CONVOLUTION \
	"\"layers\": [{\"type\": \"embedding\", \"input_dim\": 40, \"output_dim\": 8, \"inputs\": \"note\"}, " \
	"{\"type\": \"conv1d\", \"filters\": 6, \"kernel_size\": 2, \"padding\": \"same\", \"activation\": \"relu\"}, {\"type\": \"batch_normalization\"}, " \
	"{\"type\": \"lstm\", \"units\": 4, \"bidirectional\": true, \"return_sequences\": true}, {\"type\": \"global_max_pooling\"}, " \
	"{\"type\": \"dense\", \"units\": 1, \"activation\": \"sigmoid\"}]"

#define SERIES \
	"\"layers\": [{\"type\": \"lstm\", \"units\": 5, \"inputs\": \"a\", \"name\": \"felt\"}, " \
	"{\"type\": \"embedding\", \"input_dim\": 40, \"output_dim\": 4, \"inputs\": \"note\"}, {\"type\": \"global_average_pooling\", \"name\": \"read\"}, " \
	"{\"type\": \"concatenate\", \"inputs\": [\"felt\", \"read\", \"numbers\"]}, {\"type\": \"dense\", \"units\": 1, \"activation\": \"sigmoid\"}]"

/* Each number begins a series of up to 12 steps; a missing one is none. */
static void
make_series(table *t)
{
	t->columns[0].type = ML_TYPE_ARRAY;
	t->columns[0].role = ML_ROLE_SERIES;
	for (size_t i = 0; i < t->n; i++)
	{
		double		numbers[12];
		double		first = t->inputs[3 * i].number;
		ml_text		kept;

		for (int k = 0; k < 12; k++)
			numbers[k] = first * cos(k);
		(void) ml_arena_copy(t->ctx, &t->arena, (ml_text) {(const char *) numbers, sizeof(numbers)}, &kept);
		t->inputs[3 * i].items = (ml_items) {isnan(first) ? NULL : (const double *) (const void *) kept.data, (uint32_t) i % 13, 0};
	}
}

/* A training that is stored after "cut" epochs, each epoch if "often", and goes on. */
typedef struct cut
{
	ml_buffer	checkpoint;
	ml_buffer	report;
	outcome		ended;
} cut;

static ml_status
steps(ml_context *ctx, const setting *s, const table *t, int epochs, bool often, cut *c)
{
	ml_trainer *trainer;
	ml_status	status;
	bool		done = false;

	ML_TRY(open_trainer(ctx, t, s, &trainer));
	status = add_rows(ctx, t, trainer);
	if (status == ML_OK)
		status = ml_trainer_begin(ctx, trainer);
	for (int i = 0; status == ML_OK && i < epochs && !done; i += often ? 1 : epochs)
	{
		status = ml_trainer_epochs(ctx, trainer, often ? 1 : epochs, &done);
		ml_buffer_free(ctx, &c->checkpoint);
		ml_buffer_free(ctx, &c->report);
		if (status == ML_OK)
			status = ml_trainer_checkpoint(ctx, trainer, &c->checkpoint, &c->report);
		if (often)
			ml_buffer_free(ctx, &c->checkpoint);
	}
	if (status == ML_OK)
		status = ml_trainer_finish(ctx, trainer, &c->ended.stored, &c->ended.report);
	ml_trainer_close(ctx, trainer);
	return status;
}

static bool
run_steps(unit_host *host, const setting *s, const table *t, int epochs, bool often, cut *c)
{
	memset(c, 0, sizeof(*c));
	memset(&host->ctx.error, 0, sizeof(host->ctx.error));
	c->ended.status = steps(&host->ctx, s, t, epochs, often, c);
	if (c->ended.status == ML_OK)
		c->ended.status = ml_json_parse(&host->ctx, &c->ended.arena, (ml_text) {c->ended.report.data, c->ended.report.size}, ML_BAD_MODEL,
										&c->ended.json);
	return c->ended.status == ML_OK;
}

static void
end_cut(unit_host *host, cut *c)
{
	ml_buffer_free(&host->ctx, &c->checkpoint);
	ml_buffer_free(&host->ctx, &c->report);
	end_network(host, &c->ended);
}

/* All that is told of each epoch but its time. */
static bool
same_history(const outcome *a, const outcome *b)
{
	bool		same = told(a, "history") == told(b, "history");

	for (size_t i = 0; same && i < (size_t) told(a, "history"); i++)
		for (int k = EPOCH; k <= VALIDATION_METRIC; k++)
		{
			double		x = history(a, i, k);
			double		y = history(b, i, k);

			same = same && (k == SECONDS || x == y || (isnan(x) && isnan(y)));
		}
	return same && told(a, "best_epoch") == told(b, "best_epoch") && metric(a, "accuracy") == metric(b, "accuracy");
}

/* ---- the bits of an uninterrupted training ---- */

#define EPOCHS 5
#define COMMON "{" LAYERS ", \"epochs\": 5, \"batch_size\": 16, \"checkpoint\": 1, "

static const struct
{
	const char *name;
	const char *options;
	size_t		memory;			/* 0: enough */
	bool		numbers;		/* only columns of numbers, only of texts */
	bool		texts;
	bool		series;			/* in place of the column of numbers, and in the spill file */
}			cases[] = {
	{"gradient_descent", COMMON "\"optimizer\": {\"type\": \"gradient_descent\", \"learning_rate\": 0.3}}"},
	{"sgd, step", COMMON "\"optimizer\": {\"type\": \"sgd\", \"learning_rate\": 0.1, \"schedule\": {\"type\": \"step\", \"every\": 2, \"factor\": 0.5}}}"},
	{"momentum, exponential", COMMON "\"optimizer\": {\"type\": \"momentum\", \"learning_rate\": 0.05, \"schedule\": {\"type\": \"exponential\", \"factor\": 0.7}}}"},
	{"nesterov, warm-up by steps", COMMON "\"optimizer\": {\"type\": \"nesterov\", \"learning_rate\": 0.05, \"schedule\": {\"type\": \"cosine\", \"unit\": \"step\", \"warmup\": 9}}}"},
	{"adagrad, clipped", COMMON "\"optimizer\": {\"type\": \"adagrad\", \"learning_rate\": 0.1, \"initial_accumulator_value\": 0.1, \"clip_norm\": 0.5}}"},
	{"rmsprop", COMMON "\"optimizer\": {\"type\": \"rmsprop\", \"learning_rate\": 0.01}}"},
	{"rmsprop with momentum", COMMON "\"optimizer\": {\"type\": \"rmsprop\", \"learning_rate\": 0.01, \"momentum\": 0.9}}"},
	{"adam, cosine", COMMON "\"optimizer\": {\"type\": \"adam\", \"learning_rate\": 0.02, \"weight_decay\": 0.01, \"schedule\": \"cosine\"}}"},
	{"adamw, plateau", COMMON "\"validation\": 0.25, \"optimizer\": {\"type\": \"adamw\", \"learning_rate\": 0.3, \"schedule\": "
	"{\"type\": \"reduce_on_plateau\", \"patience\": 0, \"factor\": 0.3, \"cooldown\": 1}}}"},
	{"best of those validated", COMMON "\"validation\": 0.25, \"patience\": 2, \"optimizer\": {\"type\": \"adam\", \"learning_rate\": 0.3}}"},
	{"in order, balanced", COMMON "\"shuffle\": false, \"class_weight\": \"balanced\"}"},
	{"rows in the spill file", COMMON "\"validation\": 0.1}", 1},
	{"no states, best of those validated", "{" STATELESS ", \"epochs\": 5, \"batch_size\": 16, \"checkpoint\": 1, \"validation\": 0.25, "
	"\"optimizer\": {\"type\": \"adam\", \"learning_rate\": 0.1}}", 0, .numbers = true},
	{"convolution and lstm", "{" CONVOLUTION ", \"epochs\": 5, \"batch_size\": 16, \"checkpoint\": 1, \"validation\": 0.25}", 0, .texts = true},
	{"bf16, a transformer", "{" ATTENTION ", \"epochs\": 5, \"batch_size\": 16, \"checkpoint\": 1, \"precision\": \"bf16\"}", 0, .texts = true},
	{"series", "{" SERIES ", \"epochs\": 5, \"batch_size\": 16, \"checkpoint\": 1, \"validation\": 0.25, \"max_length\": 9}", 1, .series = true},
};

static void
test_case(unit_host *host, int i)
{
	setting		s = {"network", ML_CLASSIFICATION, cases[i].options};
	table		t;
	outcome		whole;
	cut			once;
	cut			often;
	bool		same = true;
	int			epochs;

	open_table(host, &t);
	make_mixed(&t, cases[i].memory > 0 ? 9000 : 150);
	if (cases[i].texts)
		t.columns[0].role = t.columns[1].role = ML_ROLE_IGNORE;
	if (cases[i].series)
		make_series(&t);
	if (cases[i].numbers)
		t.columns[2].role = ML_ROLE_IGNORE;
	if (cases[i].memory > 0)
		s.memory = (size_t) 1500 << 10;
	unit_ok(train_network(host, &t, &s, &whole), "%s: %s %s", cases[i].name, host->ctx.error.text, host->ctx.error.hint);
	unit_ok(cases[i].memory == 0 || host->spilled > 0, "  %zu bytes spilled", host->spilled);
	epochs = (int) told(&whole, "history");
	unit_ok(run_steps(host, &s, &t, EPOCHS, true, &often) && same_model(&whole, &often.ended) && same_history(&whole, &often.ended),
			"  checkpoints in between change nothing: %s", host->ctx.error.text);
	for (int k = 1; k < epochs; k++)
	{
		setting		rest = s;
		outcome		r;

		same = same && run_steps(host, &s, &t, k, false, &once);
		rest.start = (ml_text) {once.checkpoint.data, once.checkpoint.size};
		same = same && train_network(host, &t, &rest, &r) && same_model(&whole, &r) && same_history(&whole, &r);
		end_network(host, &r);
		end_cut(host, &once);
	}
	unit_ok(same && epochs > 2, "  cut after any of %d epochs: %s %s", epochs, host->ctx.error.text, host->ctx.error.detail);
	end_cut(host, &often);
	end_network(host, &whole);
	close_table(&t);
}

/* ---- what goes on, and what doesn't ---- */

#define SHORT "{" LAYERS ", \"epochs\": 2, \"continue_from\": 7"

static void
refused(unit_host *host, table *t, ml_text start, const char *options, const char *text, const char *detail)
{
	setting		s = {"network", ML_CLASSIFICATION, options, .start = start};
	outcome		r;

	unit_ok(!train_network(host, t, &s, &r) && r.status == ML_BAD_OPTION && strstr(host->ctx.error.text, "from version 7: ") != NULL &&
			strstr(host->ctx.error.text, text) != NULL && strstr(host->ctx.error.detail, detail) != NULL,
			"%s: %s %s", text, host->ctx.error.text, host->ctx.error.detail);
	end_network(host, &r);
}

static void
test_differences(unit_host *host, table *t, ml_text start)
{
	ml_text		target = t->targets[0].text;
	const char *name = t->columns[1].name.data;
	size_t		n = t->n;

	refused(host, t, start, "{" LAYERS ", \"epochs\": 1, \"continue_from\": 7}", "no epoch is left", "learnt for 1 epochs, and \"epochs\" is 1");
	refused(host, t, start, SHORT ", \"optimizer\": \"sgd\"}", "another optimizer", "It has \"adam\", the options \"sgd\"");
	t->columns[2].role = ML_ROLE_IGNORE;
	refused(host, t, start, "{\"layers\": [{\"type\": \"dense\", \"units\": 2}], \"epochs\": 2, \"continue_from\": 7}", "a column is missing",
			"\"note\"");
	t->columns[2].role = ML_ROLE_TEXT;
	refused(host, t, start, SHORT ", \"loss\": {\"type\": \"categorical_crossentropy\", \"label_smoothing\": 0.1}}", "other layers, or another loss",
			"Its layers are {\"layers\"");
	refused(host, t, start, SHORT ", \"max_length\": 5}", "texts have other lengths", "\"max_length\" 256");
	t->targets[0].text = ML_TEXT("perhaps");
	refused(host, t, start, SHORT "}", "other labels", "does not know the label \"perhaps\"");
	t->targets[0].text = target;
	for (size_t i = 0; i < n; i++)
		if (t->targets[i].text.size == 3)
			t->targets[i].text = ML_TEXT("zzz");
	refused(host, t, start, SHORT "}", "other labels", "No row has its label \"yes\"");
	for (size_t i = 0; i < n; i++)
		if (t->targets[i].text.data[0] == 'z')
			t->targets[i].text = ML_TEXT("yes");
	refused(host, t, start, SHORT ", \"positive\": \"no\"}", "another positive label", "");
	t->columns[1].name = ML_TEXT("sort");
	refused(host, t, start, SHORT "}", "a column is missing", "\"kind\"");
	t->columns[1].name = unit_text(name);
}

static void
test_going_on(unit_host *host)
{
	setting		s = {"network", ML_CLASSIFICATION, SHORT "}"};
	table		t;
	table		more;
	cut			once;
	outcome		r;
	outcome		other;

	open_table(host, &t);
	make_mixed(&t, 150);
	unit_ok(run_steps(host, &s, &t, 1, false, &once), "one epoch of two: %s", host->ctx.error.text);
	unit_ok(strstr(once.report.data, "\"epochs\": 1") != NULL, "  its report");
	s.start = (ml_text) {once.checkpoint.data, once.checkpoint.size};
	test_differences(host, &t, s.start);
	open_table(host, &more);
	make_mixed(&more, 220);
	more.inputs[200 * 3 + 2].text = ML_TEXT("unheard words of another day");
	more.inputs[201 * 3 + 1].text = ML_TEXT("violet");
	unit_ok(train_network(host, &more, &s, &r) && told(&r, "epochs") == 2, "more rows, with other words: %s %s", host->ctx.error.text,
			host->ctx.error.detail);
	unit_ok(stored_tensor(host, &r, "words") != NULL && ml_tensor_bytes(stored_tensor(host, &r, "words")) ==
			ml_tensor_bytes(stored_tensor(host, &once.ended, "words")), "  the vocabulary stays");
	end_network(host, &r);
	/* a finished version: its weights, and all epochs */
	s.start = (ml_text) {once.ended.stored.data, once.ended.stored.size};
	unit_ok(train_network(host, &t, &s, &r) && told(&r, "history") == 2 && history(&r, 0, EPOCH) == 1 &&
			history(&r, 0, LOSS) < history(&once.ended, 0, LOSS), "a finished network: %s", host->ctx.error.text);
	unit_ok(strstr(r.report.data, "\"continue_from\": 7") != NULL, "  is told of");
	end_network(host, &r);
	/* another algorithm's */
	unit_ok(train_network(host, &t, &(setting) {"logistic_regression", ML_CLASSIFICATION, "{}"}, &other), "a table's model: %s", host->ctx.error.text);
	s.start = (ml_text) {other.stored.data, other.stored.size};
	refused(host, &t, s.start, SHORT "}", "it is no network", "");
	end_network(host, &other);
	end_cut(host, &once);
	close_table(&t);
	close_table(&more);
}

/* ---- another course ---- */

#define STEERED "{" LAYERS ", \"holdout\": 0, \"epochs\": %d, \"continue_from\": 7, \"batch_size\": %d, \"seed\": %d, " \
	"\"optimizer\": {\"type\": \"adam\", \"learning_rate\": %g, \"schedule\": \"%s\"}}"

/* What is said of a training that goes on. */
static void
course(unit_host *host, const table *t, ml_text start, const char *options, const char *said)
{
	setting		s = {"network", ML_CLASSIFICATION, options, .start = start};
	outcome		r;

	unit_ok(train_network(host, t, &s, &r) && (said == NULL ? host->logs == 0 : host->logs == 1 && strstr(host->log, said) != NULL &&
			strstr(host->log, "not those of version 7: training goes on") != NULL), "  says \"%s\" %s", host->log, host->ctx.error.text);
	end_network(host, &r);
}

static void
test_course(unit_host *host, const char *schedule)
{
	char		first[4096];
	char		other[4096];
	setting		s = {"network", ML_CLASSIFICATION, first};
	table		t;
	cut			once;
	ml_text		start;
	ml_value	value;
	bool		cosine = strcmp(schedule, "cosine") == 0;

	snprintf(first, sizeof(first), STEERED, 3, 16, 1, 0.01, schedule);
	open_table(host, &t);
	make_mixed(&t, 100);
	unit_ok(run_steps(host, &s, &t, 1, false, &once), "%s: a checkpoint: %s", schedule, host->ctx.error.text);
	start = (ml_text) {once.checkpoint.data, once.checkpoint.size};
	course(host, &t, start, first, NULL);
	snprintf(other, sizeof(other), STEERED, 4, 16, 1, 0.01, schedule);
	course(host, &t, start, other, cosine ? "options that steer it" : NULL);
	snprintf(other, sizeof(other), STEERED, 3, 17, 1, 0.01, schedule);
	course(host, &t, start, other, "options that steer it");
	snprintf(other, sizeof(other), STEERED, 3, 16, 2, 0.01, schedule);
	course(host, &t, start, other, "options that steer it");
	snprintf(other, sizeof(other), STEERED, 3, 16, 1, 0.02, schedule);
	course(host, &t, start, other, "options that steer it");
	/* a number, a word that is nowhere else, a label */
	value = t.inputs[0];
	t.inputs[0].number += 1;
	course(host, &t, start, first, "rows, or their order");
	t.inputs[0] = value;
	value = t.inputs[50 * 3 + 2];
	t.inputs[50 * 3 + 2].text = ML_TEXT("a word of another day");
	course(host, &t, start, first, "rows, or their order");
	t.inputs[50 * 3 + 2] = value;
	t.n--;
	course(host, &t, start, first, "rows, or their order");
	t.n++;
	course(host, &t, start, first, NULL);
	end_cut(host, &once);
	close_table(&t);
}

/* ---- damaged checkpoints ---- */

static ml_status
describe(unit_host *host, const ml_safetensors *file, const ml_tensor *tensors, uint32_t n, ml_text checkpoint)
{
	ml_metadata metadata[32];
	ml_buffer	bytes = {0};
	ml_buffer	json = {0};
	ml_status	status;

	memcpy(metadata, file->metadata, file->nmetadata * sizeof(ml_metadata));
	for (uint32_t i = 0; i < file->nmetadata; i++)
		if (checkpoint.data != NULL && ml_text_equal(metadata[i].key, ML_TEXT("checkpoint")))
			metadata[i].value = checkpoint;
	status = ml_safetensors_write(&host->ctx, metadata, file->nmetadata, tensors, n, &bytes);
	if (status == ML_OK)
		status = ml_stored_describe(&host->ctx, bytes.data, bytes.size, &json);
	ml_buffer_free(&host->ctx, &bytes);
	ml_buffer_free(&host->ctx, &json);
	return status;
}

/* A tensor is missing, has a row less, or is no number in one place. */
static void
damage(unit_host *host, const ml_safetensors *file, uint32_t k)
{
	ml_tensor  *tensors = malloc(file->ntensors * sizeof(ml_tensor));
	size_t		size = ml_tensor_bytes(&file->tensors[k]);
	char	   *data = malloc(size + 8);
	bool		refused = true;

	memcpy(tensors, file->tensors, file->ntensors * sizeof(ml_tensor));
	tensors[k] = tensors[file->ntensors - 1];
	refused = refused && describe(host, file, tensors, file->ntensors - 1, (ml_text) {0}) == ML_BAD_MODEL;
	memcpy(tensors, file->tensors, file->ntensors * sizeof(ml_tensor));
	tensors[k].dims[0]--;
	refused = refused && describe(host, file, tensors, file->ntensors, (ml_text) {0}) == ML_BAD_MODEL;
	memcpy(tensors, file->tensors, file->ntensors * sizeof(ml_tensor));
	memcpy(data, file->tensors[k].data, size);
	memset(data, 0xFF, 8);
	tensors[k].data = data;
	refused = refused && describe(host, file, tensors, file->ntensors, (ml_text) {0}) == ML_BAD_MODEL;
	unit_ok(refused, "  %.*s", (int) file->tensors[k].name.size, file->tensors[k].name.data);
	free(data);
	free(tensors);
}

static void
test_damage(unit_host *host)
{
	static const char *const marks[] = {
		"{}", "[]", "{\"epoch\": 0, \"epochs\": 2, \"optimizer\": \"adam\", \"moments\": 2}", "{\"epoch\": 3, \"epochs\": 2, \"optimizer\": \"adam\", \"moments\": 2}",
		"{\"epoch\": 1, \"epochs\": 2, \"optimizer\": \"adam\", \"moments\": 3}", "{\"epoch\": 1, \"epochs\": 2, \"optimizer\": \"adam\", \"moments\": 1}",
		"{\"epoch\": 2, \"epochs\": 2, \"optimizer\": \"adam\", \"moments\": 2}", "{\"epoch\": 1, \"epochs\": 2, \"optimizer\": \"adam\", \"moments\": 2, \"x\": 1}",
		"{\"epoch\": 1, \"epochs\": 1e300, \"optimizer\": \"adam\", \"moments\": 2}"
	};
	setting		s = {"network", ML_CLASSIFICATION, SHORT ", \"validation\": 0.3}"};
	ml_arena	arena = {0};
	ml_safetensors file;
	table		t;
	cut			once;
	int			n = 0;

	open_table(host, &t);
	make_mixed(&t, 100);
	unit_ok(run_steps(host, &s, &t, 1, false, &once) &&
			ml_safetensors_read(&host->ctx, &arena, once.checkpoint.data, once.checkpoint.size, &file) == ML_OK &&
			describe(host, &file, file.tensors, file.ntensors, (ml_text) {0}) == ML_OK, "a checkpoint is read: %s", host->ctx.error.text);
	for (uint32_t i = 0; i < file.ntensors; i++)
		if (strncmp(file.tensors[i].name.data, "checkpoint.", 11) == 0)
		{
			damage(host, &file, i);
			n++;
		}
	unit_is_int(n, 6, "  tensors of its own");
	for (size_t i = 0; i < ML_LENGTH(marks); i++)
		unit_is_int(describe(host, &file, file.tensors, file.ntensors, unit_text(marks[i])), ML_BAD_MODEL, "  %s", marks[i]);
	ml_arena_free(&host->ctx, &arena);
	end_cut(host, &once);
	close_table(&t);
}

/* Each number of the state in turn is none, negative, broken, huge: refused, or at least nothing breaks. */
static void
test_numbers(unit_host *host)
{
	static const double values[] = {NAN, -1, 0.5, 1e300, INFINITY};
	setting		s = {"network", ML_CLASSIFICATION, SHORT ", \"validation\": 0.3, \"optimizer\": {\"type\": \"adam\", \"schedule\": \"reduce_on_plateau\"}}"};
	ml_arena	arena = {0};
	ml_safetensors file;
	ml_tensor  *tensor = NULL;
	table		t;
	cut			once;
	double		numbers[ML_CHECKPOINT_NUMBERS];

	open_table(host, &t);
	make_mixed(&t, 100);
	unit_ok(run_steps(host, &s, &t, 1, false, &once) &&
			ml_safetensors_read(&host->ctx, &arena, once.checkpoint.data, once.checkpoint.size, &file) == ML_OK, "numbers of a checkpoint: %s",
			host->ctx.error.text);
	for (uint32_t i = 0; i < file.ntensors; i++)
		if (ml_text_equal(file.tensors[i].name, ML_TEXT("checkpoint.numbers")))
			tensor = (ml_tensor *) &file.tensors[i];
	for (int k = 0; tensor != NULL && k < ML_CHECKPOINT_NUMBERS - 1; k++)
		for (size_t v = 0; v < ML_LENGTH(values); v++)
		{
			const void *data = tensor->data;
			bool		whole = k == 0 || k == 1 || k == 3 || k == 6 || k == 7 || k == 10 || k == 11;
			ml_buffer	bytes = {0};
			ml_status	status;
			outcome		r;

			memcpy(numbers, data, sizeof(numbers));
			numbers[k] = values[v];
			tensor->data = (const void *) numbers;
			status = ml_safetensors_write(&host->ctx, file.metadata, file.nmetadata, file.tensors, file.ntensors, &bytes);
			tensor->data = data;
			s.start = (ml_text) {bytes.data, bytes.size};
			(void) train_network(host, &t, &s, &r);
			unit_ok(status == ML_OK && (r.status == ML_BAD_MODEL || (r.status == ML_OK && !isnan(values[v]) && !(whole && values[v] == 0.5))),
					"  number %d is %g: %s", k, values[v],
					host->ctx.error.text);
			end_network(host, &r);
			ml_buffer_free(&host->ctx, &bytes);
		}
	ml_arena_free(&host->ctx, &arena);
	end_cut(host, &once);
	close_table(&t);
}

/* Some bytes of the file are others: refused, or training goes on and ends, or diverges. */
static void
test_bytes(unit_host *host)
{
	setting		s = {"network", ML_CLASSIFICATION, "{\"layers\": [{\"type\": \"dense\", \"units\": 2, \"inputs\": \"numbers\"}, {\"type\": \"batch_normalization\"}, "
	"{\"type\": \"dense\", \"units\": 1}], \"epochs\": 2, \"validation\": 0.3, \"continue_from\": 7}"};
	ml_rng		rng;
	table		t;
	cut			once;
	char	   *bytes;
	size_t		header;
	int			counts[2] = {0};
	int			wrong = 0;

	open_table(host, &t);
	make_mixed(&t, 60);
	t.columns[2].role = ML_ROLE_IGNORE;
	unit_ok(run_steps(host, &s, &t, 1, false, &once), "bytes of a checkpoint: %s", host->ctx.error.text);
	bytes = malloc(once.checkpoint.size);
	header = (size_t) ml_load64(once.checkpoint.data);
	s.start = (ml_text) {bytes, once.checkpoint.size};
	ml_rng_seed(&rng, 77);
	for (int i = 0; i < 2000; i++)
	{
		outcome		r;

		memcpy(bytes, once.checkpoint.data, once.checkpoint.size);
		for (uint64_t k = 1 + ml_rng_below(&rng, 3); k > 0; k--)
		{
			size_t		at = i % 4 < 3 ? 8 + (size_t) ml_rng_below(&rng, header) : (size_t) ml_rng_below(&rng, once.checkpoint.size);
			bool		digit = bytes[at] >= '0' && bytes[at] <= '9' && i % 4 < 3;

			bytes[at] = digit ? (char) ('0' + ml_rng_below(&rng, 10)) : (char) (bytes[at] ^ (1 << ml_rng_below(&rng, 8)));
		}
		(void) train_network(host, &t, &s, &r);
		counts[r.status == ML_OK]++;
		wrong += r.status != ML_OK && r.status != ML_BAD_MODEL && r.status != ML_BAD_OPTION && r.status != ML_BAD_DATA &&
			r.status != ML_NEWER_FORMAT && r.status != ML_MEMORY_LIMIT;
		end_network(host, &r);
	}
	unit_ok(wrong == 0 && counts[0] > 100 && counts[1] > 100, "  damaged in 2000 ways: %d are refused, %d go on, %d are errors of ours", counts[0],
			counts[1], wrong);
	free(bytes);
	end_cut(host, &once);
	close_table(&t);
}

/* ---- limits ---- */

#define LARGE \
	"{\"layers\": [{\"type\": \"dense\", \"units\": 700, \"activation\": \"relu\", \"inputs\": \"numbers\"}, {\"type\": \"dense\", \"units\": 700, " \
	"\"activation\": \"relu\"}, {\"type\": \"batch_normalization\"}, {\"type\": \"dense\", \"units\": 2}], \"epochs\": 3, \"checkpoint\": 1, \"validation\": 0.2}"

/* What is said to be needed is enough and no page too much; started: from a checkpoint, not anew. */
static void
test_limit(unit_host *host, const table *t, ml_text start)
{
	setting		s = {"network", ML_CLASSIFICATION, LARGE, (size_t) 2 << 20, .start = start};
	cut			c;
	const char *needs;
	size_t		need;
	size_t		before;

	unit_ok(!run_steps(host, &s, t, 3, true, &c) && c.ended.status == ML_MEMORY_LIMIT, "refused: %s", host->ctx.error.text);
	needs = strstr(host->ctx.error.text, "needs ");
	need = needs == NULL ? 0 : (size_t) strtoull(needs + 6, NULL, 10) << 10;
	end_cut(host, &c);
	s.memory = need - 4096;
	unit_ok(!run_steps(host, &s, t, 3, true, &c) && c.ended.status == ML_MEMORY_LIMIT, "  a page less is refused: %s", host->ctx.error.text);
	end_cut(host, &c);
	s.memory = need;
	before = host->peak_bytes = host->live_bytes;
	unit_ok(run_steps(host, &s, t, 3, true, &c), "  with that it trains: %s", host->ctx.error.text);
	/* the bytes that are gone on from are the caller's, and counted */
	unit_ok(host->peak_bytes - before + start.size < need + need / 20 && host->peak_bytes - before + start.size > need / 2, "  %zu kB are taken of %zu",
			(host->peak_bytes - before + start.size) >> 10, need >> 10);
	end_cut(host, &c);
}

static void
test_memory(unit_host *host)
{
	table		t;
	cut			once;

	open_table(host, &t);
	make_mixed(&t, 150);
	t.columns[2].role = ML_ROLE_IGNORE;
	test_limit(host, &t, (ml_text) {0});
	unit_ok(run_steps(host, &(setting) {"network", ML_CLASSIFICATION, LARGE}, &t, 1, false, &once), "a checkpoint: %s", host->ctx.error.text);
	test_limit(host, &t, (ml_text) {once.checkpoint.data, once.checkpoint.size});
	test_limit(host, &t, (ml_text) {once.ended.stored.data, once.ended.stored.size});
	end_cut(host, &once);
	close_table(&t);
}

typedef struct scenario_argument
{
	const table *t;
	setting		s;
} scenario_argument;

static ml_status
scenario(ml_context *ctx, void *argument)
{
	scenario_argument *a = argument;
	cut			c = {0};
	ml_status	status = steps(ctx, &a->s, a->t, 3, true, &c);

	ml_buffer_free(ctx, &c.checkpoint);
	ml_buffer_free(ctx, &c.report);
	ml_buffer_free(ctx, &c.ended.stored);
	ml_buffer_free(ctx, &c.ended.report);
	return status;
}

static void
test_interruptions(unit_host *host)
{
	scenario_argument a = {NULL, {"network", ML_CLASSIFICATION, "{" LAYERS ", \"epochs\": 3, \"batch_size\": 16, \"checkpoint\": 1, \"validation\": 0.2}"}};
	table		t;
	cut			once;

	open_table(host, &t);
	make_mixed(&t, 40);
	a.t = &t;
	unit_ok(run_steps(host, &a.s, &t, 1, false, &once), "a checkpoint: %s", host->ctx.error.text);
	a.s.start = (ml_text) {once.checkpoint.data, once.checkpoint.size};
	unit_every_allocation_fails("going on", scenario, &a);
	unit_every_poll_cancels("going on", scenario, &a);
	end_cut(host, &once);
	close_table(&t);
}

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	for (int i = 0; i < (int) ML_LENGTH(cases); i++)
		test_case(&host, i);
	unit_close(&host, "cut and continued");
	unit_open(&host);
	test_going_on(&host);
	test_course(&host, "constant");
	test_course(&host, "cosine");
	test_damage(&host);
	test_numbers(&host);
	test_bytes(&host);
	test_memory(&host);
	unit_close(&host, "differences, damage, memory");
	unit_open(&host);
	test_interruptions(&host);
	unit_close(&host, "interruptions");
	return unit_done();
}
