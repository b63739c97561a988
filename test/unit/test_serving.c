/*-------------------------------------------------------------------------
 *
 * test_serving.c
 *	  What is served is what was fitted: trained models answer so that the
 *	  conditions of their optimum hold over the rows that they learnt from.
 *
 * The intercept is not penalised, so residuals add up to 0; and they are
 * orthogonal to an unpenalised column.  A feature that serving computed in
 * another way than training did would break both.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "base/hash.h"
#include "model/model.h"

#include <math.h>

#define ROWS		600
#define COLUMNS		5

enum
{
	HOURS, WHEN, CARRIER, NOTE, REMARK
};

static const ml_column columns[COLUMNS] = {
	{.name = {"hours", 5}, .type = ML_TYPE_NUMBER, .role = ML_ROLE_NUMBER},
	{.name = {"when", 4}, .type = ML_TYPE_TIMESTAMP, .role = ML_ROLE_DATE},
	{.name = {"carrier", 7}, .type = ML_TYPE_TEXT, .role = ML_ROLE_CATEGORY},
	{.name = {"note", 4}, .type = ML_TYPE_TEXT, .role = ML_ROLE_TEXT},
	{.name = {"remark", 6}, .type = ML_TYPE_TEXT, .role = ML_ROLE_TEXT}
};

typedef struct rows
{
	ml_value	inputs[ROWS * COLUMNS];
	ml_value	targets[ROWS];
	double		y[ROWS];		/* the number, or the number of the label */
	char		bytes[ROWS * 400];
	size_t		used;
} rows;

/* A text of n words, some of them twice, in several scripts. */
static ml_text
make_text(rows *r, ml_rng *rng, uint64_t n)
{
	static const char *const words[] = {
		"late", "gate", "crew", "weather", "storm", "\xc3\xbc" "ber", "\xe5\xbe\x88\xe5\xa5\xbd", "delayed", "delays",
		"3.14", ":-)", "boarding", "early"
	};
	size_t		start = r->used;

	for (uint64_t i = 0; i < n; i++)
		r->used += (size_t) sprintf(r->bytes + r->used, "%s ", words[ml_rng_below(rng, ML_LENGTH(words))]);
	return (ml_text) {r->bytes + start, r->used - start};
}

static void
make_rows(rows *r, ml_task task, int nlabels)
{
	static const char *const carriers[] = {"AA", "B6", "DL", "UA"};
	static const char *const labels[] = {"early", "late", "on time"};
	ml_rng		rng;

	ml_rng_seed(&rng, 77);
	r->used = 0;
	for (int i = 0; i < ROWS; i++)
	{
		ml_value   *inputs = &r->inputs[i * COLUMNS];
		double		signal;

		inputs[HOURS].number = i % 17 == 5 ? NAN : ml_rng_double(&rng) * 24;
		inputs[WHEN].number = i % 23 == 0 ? NAN : 4.1e8 + ml_rng_double(&rng) * 3e7;
		inputs[CARRIER].text = i % 29 == 0 ? (ml_text) {NULL, 0} : unit_text(carriers[ml_rng_below(&rng, 4)]);
		inputs[NOTE].text = i % 31 == 0 ? (ml_text) {NULL, 0} : make_text(r, &rng, 1 + ml_rng_below(&rng, 12));
		inputs[REMARK].text = make_text(r, &rng, ml_rng_below(&rng, 5));
		signal = (isnan(inputs[HOURS].number) ? 5 : inputs[HOURS].number) / 12 - 1 + ml_rng_double(&rng) * 2 -
			(inputs[NOTE].text.data != NULL && inputs[NOTE].text.data[0] == 'l');
		r->y[i] = task == ML_REGRESSION ? signal : signal > 0.8 && nlabels > 2 ? 2 : signal > 0;
		if (task == ML_REGRESSION)
			r->targets[i].number = signal;
		else
			r->targets[i].text = unit_text(labels[(int) r->y[i]]);
	}
}

typedef struct setting
{
	const char *algorithm;
	ml_task		task;
	int			nlabels;
	uint32_t	ncolumns;		/* without texts: 3 */
	const char *options;
	double		tolerance;		/* of the mean residual */
} setting;

static ml_status
train(ml_context *ctx, const rows *r, const setting *s, ml_buffer *stored)
{
	ml_value	inputs[ROWS * COLUMNS];
	ml_buffer	report = {0};
	ml_trainer *trainer;
	ml_status	status;

	for (int i = 0; i < ROWS; i++)
		memcpy(&inputs[i * s->ncolumns], &r->inputs[i * COLUMNS], s->ncolumns * sizeof(ml_value));
	ML_TRY(ml_trainer_open(ctx, &(ml_training)
						   {
							   .algorithm = unit_text(s->algorithm), .options = unit_text(s->options), .task = s->task,
							   .ncolumns = s->ncolumns, .columns = columns, .target = ML_TEXT("y"),
							   .memory = (size_t) 64 << 20, .kernel = ml_kernel_select(ML_LEVEL_AUTO)
						   }, &trainer));
	status = ml_trainer_add(ctx, trainer, &(ml_batch) {.n = ROWS, .inputs = inputs, .targets = r->targets});
	if (status == ML_OK)
		status = ml_trainer_finish(ctx, trainer, stored, &report);
	ml_trainer_close(ctx, trainer);
	ml_buffer_free(ctx, &report);
	return status;
}

/* What the model answers for each row: predictions, or probabilities[ROWS][nlabels]. */
static void
serve(ml_context *ctx, const rows *r, const setting *s, const ml_buffer *stored, double *answers)
{
	ml_value	inputs[ROWS * COLUMNS];
	ml_session *session;
	ml_image   *image;
	size_t		size;

	for (int i = 0; i < ROWS; i++)
		memcpy(&inputs[i * s->ncolumns], &r->inputs[i * COLUMNS], s->ncolumns * sizeof(ml_value));
	if (ml_image_plan(ctx, stored->data, stored->size, &size) != ML_OK)
		abort();
	image = aligned_alloc(ML_ALIGN, size);
	if (ml_image_build(ctx, stored->data, stored->size, image, size) != ML_OK ||
		ml_session_open(ctx, image, ml_kernel_select(ML_LEVEL_AUTO), &session) != ML_OK)
		abort();
	if ((s->task == ML_REGRESSION ? ml_session_regress(ctx, session, ROWS, inputs, answers) :
		 ml_session_predict(ctx, session, ROWS, inputs, NULL, answers)) != ML_OK)
		abort();
	ml_session_close(ctx, session);
	free(image);
}

static void
test_setting(unit_host *host, const setting *s)
{
	static rows r;
	double		answers[ROWS * 3];
	ml_buffer	stored = {0};
	int			width = s->task == ML_REGRESSION ? 1 : s->nlabels;
	const char *kind = s->task == ML_REGRESSION ? "regression" : s->nlabels == 2 ? "two labels" : "three labels";

	make_rows(&r, s->task, s->nlabels);
	if (!unit_ok(train(&host->ctx, &r, s, &stored) == ML_OK, "%s, %s, %u columns: trained (%s)", s->algorithm, kind,
				 s->ncolumns, host->ctx.error.text))
		return;
	serve(&host->ctx, &r, s, &stored, answers);
	for (int c = 0; c < width; c++)
	{
		double		sum = 0;
		double		squares = 0;

		for (int i = 0; i < ROWS; i++)
		{
			double		target = s->task == ML_REGRESSION ? r.y[i] : r.y[i] == c;

			sum += answers[i * width + c] - target;
			squares += (answers[i * width + c] - target) * (answers[i * width + c] - target);
		}
		unit_ok(fabs(sum / ROWS) < s->tolerance, "%s, %s, %u columns, score %d: residuals add up to nothing (%g)",
				s->algorithm, kind, s->ncolumns, c, sum / ROWS);
		unit_ok(squares > 0 && squares / ROWS < 0.6, "%s, %s, %u columns, score %d: something was learnt (%g)",
				s->algorithm, kind, s->ncolumns, c, squares / ROWS);
	}
	ml_buffer_free(&host->ctx, &stored);
}

int
main(void)
{
	static const setting settings[] = {
		{"linear_regression", ML_REGRESSION, 0, 3, "{\"holdout\": 0}", 1e-10},
		{"linear_regression", ML_REGRESSION, 0, COLUMNS, "{\"holdout\": 0, \"penalty\": \"l2\", \"alpha\": 0.001}", 1e-7},
		{"logistic_regression", ML_CLASSIFICATION, 2, 3, "{\"holdout\": 0, \"tolerance\": 1e-9}", 1e-8},
		{"logistic_regression", ML_CLASSIFICATION, 3, 3, "{\"holdout\": 0, \"tolerance\": 1e-9, \"epochs\": 1000}", 1e-7},
		{"logistic_regression", ML_CLASSIFICATION, 2, COLUMNS, "{\"holdout\": 0, \"tolerance\": 1e-9, \"epochs\": 1000}", 1e-7},
		{"logistic_regression", ML_CLASSIFICATION, 3, COLUMNS,
		 "{\"holdout\": 0, \"tolerance\": 1e-9, \"epochs\": 1000, \"char_ngrams\": [2, 4], \"sublinear_tf\": false}", 1e-7},
		{"logistic_regression", ML_CLASSIFICATION, 2, COLUMNS,
			"{\"holdout\": 0, \"tolerance\": 1e-9, \"epochs\": 1000, \"char_ngrams\": [3, 3], \"l2_norm\": false, \"min_df\": 40}", 1e-7}
	};
	unit_host	host;

	unit_open(&host);
	for (size_t i = 0; i < ML_LENGTH(settings); i++)
		test_setting(&host, &settings[i]);
	unit_close(&host, "serving");
	return unit_done();
}
