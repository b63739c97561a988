/*-------------------------------------------------------------------------
 *
 * session_table.c
 *	  Image and rows of a table -> scores.
 *
 * A row becomes features (tabular.h), and these are multiplied by weights and
 * added up in one order, in plain C and double: the same bits on every
 * machine.  Features of texts come in whatever order, so their weights are
 * integers, whose sum is exact.  Kernel machines take a few rows at a time
 * (learn/machine.h).  No row allocates anything.
 *
 *-------------------------------------------------------------------------
 */
#include "model/session.h"

#include <math.h>

#define POLL_WORK		((size_t) 1 << 20)	/* features between two polls */
#define TEXT_CHUNK		4000

static ml_status
open_machine(ml_context *ctx, ml_table_session *table)
{
	table->machine = ml_image_machine(table->image);
	return ml_alloc(ctx, ml_size_mul(ml_size_mul(table->machine.width, ML_MACHINE_ROWS), sizeof(float)),
					(void **) &table->x);
}

static ml_status
allocate(ml_context *ctx, ml_session *session, ml_table_session *table)
{
	const ml_image *head = session->image;
	const ml_tabular *tabular = &table->image->tabular;

	ML_TRY(ml_alloc(ctx, ml_size_mul(head->ncolumns, sizeof(ml_text)), (void **) &table->names));
	ML_TRY(ml_alloc(ctx, ml_size_mul(tabular->ndense, sizeof(double)), (void **) &table->dense));
	ML_TRY(ml_alloc(ctx, ml_size_mul(tabular->ncategories, sizeof(uint32_t)), (void **) &table->hot));
	ML_TRY(ml_alloc(ctx, ml_size_mul(tabular->ntexts, sizeof(ml_text)), (void **) &table->texts));
	ML_TRY(ml_alloc(ctx, ml_size_mul(head->nscores, sizeof(ml_signed128)), (void **) &table->sums));
	ml_image_tabular(table->image, table->names, &table->tabular);
	return table->image->machine.kind == ML_MACHINE_NONE ? ML_OK : open_machine(ctx, table);
}

ml_status
ml_table_session_open(ml_context *ctx, ml_session *session)
{
	ML_TRY(ml_alloc_zero(ctx, sizeof(ml_table_session), (void **) &session->table));
	session->table->image = (const ml_table_image *) session->image;
	return allocate(ctx, session, session->table);
}

void
ml_table_session_close(ml_context *ctx, ml_table_session *table)
{
	if (table == NULL)
		return;
	ml_release(ctx, table->names);
	ml_release(ctx, table->dense);
	ml_release(ctx, table->hot);
	ml_release(ctx, table->texts);
	ml_release(ctx, table->sums);
	ml_release(ctx, table->x);
	ml_release(ctx, table);
}

const ml_text *
ml_table_session_texts(ml_table_session *table, const ml_value *inputs)
{
	const ml_tabular *tabular = &table->tabular;
	uint32_t	n = 0;

	for (uint32_t i = 0; n < tabular->ntexts; i++)
		if (tabular->columns[i].role == ML_ROLE_TEXT)
			table->texts[n++] = inputs[i].text;
	return table->texts;
}

ml_status
ml_table_session_encode(ml_context *ctx, ml_session *session, const ml_value *inputs, size_t r)
{
	ml_table_session *table = session->table;
	const ml_tabular *tabular = &table->tabular;
	float	   *x;

	ML_TRY(ml_tabular_encode(ctx, tabular, inputs, table->dense, table->hot));
	if (table->x == NULL)
		return ML_OK;
	x = table->x + r * table->machine.width;
	for (uint32_t j = 0; j < tabular->ndense; j++)
		x[j] = (float) table->dense[j];
	memset(x + tabular->ndense, 0, tabular->nhot * sizeof(float));
	for (uint32_t k = 0; k < tabular->ncategories; k++)
		if (table->hot[k] != ML_NO_TERM)
			x[table->hot[k]] = 1;
	return ML_OK;
}

/* ---------- linear models ---------- */

/* sum of weights[j] * values[j], in four sums whose order is fixed */
static inline double
dot(const double *weights, const double *values, uint32_t n)
{
	double		s[4] = {0};
	uint32_t	j = 0;

	for (; j + 4 <= n; j += 4)
	{
		s[0] += weights[j] * values[j];
		s[1] += weights[j + 1] * values[j + 1];
		s[2] += weights[j + 2] * values[j + 2];
		s[3] += weights[j + 3] * values[j + 3];
	}
	for (int k = 0; j < n; j++, k++)
		s[k] += weights[j] * values[j];
	return (s[0] + s[1]) + (s[2] + s[3]);
}

static inline void
add_numbers(const ml_table_session *table, uint32_t nscores, double *scores)
{
	const ml_tabular *tabular = &table->tabular;
	const double *weights = ml_image_at(&table->image->head, table->image->weights);

	if (nscores == 1)
	{
		scores[0] += dot(weights, table->dense, tabular->ndense);
		for (uint32_t k = 0; k < tabular->ncategories; k++)
			if (table->hot[k] != ML_NO_TERM)
				scores[0] += weights[table->hot[k]];
		return;
	}
	for (uint32_t j = 0; j < tabular->ndense; j++)
		for (uint32_t c = 0; c < nscores; c++)
			scores[c] += weights[(size_t) j * nscores + c] * table->dense[j];
	for (uint32_t k = 0; k < tabular->ncategories; k++)
		for (uint32_t c = 0; table->hot[k] != ML_NO_TERM && c < nscores; c++)
			scores[c] += weights[(size_t) table->hot[k] * nscores + c];
}

/* Add "factor" x tf x weight of a text's feature; its share in the length is added to *length. */
static inline void
add_feature(const ml_table_session *table, uint32_t id, int64_t factor, uint64_t square, uint32_t nscores,
			ml_sum128 *length)
{
	const int64_t *records = ml_image_at(&table->image->head, table->image->text_records);
	const int64_t *record = records + (size_t) id * (1 + (size_t) nscores);

	*length += (ml_sum128) ((uint64_t) record[0] * (uint64_t) record[0]) * square;
	for (uint32_t c = 0; c < nscores; c++)
		table->sums[c] += (ml_signed128) (factor * record[1 + c]);
}

/* All features of the texts: each as if it occurred once, then what those that occur again are more. */
static ml_status
sum_texts(ml_context *ctx, const ml_session *session, const ml_occurrences *found, ml_sum128 *length)
{
	uint32_t	nscores = session->image->nscores;
	uint64_t	once = session->tf[1];

	for (size_t i = 0; i < found->n; i++)
	{
		add_feature(session->table, found->ids[i], (int64_t) once, once * once, nscores, length);
		if (i % TEXT_CHUNK == TEXT_CHUNK - 1)
			ML_TRY(ml_poll(ctx));
	}
	for (size_t i = 0; i < found->nagain; i++)
	{
		uint64_t	tf = ml_session_tf(session, 1 + ML_COUNTED_COUNT(found->again[i]));

		add_feature(session->table, ML_COUNTED_KEY(found->again[i]), (int64_t) (tf - once),
					tf * tf - once * once, nscores, length);
		if (i % TEXT_CHUNK == TEXT_CHUNK - 1)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

static ml_status
add_texts(ml_context *ctx, ml_session *session, const ml_value *inputs, double *scores)
{
	ml_table_session *table = session->table;
	const double *scale = ml_image_scale(session->image);
	uint32_t	nscores = session->image->nscores;
	ml_occurrences found;
	ml_sum128	length = 0;

	ML_TRY(ml_encoder_find(ctx, session->encoder, ml_table_session_texts(table, inputs), &found));
	memset(table->sums, 0, nscores * sizeof(ml_signed128));
	ML_TRY(sum_texts(ctx, session, &found, &length));
	/* sums are in 1 / ML_TF_ONE, the length in 1 / (ML_TF_ONE x ML_IDF_ONE) */
	if (!session->recipe.l2_norm)
		session->unit = 1.0 / ML_TF_ONE;
	else
		session->unit = length == 0 ? 0.0 : ML_IDF_ONE / sqrt((double) length);
	for (uint32_t c = 0; c < nscores; c++)
		scores[c] += scale[c] * ((double) table->sums[c] * session->unit);
	return ML_OK;
}

static ml_status
score_linear(ml_context *ctx, ml_session *session, const ml_value *inputs)
{
	ml_table_session *table = session->table;
	const double *bias = ml_image_bias(session->image);
	uint32_t	nscores = session->image->nscores;
	double	   *scores = session->logits;

	ML_TRY(ml_table_session_encode(ctx, session, inputs, 0));
	for (uint32_t c = 0; c < nscores; c++)
		scores[c] = bias[c];
	add_numbers(table, nscores, scores);
	return session->encoder == NULL ? ML_OK : add_texts(ctx, session, inputs, scores);
}

/* ---------- all ---------- */

static ml_status
score_machine(ml_context *ctx, ml_session *session, size_t n, const ml_value *inputs)
{
	for (size_t r = 0; r < n; r++)
		ML_TRY(ml_table_session_encode(ctx, session, inputs + r * session->image->ncolumns, r));
	return ml_panels_scores(ctx, session->kernel, &session->table->machine, ml_image_bias(session->image),
							session->table->x, n, session->logits);
}

/* Scores of a row -> logits. */
static ml_status
calibrate(ml_context *ctx, const ml_session *session, double *scores)
{
	const double *slope = ml_image_slope(session->image);
	const double *offset = ml_image_offset(session->image);

	for (uint32_t c = 0; c < session->image->nscores; c++)
	{
		scores[c] = slope[c] * scores[c] + offset[c];
		if (ML_UNLIKELY(!isfinite(scores[c])))
			return ml_fail(ctx, ML_BAD_INPUT, "the row has values so large that its prediction is out of range");
	}
	return ML_OK;
}

ml_status
ml_table_session_score(ml_context *ctx, ml_session *session, size_t n, const ml_value *inputs, size_t *done)
{
	ml_table_session *table = session->table;

	*done = table->x != NULL && n >= ML_MACHINE_ROWS ? ML_MACHINE_ROWS : 1;
	if (table->x != NULL)
		ML_TRY(score_machine(ctx, session, *done, inputs));
	else
		ML_TRY(score_linear(ctx, session, inputs));
	for (size_t r = 0; r < *done; r++)
		ML_TRY(calibrate(ctx, session, session->logits + r * session->image->nscores));
	session->work += *done * (table->tabular.ndense + table->tabular.ncategories + 1) * session->image->nscores;
	if (ML_LIKELY(session->work < POLL_WORK))
		return ML_OK;
	session->work = 0;
	return ml_poll(ctx);
}
