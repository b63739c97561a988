/*-------------------------------------------------------------------------
 *
 * attention.c
 *	  Scaled dot-product attention of several heads over packed sequences.
 *
 *	  (q [words, heads x d], q_offsets, k [words', heads x d], v [words', heads x
 *	  dv], k_offsets) -> (o [words, heads x dv], log-sum-exps [words, heads])
 *
 *	  o[i] = sum over j of softmax_j(scale q[i] . k[j]) v[j]
 *
 * in each row and head (Vaswani et al., Attention Is All You Need, 2017).
 * Without k and v, q is [words, 3 x heads x d]: q, k, v side by side.  Without
 * k_offsets the rows of k are those of q.  Causal: a word sees those up to
 * itself; of a row with more keys than queries these are the last ones.
 *
 * Some rows of queries at a time see all keys of their row, in stretches of 512
 * that begin at its first key; the softmax goes along (Milakov and Gimelshein,
 * Online normalizer calculation for softmax, 2018).  What a query doesn't see has a
 * weight of 0, which changes no bit; so a result depends on its own row only, and
 * is the same whether its keys are the row's words (attention) or have been
 * kept in a state (attention_state).
 *
 * With the attribute "bf16" operands of products are rounded to bf16, sums and the
 * softmax remain in single precision: for training only.
 *
 *-------------------------------------------------------------------------
 */
#include "base/math.h"
#include "op/attention.h"
#include "op/ops.h"
#include "op/walk.h"

#define QUERIES			64		/* of a block */
#define QUERIES_CAUSAL	24		/* fewer, as blocks on the diagonal are half in vain */
#define KEYS			512		/* of a stretch */
#define PACKED			64		/* rows between polls, an even number */

/* === Operands === */

static ml_grid
grid_of(const ml_view *view, int64_t column)
{
	int			last = view->ndims - 1;

	return (ml_grid) {
		(char *) view->data + (view->data == NULL ? 0 : column * view->strides[last] * ml_dtypes[view->dtype].block_bytes),
		view->strides[last - 1], view->strides[last]
	};
}

void
ml_attention_open(ml_attention *a, const ml_op_run *run)
{
	const ml_view *q = &run->in[ATTEND_Q];
	bool		apart = run->nin > ATTEND_K && run->in[ATTEND_K].ndims > 0;
	size_t		channels = (size_t) q->dims[1] / (apart ? 1 : 3);

	*a = (ml_attention) {.run = run, .dtype = q->dtype, .heads = (size_t) run->attributes->ints[ATTEND_HEADS]};
	a->causal = run->attributes->ints[ATTEND_CAUSAL] != 0;
	a->d = channels / a->heads;
	a->dv = apart ? (size_t) run->in[ATTEND_V].dims[run->in[ATTEND_V].ndims - 1] / a->heads : a->d;
	a->scale = run->attributes->reals[ATTEND_SCALE];
	if (a->scale == 0)
		a->scale = 1 / sqrt((double) ML_MAX(a->d, 1));
	a->q = grid_of(q, 0);
	a->k = apart ? grid_of(&run->in[ATTEND_K], 0) : grid_of(q, (int64_t) channels);
	a->v = apart ? grid_of(&run->in[ATTEND_V], 0) : grid_of(q, 2 * (int64_t) channels);
	a->bf16 = run->attributes->ints[ATTEND_BF16] != 0 && a->dtype == ML_F32 && a->q.column == 1 && a->k.column == 1 &&
		a->v.column == 1;
	if (run->kernel == NULL)
		return;
	a->map = ml_map_of(run->kernel, a->dtype);
}

ml_status
ml_attention_rows(ml_attention *a)
{
	const ml_op_run *run = a->run;
	bool		apart = run->nin > ATTEND_K && run->in[ATTEND_K].ndims > 0;
	bool		others = run->nin > ATTEND_K_OFFSETS && run->in[ATTEND_K_OFFSETS].data != NULL;

	ML_TRY(ml_packed_open(run, &run->in[ATTEND_Q_OFFSETS], run->in[ATTEND_Q].dims[0], &a->pq));
	return ml_packed_open(run, &run->in[others ? ATTEND_K_OFFSETS : ATTEND_Q_OFFSETS],
						  run->in[apart ? ATTEND_K : ATTEND_Q].dims[0], &a->pk);
}

ml_status
ml_attention_turn(ml_attention *a, void *panels, const ml_grid *grid, size_t first, size_t n,
				  size_t column, size_t width)
{
	for (size_t i = 0; i < n; i += ML_PANEL)
	{
		size_t		rows = ML_MIN(n - i, ML_PANEL);
		char	   *to = (char *) panels + i * (a->bf16 ? ml_attention_pairs(width) : width) * a->map->width;

		if (a->bf16)
			a->run->kernel->network->turn_pairs((uint32_t *) (void *) to, ML_PANEL, ml_grid_at(a, grid, first + i, column),
												grid->row, rows, width);
		else if (a->dtype == ML_F32 && grid->column == 1)
			a->run->kernel->network->transpose((float *) (void *) to, ML_PANEL, ml_grid_at(a, grid, first + i, column),
											   grid->row, rows, width);
		else
			for (size_t r = 0; r < rows; r++)
				for (size_t c = 0; c < width; c++)
					memcpy(to + (c * ML_PANEL + r) * a->map->width, ml_grid_at(a, grid, first + i + r, column + c),
						   a->map->width);
		ML_TRY(ml_poll_after(a->run->ctx, &a->unpolled, rows * width));
	}
	return ML_OK;
}

ml_status
ml_attention_pack(ml_attention *a, void *panels, const ml_grid *grid, size_t first, size_t n, size_t column,
				  size_t width)
{
	for (size_t i = 0; i < n; i += PACKED)
	{
		size_t		rows = ML_MIN(n - i, PACKED);

		a->run->kernel->network->pack_pairs((uint32_t *) panels + i / 2 * ML_PANEL, ML_PANEL,
											(int64_t) ml_attention_pairs(n) * ML_PANEL,
											ml_grid_at(a, grid, first + i, column), grid->row, rows, width);
		ML_TRY(ml_poll_after(a->run->ctx, &a->unpolled, rows * width));
	}
	return ML_OK;
}

ml_status
ml_attention_straight(ml_attention *a, const ml_grid *grid, size_t first, size_t n, size_t column, size_t width,
					  void *memory, ml_grid *straight)
{
	*straight = (ml_grid) {ml_grid_at(a, grid, first, column), grid->row, 1};
	if (grid->column == 1)
		return ML_OK;
	*straight = (ml_grid) {memory, (int64_t) width, 1};
	for (size_t r = 0; r < n; r++)
	{
		for (size_t c = 0; c < width; c++)
			memcpy(ml_grid_at(a, straight, r, c), ml_grid_at(a, grid, first + r, column + c), a->map->width);
		ML_TRY(ml_poll_after(a->run->ctx, &a->unpolled, width));
	}
	return ML_OK;
}

/* === Forward === */

typedef struct forward
{
	ml_attention a;
	ml_grid		out;			/* [words, heads x dv] */
	char	   *logsums;		/* [words, heads], or NULL */
	/* workspace */
	void	   *keys;			/* of a head, turned round */
	void	   *values;			/* the same, where they don't lie side by side; with bf16 in panels */
	void	   *scores;			/* [QUERIES][ml_attention_stride(KEYS)] */
	uint32_t   *queries;		/* bf16: of a block, in pairs */
	uint32_t   *weights;		/* bf16: scores in pairs */
	/* of the queries of a block */
	double		maxima[QUERIES];
	double		sums[QUERIES];
	double		factors[QUERIES];
	float		maxima_f32[QUERIES];
	float		sums_f32[QUERIES];
	float		factors_f32[QUERIES];
} forward;

/* nkeys: at most, of a row */
static size_t
forward_memory(forward *f, char *memory, size_t nkeys)
{
	const ml_attention *a = &f->a;
	size_t		width = ml_dtypes[a->dtype].block_bytes;
	size_t		used = 0;
	struct
	{
		void	  **pointer;
		size_t		elements;
	}			parts[] = {
		{&f->keys, ml_panels_elements(a->bf16 ? ml_attention_pairs(a->d) : a->d, nkeys)},
		{&f->values, a->bf16 ? ml_panels_elements(ml_attention_pairs(nkeys), a->dv) :
		a->v.column == 1 ? 0 : ml_size_mul(a->dv, nkeys)},
		{&f->scores, QUERIES * ml_attention_stride(KEYS)},
		{(void **) (void *) &f->queries, a->bf16 ? QUERIES * ml_attention_pairs(a->d) : 0},
		{(void **) (void *) &f->weights, a->bf16 ? QUERIES * KEYS / 2 : 0}
	};

	for (size_t i = 0; i < ML_LENGTH(parts); i++)
	{
		if (memory != NULL)
			*parts[i].pointer = memory + used;
		used = ml_size_add(used, ml_size_align(ml_size_mul(parts[i].elements, width), ML_ALIGN));
	}
	return used;
}

/* A row's queries and keys, and the head at work. */
typedef struct head
{
	size_t		number;
	size_t		q;				/* first word */
	size_t		nq;
	size_t		nk;
	ml_grid		v;
} head;

/* A stretch of scores of n keys of query r, as kernel->network->attend does it in float. */
static void
attend_f64(forward *f, size_t r, double *scores, size_t n)
{
	const ml_map_kernel *map = f->a.map;
	double		before = f->maxima[r];

	f->factors[r] = 1;
	if (n == 0)
		return;
	map->scale(scores, scores, f->a.scale, 0, n);
	f->maxima[r] = ML_MAX(before, ml_map_largest(map, scores, n));
	f->factors[r] = ml_exp(before - f->maxima[r]);
	f->sums[r] = f->sums[r] * f->factors[r] + map->exp_sum(scores, scores, f->maxima[r], n);
}

/* Scores of a stretch of keys become weights, for queries i .. i + rows of the row. */
static void
weigh(forward *f, const head *h, size_t i, size_t rows, size_t key, size_t n)
{
	const ml_attention *a = &f->a;
	size_t		stride = ml_attention_stride(n);
	size_t		own[QUERIES];

	for (size_t r = 0; r < rows; r++)
	{
		size_t		sees = ml_attention_sees(a, i + r, h->nq, h->nk);

		own[r] = sees <= key ? 0 : ML_MIN(sees - key, n);
		if (a->dtype == ML_F64)
			attend_f64(f, r, (double *) f->scores + r * stride, own[r]);
	}
	if (a->dtype == ML_F32)
		a->run->kernel->network->attend(f->scores, (int64_t) stride, own, rows, (float) a->scale, f->maxima_f32, f->sums_f32,
										f->factors_f32);
	for (size_t r = 0; r < rows; r++)
	{
		void	   *out = ml_grid_at(a, &f->out, h->q + i + r, h->number * a->dv);

		memset((char *) f->scores + (r * stride + own[r]) * a->map->width, 0, (n - own[r]) * a->map->width);
		if (key > 0)
			a->map->binary[ML_MAP_MULTIPLY] (out, out, 1, a->dtype == ML_F32 ? (void *) &f->factors_f32[r] : (void *) &f->factors[r],
											 0, a->dv);
	}
}

/* Divide by the sums. */
static void
divide(forward *f, const head *h, size_t i, size_t rows)
{
	const ml_attention *a = &f->a;

	for (size_t r = 0; r < rows; r++)
	{
		void	   *out = ml_grid_at(a, &f->out, h->q + i + r, h->number * a->dv);

		if (a->dtype == ML_F32 ? f->sums_f32[r] == 0 : f->sums[r] == 0)
			memset(out, 0, a->dv * a->map->width);
		else
			a->map->binary[ML_MAP_DIVIDE] (out, out, 1, a->dtype == ML_F32 ? (void *) &f->sums_f32[r] : (void *) &f->sums[r],
										   0, a->dv);
	}
}

/* Logarithms of the sums; of a query that sees nothing 0. */
static void
hand_out_logsums(forward *f, const head *h, size_t i, size_t rows)
{
	const ml_attention *a = &f->a;
	size_t		at = (h->q + i) * a->heads + h->number;

	if (a->dtype == ML_F32)
	{
		float	   *logsums = (float *) (void *) f->logsums + at;

		a->map->unary[ML_MAP_LOG] (f->factors_f32, f->sums_f32, rows);
		for (size_t r = 0; r < rows; r++)
			logsums[r * a->heads] = f->sums_f32[r] == 0 ? 0 : f->maxima_f32[r] + f->factors_f32[r];
		return;
	}
	for (size_t r = 0; r < rows; r++)
		((double *) (void *) f->logsums + at)[r * a->heads] = f->sums[r] == 0 ? 0 : f->maxima[r] + ml_log(f->sums[r]);
}

/* Scores of queries i .. i + rows by a stretch of n keys. */
static ml_status
score(forward *f, const head *h, size_t i, size_t rows, size_t key, size_t n)
{
	const ml_attention *a = &f->a;
	size_t		terms = a->bf16 ? ml_attention_pairs(a->d) : a->d;
	ml_product	scores = {
		.c = f->scores, .c_row = (int64_t) ml_attention_stride(n), .c_panel = ML_PANEL,
		.a = ml_grid_at(a, &a->q, h->q + i, h->number * a->d), .a_row = a->q.row, .a_inner = a->q.column,
		.b = (void *) ((char *) f->keys + key * terms * a->map->width), .b_panel = (int64_t) terms * ML_PANEL,
		.b_inner = ML_PANEL, .rows = rows, .lanes = n, .outer = 1, .inner = terms
	};

	if (!a->bf16)
		return ml_product_run(a->run, a->dtype, &scores);
	if (key == 0)
		a->run->kernel->network->round_rows(f->queries, (int64_t) terms, scores.a, scores.a_row, rows, a->d);
	scores.a = (const float *) f->queries;
	scores.a_row = (int64_t) terms;
	return ml_product_pairs_run(a->run, &scores);
}

/* Sums of the stretch's values by these weights. */
static ml_status
sum_up(forward *f, const head *h, size_t i, size_t rows, size_t key, size_t n)
{
	const ml_attention *a = &f->a;
	const int64_t stride = (int64_t) ml_attention_stride(n);
	ml_product	sums = {
		.c = ml_grid_at(a, &f->out, h->q + i, h->number * a->dv), .c_row = f->out.row, .c_panel = ML_PANEL,
		.a = f->scores, .a_row = stride, .a_inner = 1,
		.b = ml_grid_at(a, &h->v, key, 0), .b_panel = ML_PANEL, .b_inner = h->v.row,
		.rows = rows, .lanes = a->dv, .outer = 1, .inner = n, .add = key > 0
	};

	if (!a->bf16)
		return ml_product_run(a->run, a->dtype, &sums);
	a->run->kernel->network->round_rows(f->weights, (int64_t) ml_attention_pairs(n), f->scores, stride, rows, n);
	sums.a = (const float *) f->weights;
	sums.a_row = (int64_t) ml_attention_pairs(n);
	sums.b = (const float *) f->values + key / 2 * ML_PANEL;
	sums.b_panel = (int64_t) ml_attention_pairs(h->nk) * ML_PANEL;
	sums.b_inner = ML_PANEL;
	sums.inner = ml_attention_pairs(n);
	return ml_product_pairs_run(a->run, &sums);
}

/* Queries i .. i + rows of a row and head, whose keys are in f->keys. */
static ml_status
attend_block(forward *f, const head *h, size_t i, size_t rows)
{
	ml_attention *a = &f->a;
	size_t		nkeys = ml_attention_sees(a, i + rows - 1, h->nq, h->nk);

	for (size_t r = 0; r < rows; r++)
	{
		f->maxima[r] = f->maxima_f32[r] = -INFINITY;
		f->sums[r] = f->sums_f32[r] = 0;
	}
	for (size_t key = 0; key < nkeys; key += KEYS)
	{
		size_t		n = ML_MIN(nkeys - key, KEYS);

		ML_TRY(score(f, h, i, rows, key, n));
		weigh(f, h, i, rows, key, n);
		ML_TRY(sum_up(f, h, i, rows, key, n));
		ML_TRY(ml_poll_after(a->run->ctx, &a->unpolled, rows * n * (a->d + a->dv + 32) / (a->dtype == ML_F64 ? 2 : 16)));
	}
	divide(f, h, i, rows);
	if (f->logsums != NULL)
		hand_out_logsums(f, h, i, rows);
	return ML_OK;
}

/* All heads of a row: queries from word q on, keys from row "first" of k and v on. */
static ml_status
attend_row(forward *f, size_t q, size_t nq, size_t first, size_t nk)
{
	ml_attention *a = &f->a;
	size_t		step = a->causal ? QUERIES_CAUSAL : QUERIES;

	for (size_t number = 0; number < a->heads && nq > 0; number++)
	{
		head		h = {number, q, nq, nk, {0}};

		ML_TRY(ml_attention_turn(a, f->keys, &a->k, first, nk, number * a->d, a->d));
		if (a->bf16)
			ML_TRY(ml_attention_pack(a, f->values, &a->v, first, nk, number * a->dv, a->dv));
		else
			ML_TRY(ml_attention_straight(a, &a->v, first, nk, number * a->dv, a->dv, f->values, &h.v));
		for (size_t i = 0; i < nq; i += step)
			ML_TRY(attend_block(f, &h, i, ML_MIN(nq - i, step)));
	}
	return ML_OK;
}

/* === attention === */

/* A matrix [words, heads x something]. */
static ml_status
check_heads(ml_context *ctx, const char *op, const ml_shape *x, int ndims, int64_t heads)
{
	char		text[ML_SHAPE_TEXT];

	if (x->layout != ML_PLAIN || x->ndims != ndims || x->dims[ndims - 1] < 0 || x->dims[ndims - 1] % heads != 0)
		return ML_OP_FAIL(ctx, "%s: %s is not of %lld heads", op, ml_shape_print(text, x), (long long) heads);
	return ML_OK;
}

static ml_status
shape_attention(ml_context *ctx, const ml_op_shapes *s)
{
	const ml_shape *q = s->in[ATTEND_Q];
	const ml_shape *k = s->nin > ATTEND_K ? s->in[ATTEND_K] : NULL;
	const ml_shape *v = s->nin > ATTEND_V ? s->in[ATTEND_V] : NULL;
	int64_t		heads = s->attributes->ints[ATTEND_HEADS];
	ml_dim		rows;
	ml_dim		rows_of_keys;

	if ((k == NULL) != (v == NULL))
		return ML_OP_FAIL(ctx, "attention: either both keys and values are given or none");
	ML_TRY(check_heads(ctx, "attention", q, 2, k == NULL ? 3 * heads : heads));
	ML_TRY(ml_packed_rows(ctx, "attention", s, ATTEND_Q_OFFSETS, &rows));
	s->out[ATTEND_OUT] = *q;
	s->out[ATTEND_LOGSUMS] = *q;
	s->out[ATTEND_LOGSUMS].dims[1] = heads;
	if (k == NULL)
	{
		s->out[ATTEND_OUT].dims[1] /= 3;
		return ML_OK;
	}
	ML_TRY(check_heads(ctx, "attention", k, 2, heads));
	ML_TRY(check_heads(ctx, "attention", v, 2, heads));
	if (k->dims[1] != q->dims[1] || k->dims[0] != v->dims[0])
		return ML_OP_FAIL(ctx, "attention: keys differ in width from queries, or in number from values");
	s->out[ATTEND_OUT].dims[1] = v->dims[1];
	if (s->nin > ATTEND_K_OFFSETS && s->in[ATTEND_K_OFFSETS] != NULL)
	{
		ML_TRY(ml_packed_rows(ctx, "attention", s, ATTEND_K_OFFSETS, &rows_of_keys));
		if (rows_of_keys != rows)
			return ML_OP_FAIL(ctx, "attention: keys and queries are of different numbers of rows");
	}
	else if (k->dims[0] != q->dims[0])
		return ML_OP_FAIL(ctx, "attention: keys need offsets of their own");
	return ML_OK;
}

static size_t
workspace_attention(const ml_op_run *run)
{
	bool		apart = run->nin > ATTEND_K && run->in[ATTEND_K].ndims > 0;
	forward		f;

	ml_attention_open(&f.a, run);
	return forward_memory(&f, NULL, (size_t) run->in[apart ? ATTEND_K : ATTEND_Q].dims[0]);
}

static ml_status
run_attention(const ml_op_run *run)
{
	forward		f;

	ml_attention_open(&f.a, run);
	ML_TRY(ml_attention_rows(&f.a));
	forward_memory(&f, run->workspace, f.a.pk.words);
	f.out = grid_of(&run->out[ATTEND_OUT], 0);
	f.logsums = run->out[ATTEND_LOGSUMS].data;
	for (size_t r = 0; r < f.a.pq.rows; r++)
		ML_TRY(attend_row(&f, (size_t) f.a.pq.offsets[r], ml_packed_length(&f.a.pq, r),
						  (size_t) f.a.pk.offsets[r], ml_packed_length(&f.a.pk, r)));
	return ML_OK;
}

static const ml_attribute attention_attributes[] = {
	{"heads", false, 1, 1024, 1},
	{"causal", false, 0, 1, 0},
	{"bf16", false, 0, 1, 0},
	{"scale", true, 0, 1e6, 0},
	{0}
};

#define STRIDED (1 << ATTEND_Q | 1 << ATTEND_K | 1 << ATTEND_V)

const ml_op ml_op_attention = {
	.name = "attention",
	.version = 1,
	.nin_least = 2,
	.nin_most = ATTEND_INPUTS,
	.nout = ATTEND_OUTPUTS,
	.flags = ML_OP_SKIPS,
	.attributes = attention_attributes,
	.shape = shape_attention,
	.backward = ml_attention_backward,
	.kernels = (const ml_op_kernel[]) {
		{"fif~f~i~>ff", STRIDED, run_attention, workspace_attention},
		{"did~d~i~>dd", STRIDED, run_attention, workspace_attention}, {0}}
};

/*
 * === attention_state: (q, q_offsets, k [rows, capacity, heads x d], v, lengths
 * [rows]) -> o: keys and values in states, of which a row has had lengths[row]
 * before its words in q, and now has these, too (state_append) ===
 */

static ml_status
shape_attention_state(ml_context *ctx, const ml_op_shapes *s)
{
	const ml_shape *q = s->in[ATTEND_Q];
	const ml_shape *k = s->in[ATTEND_K];
	const ml_shape *v = s->in[ATTEND_V];
	const ml_shape *lengths = s->in[ATTEND_K_OFFSETS];
	int64_t		heads = s->attributes->ints[ATTEND_HEADS];
	ml_dim		rows;

	ML_TRY(check_heads(ctx, "attention_state", q, 2, heads));
	ML_TRY(check_heads(ctx, "attention_state", k, 3, heads));
	ML_TRY(check_heads(ctx, "attention_state", v, 3, heads));
	ML_TRY(ml_packed_rows(ctx, "attention_state", s, ATTEND_Q_OFFSETS, &rows));
	if (k->dims[2] != q->dims[1] || k->dims[1] != v->dims[1] || k->dims[0] != rows || v->dims[0] != rows ||
		lengths->dtype != ML_I32 || lengths->ndims != 1 || lengths->dims[0] != rows)
		return ML_OP_FAIL(ctx, "attention_state: states or lengths are not of the rows and widths of queries");
	s->out[0] = *q;
	s->out[0].dims[1] = v->dims[2];
	return ML_OK;
}

/* Has each row room in a state for its new words? */
static ml_status
check_room(const ml_op_run *run, const ml_packed *p, const int32_t *lengths, int64_t capacity)
{
	for (size_t r = 0; r < p->rows; r++)
		if (lengths[r] < 0 || lengths[r] + (int64_t) ml_packed_length(p, r) > capacity)
			return ml_fail(run->ctx, ML_BAD_INPUT, "a sequence of more than %lld words", (long long) capacity);
	return ML_OK;
}

static size_t
workspace_attention_state(const ml_op_run *run)
{
	forward		f;

	ml_attention_open(&f.a, run);
	return forward_memory(&f, NULL, (size_t) run->in[ATTEND_K].dims[1]);
}

static ml_status
run_attention_state(const ml_op_run *run)
{
	const int32_t *lengths = run->in[ATTEND_K_OFFSETS].data;
	int64_t		capacity = run->in[ATTEND_K].dims[1];
	ml_grid		k;
	ml_grid		v;
	forward		f;

	ml_attention_open(&f.a, run);
	ML_TRY(ml_packed_open(run, &run->in[ATTEND_Q_OFFSETS], run->in[ATTEND_Q].dims[0], &f.a.pq));
	ML_TRY(check_room(run, &f.a.pq, lengths, capacity));
	forward_memory(&f, run->workspace, (size_t) capacity);
	f.out = grid_of(&run->out[0], 0);
	f.logsums = NULL;
	k = f.a.k;
	v = f.a.v;
	for (size_t r = 0; r < f.a.pq.rows; r++)
	{
		size_t		n = ml_packed_length(&f.a.pq, r);

		f.a.k.data = k.data + (int64_t) r * run->in[ATTEND_K].strides[0] * (int64_t) f.a.map->width;
		f.a.v.data = v.data + (int64_t) r * run->in[ATTEND_V].strides[0] * (int64_t) f.a.map->width;
		ML_TRY(attend_row(&f, (size_t) f.a.pq.offsets[r], n, 0, (size_t) lengths[r] + n));
	}
	return ML_OK;
}

const ml_op ml_op_attention_state = {
	.name = "attention_state",
	.version = 1,
	.nin_least = ATTEND_INPUTS,
	.nin_most = ATTEND_INPUTS,
	.nout = 1,
	.attributes = attention_attributes,
	.shape = shape_attention_state,
	.kernels = (const ml_op_kernel[]) {
		{"fiffi>f", STRIDED, run_attention_state, workspace_attention_state},
		{"diddi>d", STRIDED, run_attention_state, workspace_attention_state}, {0}}
};

/*
 * === state_append: (state [rows, capacity, channels], x [words, channels],
 * offsets, lengths [rows]) -> state: the words of each row put behind its first
 * lengths[row] ===
 */

static ml_status
shape_state_append(ml_context *ctx, const ml_op_shapes *s)
{
	const ml_shape *state = s->in[0];
	const ml_shape *x = s->in[1];
	const ml_shape *lengths = s->in[3];
	ml_dim		rows;

	ML_TRY(ml_packed_rows(ctx, "state_append", s, 2, &rows));
	if (state->ndims != 3 || x->ndims != 2 || state->dims[0] != rows || state->dims[2] != x->dims[1] ||
		state->dtype != x->dtype || lengths->dtype != ML_I32 || lengths->ndims != 1 || lengths->dims[0] != rows)
		return ML_OP_FAIL(ctx, "state_append: wants a state [rows, capacity, channels], words [words, channels] "
						  "and lengths [rows]");
	s->out[0] = *state;
	return ML_OK;
}

static ml_status
run_state_append(const ml_op_run *run)
{
	const ml_view *state = &run->out[0];
	const ml_view *x = &run->in[1];
	const int32_t *lengths = run->in[3].data;
	size_t		width = ml_dtypes[x->dtype].block_bytes;
	size_t		channels = (size_t) x->dims[1];
	size_t		unpolled = 0;
	ml_packed	p;

	ML_TRY(ml_packed_open(run, &run->in[2], x->dims[0], &p));
	ML_TRY(check_room(run, &p, lengths, state->dims[1]));
	for (size_t r = 0; r < p.rows; r++)
		for (size_t i = 0; i < ml_packed_length(&p, r); i++)
		{
			char	   *to = (char *) state->data +
				((size_t) state->dims[1] * r + (size_t) lengths[r] + i) * channels * width;
			const char *from = (const char *) x->data + ((int64_t) p.offsets[r] + (int64_t) i) * x->strides[0] * (int64_t) width;

			if (x->strides[1] == 1)
				memcpy(to, from, channels * width);
			else
				for (size_t c = 0; c < channels; c++)
					memcpy(to + c * width, from + (int64_t) c * x->strides[1] * (int64_t) width, width);
			ML_TRY(ml_poll_after(run->ctx, &unpolled, channels));
		}
	return ML_OK;
}

const ml_op ml_op_state_append = {
	.name = "state_append",
	.version = 1,
	.nin_least = 4,
	.nin_most = 4,
	.nout = 1,
	.flags = ML_OP_STATE,
	.shape = shape_state_append,
	.kernels = (const ml_op_kernel[]) {{"ffii>f", 2, run_state_append}, {"ddii>d", 2, run_state_append}, {0}}
};
