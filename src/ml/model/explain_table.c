/*-------------------------------------------------------------------------
 *
 * explain_table.c
 *	  What the columns of a row add to a table's score.
 *
 * Of a linear model each feature adds its weight times its value, and a column
 * the sum of its features: one part for each column, each item of an array,
 * each n-gram of a text.  The base value is that of a row whose numbers are
 * their means and whose categories have no level.
 *
 * A kernel machine is no sum over features; what a feature adds is its
 * integrated gradient along the straight way from that base (Sundararajan,
 * Taly and Yan 2017),
 *
 *	  x_j * integral over a in [0, 1] of d score / d x_j at a x,
 *
 * which is summed up over the support vectors v in closed form, so that the
 * parts add up to the score without any step being too long.  With p = x.v
 * and the gradient of K along v:
 *
 *	  polynomial:	coefficient x_j v_j ((gamma p + coef0)^d - coef0^d) / p
 *	  rbf:			2 gamma coefficient x_j (v_j I0 - x_j I1),
 *					I0 = integral of K(a x, v), I1 = integral of a K(a x, v)
 *
 *-------------------------------------------------------------------------
 */
#include "base/math.h"
#include "feature/show.h"
#include "model/session.h"

#define POLL_PRODUCTS	((size_t) 1 << 20)
#define FARTHEST		1e100	/* that a row's feature is, seen from a support vector's float */

/* What the features of the row add. */
typedef struct feature_parts
{
	const double *dense;		/* [ndense] */
	const double *hot;			/* [ncategories] */
} feature_parts;

/* ---------- kernel machines ---------- */

/* The error function; absolute error below 1e-15. */
static double
error_function(double x)
{
	double		square = x * x;
	double		a = fabs(x);
	double		sum;

	if (a > 6)
		return x < 0 ? -1 : 1;
	if (a < 2.5)
	{
		double		term = x;

		sum = x;
		for (int n = 1; fabs(term) > 1e-18 * fabs(sum); n++)
		{
			term *= 2 * square / (2 * n + 1);
			sum += term;
		}
		return 1.12837916709551257390 * ml_exp(-square) * sum;
	}
	/* 1 - erf as a continued fraction, from its 40th level on */
	sum = a;
	for (int n = 40; n > 0; n--)
		sum = a + n * 0.5 / sum;
	sum = 1 - 0.56418958354775628695 * ml_exp(-square) / sum;
	return x < 0 ? -sum : sum;
}

/* A row, and what is the same for all support vectors. */
typedef struct way
{
	const double *x;			/* [width] */
	double		square;			/* x.x */
	double		gamma;
	double		coef0;
	int			degree;
} way;

/* I0 and I1, of a vector with x.v = p and v.v = q, and exp(-gamma |a x - v|^2) at a = 0 and 1. */
static void
integrate_rbf(const way *w, double p, double q, double *i0, double *i1, double ends[2])
{
	/* nodes and weights of Gauss and Legendre on [0, 1] */
	static const double node[4] = {
		0.591717321247824902, 0.762766204958164493, 0.898333238706813440, 0.980144928248768114
	};
	static const double weight[4] = {
		0.181341891689180991, 0.156853322938943644, 0.111190517226687235, 0.050614268145188129
	};
	double		s = sqrt(w->gamma * w->square);
	double		nearest = p / w->square;
	double		distance = q - p * nearest;
	double		peak;

	ends[0] = ml_exp(-w->gamma * q);
	ends[1] = ml_exp(-w->gamma * ML_MAX(w->square - 2 * p + q, 0));
	*i0 = *i1 = 0;
	if (s < 1)
	{
		for (int i = 0; i < 8; i++)
		{
			double		a = i < 4 ? node[i] : 1 - node[i - 4];
			double		k = weight[i % 4] * ml_exp(-w->gamma * ML_MAX(a * a * w->square - 2 * a * p + q, 0));

			*i0 += k;
			*i1 += a * k;
		}
		return;
	}
	peak = ml_exp(-w->gamma * ML_MAX(distance, 0));
	*i0 = peak * 0.88622692545275801365 / s * (error_function(s * (1 - nearest)) + error_function(s * nearest));
	*i1 = nearest * *i0 + (ends[0] - ends[1]) / (2 * s * s);
}

/* sum of (gamma p + coef0)^k coef0^(degree - 1 - k), k < degree, times gamma; and the kernel at the base. */
static double
integrate_polynomial(const way *w, double p, double *base)
{
	double		end = w->gamma * p + w->coef0;
	double		power = 1;
	double		sum = 0;

	*base = 1;
	for (int k = 0; k < w->degree; k++)
	{
		sum = sum * w->coef0 + power;
		power *= end;
		*base *= w->coef0;
	}
	return w->gamma * sum;
}

/* sums[j] += factor_v v_j; *along: what falls to x_j^2; *base: the score at the base. */
static ml_status
sum_vectors(ml_context *ctx, const ml_panels *m, const way *w, uint32_t score, double *sums, double *along,
			double *base)
{
	const float *coefficients = m->coefficients + (size_t) score * m->npanels * ML_MACHINE_LANES;
	size_t		work = 0;

	for (uint32_t v = 0; v < m->nvectors; v++)
	{
		const float *vector = m->vectors + (size_t) (v / ML_MACHINE_LANES) * m->width * ML_MACHINE_LANES +
			v % ML_MACHINE_LANES;
		double		c = (double) coefficients[v];
		double		p = 0;
		double		q = 0;
		double		factor;
		double		ends[2];

		for (uint32_t k = 0; k < m->width; k++)
		{
			double		value = (double) vector[(size_t) k * ML_MACHINE_LANES];

			p += w->x[k] * value;
			q += value * value;
		}
		if (m->kind == ML_MACHINE_RBF)
		{
			double		i0;
			double		i1;

			integrate_rbf(w, p, q, &i0, &i1, ends);
			factor = 2 * w->gamma * c * i0;
			*along -= 2 * w->gamma * c * i1;
		}
		else
			factor = c * integrate_polynomial(w, p, &ends[0]);
		*base += c * ends[0];
		for (uint32_t k = 0; k < m->width; k++)
			sums[k] += factor * (double) vector[(size_t) k * ML_MACHINE_LANES];
		if ((work += 2 * (size_t) m->width + 64) > POLL_PRODUCTS)
		{
			work = 0;
			ML_TRY(ml_poll(ctx));
		}
	}
	return ML_OK;
}

/* The score of the row in hand, which is the base. */
static ml_status
score_base(ml_context *ctx, ml_session *session, uint32_t score, double *base)
{
	double	   *scores;

	ML_TRY(ml_arena_alloc(ctx, &session->arena, ml_size_mul(session->image->nscores, sizeof(double)),
						  (void **) &scores));
	ML_TRY(ml_panels_scores(ctx, session->kernel, &session->table->machine, ml_image_bias(session->image),
							session->table->x, 1, scores));
	*base = scores[score];
	return ML_OK;
}

/* parts[width] of the score; *base is what it is at the base. */
static ml_status
explain_machine(ml_context *ctx, ml_session *session, uint32_t score, double *parts, double *base)
{
	ml_table_session *table = session->table;
	const ml_tabular *tabular = &table->tabular;
	const ml_panels *m = &table->machine;
	way			w = {.gamma = (double) m->gamma, .coef0 = (double) m->coef0, .degree = m->degree};
	double		along = 0;
	double	   *x;

	ML_TRY(ml_arena_alloc_zero(ctx, &session->arena, ml_size_mul(m->width, sizeof(double)), (void **) &x));
	/* so far away no kernel tells how far, and squares stay finite */
	for (uint32_t j = 0; j < tabular->ndense; j++)
		x[j] = ML_MAX(ML_MIN(table->dense[j], FARTHEST), -FARTHEST);
	for (uint32_t k = 0; k < tabular->ncategories; k++)
		if (table->hot[k] != ML_NO_TERM)
			x[table->hot[k]] = 1;
	for (uint32_t j = 0; j < m->width; j++)
		w.square += x[j] * x[j];
	w.x = x;
	*base = ml_image_bias(session->image)[score];
	memset(parts, 0, m->width * sizeof(double));
	if (w.square == 0)
		return score_base(ctx, session, score, base);
	ML_TRY(sum_vectors(ctx, m, &w, score, parts, &along, base));
	for (uint32_t j = 0; j < m->width; j++)
		parts[j] = x[j] * (parts[j] + x[j] * along);
	return ML_OK;
}

/* ---------- the parts of features ---------- */

static ml_status
parts_of_machine(ml_explanation *e, uint32_t score, feature_parts *parts, double *intercept)
{
	ml_session *session = e->session;
	const ml_tabular *tabular = &session->table->tabular;
	double		slope = ml_image_slope(session->image)[score];
	double		base;
	double	   *features;
	double	   *hot;

	ML_TRY(ml_arena_alloc(e->ctx, &session->arena, ml_size_mul(session->table->machine.width, sizeof(double)),
						  (void **) &features));
	ML_TRY(ml_arena_alloc(e->ctx, &session->arena, ml_size_mul(tabular->ncategories, sizeof(double)),
						  (void **) &hot));
	ML_TRY(explain_machine(e->ctx, session, score, features, &base));
	*intercept = slope * base + ml_image_offset(session->image)[score];
	for (uint32_t j = 0; j < session->table->machine.width; j++)
		features[j] *= slope;
	for (uint32_t k = 0; k < tabular->ncategories; k++)
		hot[k] = session->table->hot[k] == ML_NO_TERM ? 0 : features[session->table->hot[k]];
	*parts = (feature_parts){features, hot};
	return ML_OK;
}

static ml_status
parts_of_linear(ml_explanation *e, uint32_t score, feature_parts *parts, double *intercept)
{
	ml_session *session = e->session;
	const ml_table_session *table = session->table;
	const ml_image *head = session->image;
	const double *weights = ml_image_at(head, table->image->weights);
	double		slope = ml_image_slope(head)[score];
	double	   *dense;
	double	   *hot;

	ML_TRY(ml_arena_alloc(e->ctx, &session->arena, ml_size_mul(table->tabular.ndense, sizeof(double)),
						  (void **) &dense));
	ML_TRY(ml_arena_alloc(e->ctx, &session->arena, ml_size_mul(table->tabular.ncategories, sizeof(double)),
						  (void **) &hot));
	*intercept = slope * ml_image_bias(head)[score] + ml_image_offset(head)[score];
	for (uint32_t j = 0; j < table->tabular.ndense; j++)
		dense[j] = slope * (weights[(size_t) j * head->nscores + score] * table->dense[j]);
	for (uint32_t k = 0; k < table->tabular.ncategories; k++)
		hot[k] = table->hot[k] == ML_NO_TERM ? 0 :
			slope * weights[(size_t) table->hot[k] * head->nscores + score];
	*parts = (feature_parts){dense, hot};
	return ML_OK;
}

/* ---------- the parts of columns ---------- */

static ml_status
append(ml_explanation *e, ml_text text)
{
	return ml_append(e->ctx, &e->names, text.data, text.size);
}

/* One number, or a date, with all of its features. */
static ml_status
add_number(ml_explanation *e, uint32_t i, double value, const double *dense)
{
	const ml_tabular *tabular = e->tabular;
	const ml_tabular_column *column = &tabular->columns[i];
	size_t		start = e->names.size;
	double		sum = 0;

	for (uint32_t k = 0; k < column->nterms; k++)
		sum += dense[column->first + k];
	if (column->indicator != ML_NO_TERM)
		sum += dense[column->indicator];
	ML_TRY(append(e, tabular->names[i]));
	if (isnan(value))
		ML_TRY(append(e, ML_TEXT(" is null")));
	else
	{
		ML_TRY(append(e, ML_TEXT(" = ")));
		ML_TRY(ml_show_number(e->ctx, (ml_type) column->type, value, &e->names));
	}
	return ml_explain_add(e, start, sum);
}

/* The items of an array, then that one of them was missing; or all of an array that is. */
static ml_status
add_array(ml_explanation *e, uint32_t i, ml_items items, const double *dense)
{
	const ml_tabular *tabular = e->tabular;
	const ml_tabular_column *column = &tabular->columns[i];
	size_t		start;

	if (items.data == NULL)
		return add_number(e, i, NAN, dense);
	for (uint32_t k = 0; k < column->nterms; k++)
	{
		start = e->names.size;
		ML_TRY(append(e, tabular->names[i]));
		ML_TRY(ml_appendf(e->ctx, &e->names, "[%u]", k + 1));
		if (isnan(items.data[k]))
			ML_TRY(append(e, ML_TEXT(" is null")));
		else
		{
			ML_TRY(append(e, ML_TEXT(" = ")));
			ML_TRY(ml_show_number(e->ctx, ML_TYPE_NUMBER, items.data[k], &e->names));
		}
		ML_TRY(ml_explain_add(e, start, dense[column->first + k]));
	}
	if (column->indicator == ML_NO_TERM)
		return ML_OK;
	start = e->names.size;
	ML_TRY(append(e, tabular->names[i]));
	ML_TRY(append(e, ML_TEXT(" has nulls")));
	return ml_explain_add(e, start, dense[column->indicator]);
}

static ml_status
add_category(ml_explanation *e, uint32_t i, ml_text value, double part)
{
	size_t		start = e->names.size;

	ML_TRY(append(e, e->tabular->names[i]));
	if (value.data == NULL)
		ML_TRY(append(e, ML_TEXT(" is null")));
	else
	{
		ML_TRY(append(e, ML_TEXT(" = ")));
		ML_TRY(append(e, value));
	}
	return ml_explain_add(e, start, part);
}

ml_status
ml_explain_columns(ml_explanation *e, const ml_value *inputs, const double *dense, const double *hot)
{
	const ml_tabular *tabular = e->tabular;
	uint32_t	category = 0;

	for (uint32_t i = 0; i < tabular->ncolumns; i++)
	{
		const ml_tabular_column *column = &tabular->columns[i];

		if (!ml_role_is_tabular(column->role))
			continue;
		if (column->role == ML_ROLE_CATEGORY)
			ML_TRY(add_category(e, i, inputs[i].text, hot[category++]));
		else if (column->type == ML_TYPE_ARRAY)
			ML_TRY(add_array(e, i, inputs[i].items, dense));
		else
			ML_TRY(add_number(e, i, inputs[i].number, dense));
		if (i % 1024 == 1023)
			ML_TRY(ml_poll(e->ctx));
	}
	return ML_OK;
}

/* ---------- texts ---------- */

typedef struct text_value
{
	const ml_session *session;
	uint32_t	score;
	double		factor;
} text_value;

static double
value_of_text(const void *arg, uint32_t id, uint32_t count)
{
	const text_value *v = arg;
	const ml_table_image *image = v->session->table->image;
	const int64_t *records = ml_image_at(&image->head, image->text_records);
	int64_t		weight = records[(size_t) id * (1 + (size_t) image->head.nscores) + 1 + v->score];

	return v->factor * ((double) weight * ml_session_tf(v->session, count));
}

static ml_status
add_texts(ml_explanation *e, const ml_value *inputs, uint32_t score)
{
	ml_session *session = e->session;
	ml_table_session *table = session->table;
	text_value	value = {
		session, score,
		ml_image_slope(session->image)[score] * (ml_image_scale(session->image)[score] * session->unit)
	};
	ml_text    *columns;
	uint32_t	n = 0;

	ML_TRY(ml_arena_alloc(e->ctx, &session->arena, ml_size_mul(table->tabular.ntexts, sizeof(ml_text)),
						  (void **) &columns));
	for (uint32_t i = 0; i < table->tabular.ncolumns; i++)
		if (table->tabular.columns[i].role == ML_ROLE_TEXT)
			columns[n++] = table->tabular.names[i];
	return ml_explain_texts(e, ml_table_session_texts(table, inputs), table->tabular.ncolumns > 1 ? columns : NULL,
							value_of_text, &value);
}

ml_status
ml_explain_table(ml_explanation *e, const ml_value *inputs, uint32_t score, double *intercept)
{
	feature_parts parts;

	e->tabular = &e->session->table->tabular;
	if (e->session->table->x != NULL)
		ML_TRY(parts_of_machine(e, score, &parts, intercept));
	else
		ML_TRY(parts_of_linear(e, score, &parts, intercept));
	ML_TRY(ml_explain_columns(e, inputs, parts.dense, parts.hot));
	return e->session->encoder == NULL ? ML_OK : add_texts(e, inputs, score);
}
