/*-------------------------------------------------------------------------
 *
 * test_session_table.c
 *	  Images and sessions of models of tables: predictions, explanations and
 *	  coefficients against the formulas of stored_table.h, the same bits in
 *	  whatever way they are asked for.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "toy_stored.h"

#define ROWS		60
#define SCORES_MAX	3
#define FEATURES_MAX 512

/* What all tests of a model need. */
typedef struct served
{
	unit_host  *host;
	ml_context *ctx;
	const char *name;
	toy			toy;
	size_t		size;
	ml_image   *image;
	ml_session *session;
	uint32_t	ncolumns;
	double		items[ROWS][2];
	ml_value	inputs[ROWS * NCOLUMNS];
} served;

/* plan and build; NULL: refused */
static ml_image *
build(ml_context *ctx, const void *file, size_t size, int rubbish, size_t *image_size, ml_status *status)
{
	ml_image   *image;

	*status = ml_image_plan(ctx, file, size, image_size);
	if (*status != ML_OK)
		return NULL;
	image = aligned_alloc(ML_ALIGN, *image_size);
	memset(image, rubbish, *image_size);
	*status = ml_image_build(ctx, file, size, image, *image_size);
	if (*status == ML_OK)
		return image;
	free(image);
	return NULL;
}

static bool
open_served(unit_host *host, served *s, toy_kind kind)
{
	ml_status	status;

	memset(s, 0, sizeof(*s));
	s->host = host;
	s->ctx = &host->ctx;
	s->name = toy_names[kind];
	s->ncolumns = toy_columns(kind);
	if (toy_open(s->ctx, &s->toy, kind) != ML_OK)
		abort();
	s->image = build(s->ctx, s->toy.file.data, s->toy.file.size, 0x55, &s->size, &status);
	if (!unit_ok(status == ML_OK && ml_session_open(s->ctx, s->image, ml_kernel_select(ML_LEVEL_AUTO),
													&s->session) == ML_OK, "%s: opened (%s)", s->name,
				 host->ctx.error.text))
		return false;
	for (int i = 0; i < ROWS; i++)
	{
		ml_value	row[NCOLUMNS];

		toy_row(i, s->items[i], row);
		memcpy(&s->inputs[i * s->ncolumns], row, s->ncolumns * sizeof(ml_value));
	}
	/* an unseen level, a date far away */
	s->inputs[3 * s->ncolumns + CARRIER].text = ML_TEXT("ZZ");
	s->inputs[4 * s->ncolumns + WHEN].number = -6.3e9 + 0.25;
	return true;
}

static void
close_served(served *s)
{
	ml_session_close(s->ctx, s->session);
	free(s->image);
	toy_close(&s->toy);
}

/* ---------- the formulas ---------- */

/* All features of a row: dense, levels, texts. */
static void
features_of(const served *s, int row, double *x)
{
	const toy  *t = &s->toy;
	const ml_tabular *tabular = &t->table.tabular;
	const ml_value *inputs = &s->inputs[row * s->ncolumns];
	uint32_t	width = tabular->ndense + tabular->nhot;
	uint32_t	hot[COLUMNS_MAX];
	ml_encoder *encoder;
	ml_features found;
	double		square = 0;

	memset(x, 0, FEATURES_MAX * sizeof(double));
	if (ml_tabular_encode(s->ctx, tabular, inputs, x, hot) != ML_OK)
		abort();
	for (uint32_t k = 0; k < tabular->ncategories; k++)
		if (hot[k] != ML_NO_TERM)
			x[hot[k]] = 1;
	if (!toy_has_text(t->kind))
		return;
	if (ml_encoder_open(s->ctx, &t->recipe, t->texts.vocabulary, ml_kernel_select(ML_LEVEL_AUTO), &encoder) != ML_OK ||
		ml_encoder_run(s->ctx, encoder, &inputs[NOTE].text, &found) != ML_OK)
		abort();
	for (size_t k = 0; k < found.n; k++)
	{
		uint32_t	id = ML_COUNTED_KEY(found.words[k]);
		double		tf = ml_tf_weight(t->recipe.sublinear_tf, ML_COUNTED_COUNT(found.words[k])) / (double) ML_TF_ONE;

		x[width + id] = tf * (double) t->texts.idf[id];
		square += x[width + id] * x[width + id];
	}
	for (uint32_t id = 0; id < t->texts.nfeatures && square > 0; id++)
		x[width + id] /= sqrt(square);
	ml_encoder_close(s->ctx, encoder);
}

static double
kernel_of(const ml_machine *m, uint32_t v, const double *x)
{
	double		distance = 0;
	double		product = 0;

	for (uint32_t j = 0; j < m->width; j++)
	{
		double		value = (double) m->vectors[(size_t) v * m->width + j];

		distance += (value - x[j]) * (value - x[j]);
		product += value * x[j];
	}
	return m->kind == ML_MACHINE_RBF ? exp(-m->gamma * distance) : pow(m->gamma * product + m->coef0, m->degree);
}

/* The score of a row's features, calibrated. */
static double
score_of(const served *s, const double *x, uint32_t c)
{
	const ml_solution *solution = &s->toy.solution;
	const ml_machine *m = &solution->machine;
	double		sum = solution->bias[c];

	for (uint32_t v = 0; v < m->nvectors; v++)
		sum += (double) m->coefficients[(size_t) c * m->nvectors + v] * kernel_of(m, v, x);
	for (uint32_t j = 0; m->kind == ML_MACHINE_NONE && j < solution->nfeatures; j++)
		sum += solution->weights[(size_t) c * solution->nfeatures + j] * x[j];
	return sum * s->toy.model.slope + s->toy.model.offset;
}

static void
probabilities_of(const served *s, const double *x, double *p)
{
	uint32_t	nlabels = s->toy.model.nlabels;
	double		sum = 0;

	if (nlabels == 2)
	{
		p[s->toy.model.positive] = 1 / (1 + exp(-score_of(s, x, 0)));
		p[1 - s->toy.model.positive] = 1 - p[s->toy.model.positive];
		return;
	}
	for (uint32_t c = 0; c < nlabels; c++)
		sum += p[c] = exp(score_of(s, x, c));
	for (uint32_t c = 0; c < nlabels; c++)
		p[c] /= sum;
}

/* Numbers in the order of rows: the predictions, or all probabilities. */
static size_t
answer(const served *s, ml_session *session, size_t first, size_t n, uint32_t *labels, double *numbers)
{
	const ml_value *inputs = &s->inputs[first * s->ncolumns];
	ml_status	status;

	if (s->toy.model.task == ML_REGRESSION)
		status = ml_session_regress(s->ctx, session, n, inputs, numbers);
	else
		status = ml_session_predict(s->ctx, session, n, inputs, labels, numbers);
	if (status != ML_OK)
		abort();
	return s->toy.model.task == ML_REGRESSION ? 1 : s->toy.model.nlabels;
}

static void
test_answers(served *s)
{
	double		got[ROWS * SCORES_MAX];
	uint32_t	labels[ROWS];
	size_t		width = answer(s, s->session, 0, ROWS, labels, got);
	double		worst = 0;
	bool		largest = true;

	for (int i = 0; i < ROWS; i++)
	{
		double		x[FEATURES_MAX];
		double		expected[SCORES_MAX];

		features_of(s, i, x);
		if (s->toy.model.task == ML_REGRESSION)
			expected[0] = score_of(s, x, 0);
		else
			probabilities_of(s, x, expected);
		for (size_t c = 0; c < width; c++)
		{
			worst = ML_MAX(worst, fabs(got[i * width + c] - expected[c]));
			if (s->toy.model.task == ML_CLASSIFICATION)
				largest &= got[i * width + labels[i]] >= got[i * width + c];
		}
	}
	/* machines and the weights of texts are floats */
	unit_ok(worst < (toy_is_machine(s->toy.kind) ? 2e-5 : toy_has_text(s->toy.kind) ? 1e-6 : 1e-13),
			"%s: answers as the formula has it (%g)", s->name, worst);
	unit_ok(largest, "%s: the label of the largest", s->name);
}

static void
test_bits(served *s)
{
	double		all[ROWS * SCORES_MAX];
	double		other[ROWS * SCORES_MAX];
	uint32_t	labels[ROWS];
	size_t		width = answer(s, s->session, 0, ROWS, labels, all);
	bool		same = true;

	for (ml_level level = ML_LEVEL_REF; level <= ml_kernel_best(); level++)
	{
		ml_session *session;

		if (ml_session_open(s->ctx, s->image, ml_kernel_select(level), &session) != ML_OK)
			abort();
		answer(s, session, 0, ROWS, labels, other);
		same &= memcmp(all, other, ROWS * width * sizeof(double)) == 0;
		for (size_t step = 1; step < 8; step++)
		{
			for (size_t i = 0; i < ROWS; i += step)
				answer(s, session, i, ML_MIN(step, ROWS - i), labels, &other[i * width]);
			same &= memcmp(all, other, ROWS * width * sizeof(double)) == 0;
		}
		ml_session_close(s->ctx, session);
	}
	unit_ok(same, "%s: the same bits at every level, in every batch", s->name);
}

/* An image may lie anywhere, and is made of the file alone. */
static void
test_image(served *s)
{
	double		all[ROWS * SCORES_MAX];
	double		other[ROWS * SCORES_MAX];
	uint32_t	labels[ROWS];
	size_t		width = answer(s, s->session, 0, ROWS, labels, all);
	size_t		size;
	ml_status	status;
	ml_image   *again = build(s->ctx, s->toy.file.data, s->toy.file.size, 0xAA, &size, &status);
	ml_session *session;

	unit_ok(again != NULL && size == s->size && memcmp(again, s->image, size) == 0,
			"%s: built, every byte of it", s->name);
	memset(again, 0, size);
	memcpy(again, s->image, size);
	memset(s->image, 0x77, size);
	if (ml_session_open(s->ctx, again, ml_kernel_select(ML_LEVEL_AUTO), &session) != ML_OK)
		abort();
	answer(s, session, 0, ROWS, labels, other);
	unit_ok(memcmp(all, other, ROWS * width * sizeof(double)) == 0, "%s: the same elsewhere", s->name);
	ml_session_close(s->ctx, session);
	memcpy(s->image, again, size);
	free(again);
	unit_fails(s->host, ml_image_build(s->ctx, s->toy.file.data, s->toy.file.size, s->image, s->size - ML_ALIGN),
			   ML_INTERNAL, "planned", "%s: wrong size", s->name);
}

static void
test_accessors(served *s)
{
	const ml_image *image = s->image;
	const ml_stored_table *model = &s->toy.model;
	bool		same = true;

	unit_is_int(ml_image_task(image), model->task, "%s: task", s->name);
	unit_ok(ml_text_equal(ml_image_algorithm(image), model->algorithm), "%s: algorithm", s->name);
	unit_is_int(ml_image_nlabels(image), model->nlabels, "%s: labels", s->name);
	for (uint32_t i = 0; i < model->nlabels; i++)
		same &= ml_text_equal(ml_image_label(image, i), toy_labels[i]) && ml_image_find_label(image, toy_labels[i]) == i;
	same &= ml_image_find_label(image, ML_TEXT("nobody")) == -1;
	if (model->nlabels == 2)
		same &= ml_image_positive(image) == model->positive;
	unit_ok(same, "%s: which", s->name);
	unit_is_int(ml_image_ncolumns(image), s->ncolumns, "%s: columns", s->name);
	for (uint32_t i = 0; i < s->ncolumns; i++)
		same &= ml_text_equal(ml_image_column(image, i), small_columns[i].name) &&
			ml_image_column_type(image, i) == small_columns[i].type &&
			ml_image_column_role(image, i) == small_columns[i].role &&
			ml_image_column_size(image, i) == (i == ITEMS ? 2 : 1);
	unit_ok(same, "%s: which", s->name);
	unit_is_text(ml_image_time_zone(image), "UTC", "%s: time zone", s->name);
	if (toy_has_text(s->toy.kind))
		unit_is_text(ml_image_unicode(image), "15.0", "%s: unicode", s->name);
	else
		unit_ok(ml_image_unicode(image).data == NULL, "%s: no unicode", s->name);
}

/* ---------- explanations ---------- */

static const ml_contribution *
part_named(const ml_contribution *parts, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (ml_text_equal(parts[i].feature, unit_text(name)))
			return &parts[i];
	return NULL;
}

/* Of each row and label: they add up to the logit, the base value first, then the largest. */
static void
test_explain(served *s)
{
	uint32_t	nlabels = ML_MAX(s->toy.model.nlabels, 1u);
	double		worst = 0;
	bool		ordered = true;

	for (int i = 0; i < ROWS; i++)
		for (uint32_t label = 0; label < nlabels; label++)
		{
			bool		negated = s->toy.model.nlabels == 2 && label != s->toy.model.positive;
			const ml_contribution *parts;
			double		x[FEATURES_MAX];
			double		sum = 0;
			double		expected;
			uint32_t	explained;
			size_t		n;

			if (ml_session_explain(s->ctx, s->session, &s->inputs[i * s->ncolumns],
								   s->toy.model.nlabels == 0 ? -1 : (int64_t) label, &explained, &parts, &n) != ML_OK)
			{
				unit_ok(false, "%s: explained (%s)", s->name, s->ctx->error.text);
				return;
			}
			for (size_t k = 0; k < n; k++)
				sum += parts[k].contribution;
			for (size_t k = 2; k < n; k++)
				ordered &= fabs(parts[k].contribution) <= fabs(parts[k - 1].contribution);
			ordered &= ml_text_equal(parts[0].feature, ML_TEXT("(intercept)"));
			features_of(s, i, x);
			expected = (negated ? -1 : 1) * score_of(s, x, s->toy.model.nlabels > 2 ? label : 0);
			/* the far date makes large scores */
			worst = ML_MAX(worst, fabs(sum - expected) / ML_MAX(fabs(expected), 1));
		}
	unit_ok(ordered, "%s: explanations are in order", s->name);
	unit_ok(worst < (toy_is_machine(s->toy.kind) ? 1e-6 : toy_has_text(s->toy.kind) ? 1e-6 : 1e-13),
			"%s: explanations add up (%g)", s->name, worst);
}

static void
test_names(served *s)
{
	static const struct
	{
		int			row;
		const char *name;
	} expected[] = {
		{7, "distance = 49"}, {10, "distance is null"}, {7, "x[1] = 0"}, {7, "x[2] = 10"}, {1, "x is null"},
		{2, "x has nulls"}, {0, "time_hour = 2000-01-01 00:00:00"}, {5, "time_hour is null"},
		{1, "time_hour = 2000-01-12 00:12:57"}, {0, "carrier = UA"}, {3, "carrier = ZZ"}, {11, "carrier is null"}
	};

	for (size_t i = 0; i < ML_LENGTH(expected); i++)
	{
		const ml_contribution *parts;
		uint32_t	explained;
		size_t		n = 0;

		if (ml_session_explain(s->ctx, s->session, &s->inputs[expected[i].row * s->ncolumns], -1, &explained,
							   &parts, &n) != ML_OK)
			abort();
		if (!unit_ok(part_named(parts, n, expected[i].name) != NULL, "%s: row %d: %s", s->name, expected[i].row,
					 expected[i].name))
			for (size_t k = 0; k < n; k++)
				unit_note("%.*s: %g", (int) parts[k].feature.size, parts[k].feature.data, parts[k].contribution);
	}
}

/* What a column adds is its weights times its features. */
static void
test_parts(served *s)
{
	const ml_tabular *tabular = &s->toy.table.tabular;
	const double *weights = s->toy.solution.weights;
	const ml_contribution *parts;
	const ml_contribution *part;
	double		x[FEATURES_MAX];
	double		expected = 0;
	uint32_t	explained;
	size_t		n;

	features_of(s, 7, x);
	if (ml_session_explain(s->ctx, s->session, &s->inputs[7 * s->ncolumns], -1, &explained, &parts, &n) != ML_OK)
		abort();
	for (uint32_t k = 0; k < tabular->columns[WHEN].nterms; k++)
		expected += weights[tabular->columns[WHEN].first + k] * x[tabular->columns[WHEN].first + k];
	for (size_t k = 0; k < n; k++)
		if (parts[k].feature.size > 9 && memcmp(parts[k].feature.data, "time_hour", 9) == 0)
			unit_is_near(parts[k].contribution, expected, 1e-13, "%s: a date is one part", s->name);
	part = part_named(parts, n, "x[2] = 10");
	expected = weights[tabular->columns[ITEMS].first + 1] * x[tabular->columns[ITEMS].first + 1];
	unit_is_near(part == NULL ? NAN : part->contribution, expected, 1e-13, "%s: an item is one part", s->name);
	unit_is_near(parts[0].contribution, s->toy.solution.bias[0], 0, "%s: the base value", s->name);
	unit_is_int(n, 1 + 1 + 2 + 1 + 1, "%s: no part more", s->name);
}

/* ---------- coefficients ---------- */

/* The value that a term multiplies, in the column's own units. */
static double
own_value(const served *s, const double *x, uint32_t j)
{
	const ml_tabular *tabular = &s->toy.table.tabular;

	return j < tabular->ndense ? x[j] * tabular->scaling[j].scale + tabular->scaling[j].mean : x[j];
}

static void
test_coefficients(served *s)
{
	const ml_solution *solution = &s->toy.solution;
	uint32_t	width = s->toy.table.tabular.ndense + s->toy.table.tabular.nhot;
	const ml_coefficient *c;
	ml_arena	arena = {0};
	double		x[FEATURES_MAX];
	double		worst = 0;
	size_t		n = 0;
	bool		right = true;

	if (toy_is_machine(s->toy.kind))
	{
		unit_fails(s->host, ml_image_coefficients(s->ctx, &arena, s->image, &c, &n), ML_UNSUPPORTED, "",
				   "%s: no coefficients", s->name);
		ml_arena_free(s->ctx, &arena);
		return;
	}
	if (!unit_ok(ml_image_coefficients(s->ctx, &arena, s->image, &c, &n) == ML_OK, "%s: coefficients (%s)", s->name,
				 s->ctx->error.text))
		return;
	unit_is_int(n, (width + 1) * solution->nscores, "%s: as many as terms", s->name);
	for (uint32_t k = 0; k < solution->nscores; k++)
		for (int i = 0; i < ROWS; i++)
		{
			const ml_coefficient *of = c + (size_t) k * (width + 1);
			double		sum = of[0].estimate;
			double		expected = solution->bias[k];

			features_of(s, i, x);
			for (uint32_t j = 0; j < width; j++)
			{
				expected += solution->weights[(size_t) k * solution->nfeatures + j] * x[j];
				if (!isnan(of[j + 1].estimate))
					sum += of[j + 1].estimate * own_value(s, x, j);
				right &= solution->nscores == 1 ? of[j].label.data == NULL : ml_text_equal(of[j].label, toy_labels[k]);
			}
			worst = ML_MAX(worst, fabs(sum - expected) / (1 + fabs(expected)));
		}
	unit_ok(worst < 1e-9, "%s: they predict in the columns' own units (%g)", s->name, worst);
	unit_ok(right, "%s: of which label", s->name);
	unit_is_text(c[0].term, "(intercept)", "%s: first", s->name);
	unit_is_text(c[1].term, "distance", "%s: second", s->name);
	unit_ok(isfinite(c[1].std_error) == (s->toy.kind == TOY_REGRESSION), "%s: statistics", s->name);
	ml_arena_free(s->ctx, &arena);
}

/* The regression has statistics, a dropped term, a reference level. */
static void
test_statistics(served *s)
{
	const ml_solution *solution = &s->toy.solution;
	const ml_tabular *tabular = &s->toy.table.tabular;
	const ml_coefficient *c;
	ml_arena	arena = {0};
	size_t		n;
	uint32_t	reference = tabular->columns[CARRIER].reference;

	if (ml_image_coefficients(s->ctx, &arena, s->image, &c, &n) != ML_OK)
		abort();
	unit_is_near(c[1].estimate, solution->weights[0] / tabular->scaling[0].scale, 1e-15, "estimate");
	unit_is_near(c[1].std_error, solution->std_error[0] / tabular->scaling[0].scale, 1e-15, "its error");
	unit_is_near(c[1].statistic, solution->weights[0] / solution->std_error[0], 1e-12, "t");
	unit_ok(c[1].p_value > 0 && c[1].p_value < 1, "p");
	/* scipy.stats.t.ppf(0.975, 47) */
	unit_is_near((c[1].high - c[1].low) / 2 / c[1].std_error, 2.011740513729766, 1e-9, "95 %% of t");
	unit_is_near(c[0].std_error, solution->bias_std_error, 0, "the intercept's error");
	unit_ok(isnan(c[1 + TOY_DROPPED].estimate) && isnan(c[1 + TOY_DROPPED].std_error) &&
			isnan(c[1 + TOY_DROPPED].p_value), "a dropped term has none");
	unit_is_text(c[1 + reference].term, "carrier = AA (reference)", "the reference level");
	unit_is_near(c[1 + reference].estimate, 0, 0, "is 0");
	unit_ok(isnan(c[1 + reference].std_error), "for certain");
	ml_arena_free(s->ctx, &arena);
}

/* ---------- what is refused ---------- */

static void
test_bad_rows(served *s)
{
	ml_value	row[NCOLUMNS];
	double		numbers[SCORES_MAX];
	uint32_t	label;
	bool		regression = s->toy.model.task == ML_REGRESSION;
	const ml_contribution *parts;
	size_t		n;

	for (int bad = 0; bad < 4; bad++)
	{
		double		items[3] = {1, 2, 3};

		memcpy(row, s->inputs, s->ncolumns * sizeof(ml_value));
		if (bad == 0)
			row[NUMBER].number = INFINITY;
		else if (bad == 1)
			row[ITEMS].items = (ml_items) {items, 3};
		else if (bad == 2)
			row[ITEMS].items = (ml_items) {items, 0};
		else
			row[WHEN].number = -INFINITY;
		unit_fails(s->host, regression ? ml_session_regress(s->ctx, s->session, 1, row, numbers) :
				   ml_session_predict(s->ctx, s->session, 1, row, &label, numbers), ML_BAD_INPUT,
				   bad == 0 ? "distance" : bad == 3 ? "time_hour" : "\"x\"", "%s: bad row %d", s->name, bad);
		unit_fails(s->host, ml_session_explain(s->ctx, s->session, row, -1, &label, &parts, &n), ML_BAD_INPUT, "",
				   "%s: bad row %d is not explained", s->name, bad);
	}
	if (regression)
		unit_fails(s->host, ml_session_predict(s->ctx, s->session, 1, s->inputs, &label, NULL), ML_UNSUPPORTED, "",
				   "%s: no labels", s->name);
	else
		unit_fails(s->host, ml_session_regress(s->ctx, s->session, 1, s->inputs, numbers), ML_UNSUPPORTED, "",
				   "%s: no number", s->name);
	if (!regression)
		unit_fails(s->host, ml_session_explain(s->ctx, s->session, s->inputs, s->toy.model.nlabels, &label, &parts, &n),
				   ML_BAD_INPUT, "no label", "%s: no such label", s->name);
	unit_ok(ml_session_predict(s->ctx, s->session, 0, NULL, NULL, NULL) == (regression ? ML_UNSUPPORTED : ML_OK),
			"%s: nothing asked", s->name);
}

static void
test_tokens(served *s)
{
	const ml_text *tokens;
	size_t		n = 0;

	ml_session_tokenize(s->session, ML_TEXT("Late crew"));
	if (!toy_has_text(s->toy.kind))
	{
		unit_fails(s->host, ml_session_tokens(s->ctx, s->session, &tokens, &n), ML_UNSUPPORTED, "no columns of text",
				   "%s: no words", s->name);
		return;
	}
	unit_ok(ml_session_tokens(s->ctx, s->session, &tokens, &n) == ML_OK && n == 2 &&
			ml_text_equal(tokens[0], ML_TEXT("late")), "%s: words as the model sees them", s->name);
}

/* A number as far away as can be has an answer whose parts are numbers, or none. */
static void
test_far(served *s)
{
	ml_value	row[NCOLUMNS];
	const ml_contribution *parts;
	uint32_t	label;
	double		sum = 0;
	double		numbers[SCORES_MAX];
	size_t		n;
	ml_status	status;

	memcpy(row, s->inputs, s->ncolumns * sizeof(ml_value));
	row[NUMBER].number = 1e200;
	if (s->toy.kind == TOY_POLYNOMIAL)
	{
		unit_fails(s->host, ml_session_predict(s->ctx, s->session, 1, row, &label, NULL), ML_BAD_INPUT, "out of range",
				   "%s: too far", s->name);
		return;
	}
	status = s->toy.model.task == ML_REGRESSION ? ml_session_regress(s->ctx, s->session, 1, row, numbers) :
		ml_session_predict(s->ctx, s->session, 1, row, &label, numbers);
	unit_ok(status == ML_OK && isfinite(numbers[0]), "%s: far away", s->name);
	if (!unit_ok(ml_session_explain(s->ctx, s->session, row, -1, &label, &parts, &n) == ML_OK, "%s: explained (%s)",
				 s->name, s->ctx->error.text))
		return;
	for (size_t i = 0; i < n; i++)
		sum += parts[i].contribution;
	unit_ok(isfinite(sum), "%s: by numbers", s->name);
	/* nothing is near: what remains is the bias */
	if (s->toy.kind == TOY_RBF_REGRESSION)
		unit_is_near(sum, s->toy.solution.bias[0], 1e-6, "%s: the bias remains", s->name);
}

/* plan, build, open, answer, explain, coefficients */
static ml_status
use(ml_context *ctx, const void *file, size_t size, const ml_value *inputs, uint32_t ncolumns)
{
	size_t		image_size;
	ml_status	status;
	ml_image   *image = build(ctx, file, size, 0x11, &image_size, &status);
	ml_session *session = NULL;
	const ml_contribution *parts;
	const ml_coefficient *coefficients;
	ml_arena	arena = {0};
	double		number;
	uint32_t	label;
	size_t		n;

	if (status != ML_OK)
		return status;
	if (ml_image_ncolumns(image) != ncolumns)
		status = ML_BAD_MODEL;
	for (uint32_t i = 0; i < ncolumns && status == ML_OK; i++)
		if (ml_column_form(ml_image_column_type(image, i), ml_image_column_role(image, i)) !=
			ml_column_form(small_columns[i].type, small_columns[i].role))
			status = ML_BAD_MODEL;
	if (status == ML_OK)
		status = ml_session_open(ctx, image, ml_kernel_select(ML_LEVEL_AUTO), &session);
	if (status == ML_OK)
		status = ml_image_task(image) == ML_REGRESSION ? ml_session_regress(ctx, session, 1, inputs, &number) :
			ml_session_predict(ctx, session, 1, inputs, &label, NULL);
	if (status == ML_OK)
		status = ml_session_explain(ctx, session, inputs, -1, &label, &parts, &n);
	if (status == ML_OK)
		status = ml_image_coefficients(ctx, &arena, image, &coefficients, &n);
	ml_arena_free(ctx, &arena);
	ml_session_close(ctx, session);
	free(image);
	return status == ML_UNSUPPORTED ? ML_OK : status;
}

static ml_status
use_scenario(ml_context *ctx, void *argument)
{
	const served *s = argument;

	return use(ctx, s->toy.file.data, s->toy.file.size, s->inputs, s->ncolumns);
}

/* Any bytes: an error or answers, never a crash (the sanitizers watch). */
static void
test_damage(served *s)
{
	const ml_buffer *file = &s->toy.file;
	char	   *copy = malloc(file->size);
	size_t		counts[2] = {0};
	bool		sound = true;
	ml_rng		rng;

	ml_rng_seed(&rng, 23);
	for (int i = 0; i < 6000; i++)
	{
		ml_status	status;

		memcpy(copy, file->data, file->size);
		for (uint64_t k = ml_rng_below(&rng, 3); k < 3; k++)
			copy[ml_rng_below(&rng, file->size)] ^= (char) (1 << ml_rng_below(&rng, 8));
		status = use(s->ctx, copy, file->size, s->inputs, s->ncolumns);
		counts[status == ML_OK]++;
		/* a model may have weights so large that a row is out of range */
		sound &= status == ML_OK || status == ML_BAD_MODEL || status == ML_NEWER_FORMAT || status == ML_BAD_INPUT;
	}
	unit_ok(sound && counts[1] > 0, "%s: bits flipped: %zu refused, %zu taken for another model", s->name, counts[0],
			counts[1]);
	free(copy);
}

static void
test_kind(unit_host *host, toy_kind kind)
{
	served		s;

	if (open_served(host, &s, kind))
	{
		test_accessors(&s);
		test_answers(&s);
		test_bits(&s);
		test_image(&s);
		test_explain(&s);
		test_names(&s);
		if (kind == TOY_REGRESSION)
			test_parts(&s);
		test_coefficients(&s);
		if (kind == TOY_REGRESSION)
			test_statistics(&s);
		test_bad_rows(&s);
		test_far(&s);
		test_tokens(&s);
		test_damage(&s);
		unit_every_allocation_fails(s.name, use_scenario, &s);
		unit_every_poll_cancels(s.name, use_scenario, &s);
	}
	close_served(&s);
}

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	for (toy_kind kind = 0; kind < TOY_KINDS; kind++)
		test_kind(&host, kind);
	unit_close(&host, "sessions of tables");
	return unit_done();
}
