/*-------------------------------------------------------------------------
 *
 * attention_back.c
 *	  The way back through attention.
 *
 *	  (q, q_offsets, k, v, k_offsets, o, log-sum-exps, do) -> (dq, dk, dv)
 *
 * The weights p[i, j] = exp(scale q[i] . k[j] - logsum[i]) are computed again,
 * a block of queries by keys at a time (Dao et al., FlashAttention, 2022):
 *
 *	  dv[j] += p[i, j] do[i]
 *	  ds[i, j] = scale p[i, j] (do[i] . v[j] - do[i] . o[i])
 *	  dq[i] += ds[i, j] k[j], dk[j] += ds[i, j] q[i]
 *
 * Without k and v, dq is the gradient of q, k, v side by side, and the other
 * outputs are empty.
 *
 *-------------------------------------------------------------------------
 */
#include "op/attention.h"
#include "op/ops.h"
#include "op/walk.h"

#define QUERIES		64			/* of a block */
#define KEYS		128

typedef struct back
{
	ml_attention a;
	ml_grid		o;
	ml_grid		out;			/* do */
	ml_grid		dq;
	ml_grid		dk;
	ml_grid		dv;
	const void *logsums;
	/* workspace */
	void	   *keys;			/* of a head, in panels */
	void	   *values;
	void	   *scores;			/* [QUERIES][ml_attention_stride(KEYS)] */
	void	   *slopes;			/* the same */
	void	   *straight[2];	/* q, k of a head, where they don't lie side by side */
	/* bf16, in pairs: of a block along its rows, and for sums over them */
	uint32_t   *along[3];		/* q, do, slopes [QUERIES][..] */
	uint32_t   *across[4];		/* q, do in panels, scores, slopes [QUERIES / 2][n] */
	uint32_t   *keys_across;	/* of a head, in panels */
	double		shifts[QUERIES];
	double		sums[QUERIES];
} back;

static size_t
back_memory(back *b, char *memory)
{
	const ml_attention *a = &b->a;
	const ml_op_run *run = a->run;
	bool		apart = run->in[ATTEND_K].ndims > 0;
	size_t		nq = (size_t) run->in[ATTEND_Q].dims[0];
	size_t		nk = (size_t) run->in[apart ? ATTEND_K : ATTEND_Q].dims[0];
	size_t		width = ml_dtypes[a->dtype].block_bytes;
	size_t		used = 0;
	struct
	{
		void	  **pointer;
		size_t		elements;
	}			parts[] = {
		{&b->keys, ml_panels_elements(a->d, nk)},
		{&b->values, ml_panels_elements(a->dv, nk)},
		{&b->scores, QUERIES * ml_attention_stride(KEYS)},
		{&b->slopes, QUERIES * ml_attention_stride(KEYS)},
		{&b->straight[0], a->q.column == 1 ? 0 : ml_size_mul(nq, a->d)},
		{&b->straight[1], a->k.column == 1 ? 0 : ml_size_mul(nk, a->d)},
		{(void **) (void *) &b->along[0], a->bf16 ? QUERIES * ml_attention_pairs(a->d) : 0},
		{(void **) (void *) &b->along[1], a->bf16 ? QUERIES * ml_attention_pairs(a->dv) : 0},
		{(void **) (void *) &b->along[2], a->bf16 ? QUERIES * KEYS / 2 : 0},
		{(void **) (void *) &b->across[0], a->bf16 ? ml_panels_elements(QUERIES / 2, a->d) : 0},
		{(void **) (void *) &b->across[1], a->bf16 ? ml_panels_elements(QUERIES / 2, a->dv) : 0},
		{(void **) (void *) &b->across[2], a->bf16 ? QUERIES / 2 * KEYS : 0},
		{(void **) (void *) &b->across[3], a->bf16 ? QUERIES / 2 * KEYS : 0},
		{(void **) (void *) &b->keys_across, a->bf16 ? ml_panels_elements(ml_attention_pairs(nk), a->d) : 0}
	};

	for (size_t i = 0; i < ML_LENGTH(parts); i++)
	{
		if (memory != NULL)
			*parts[i].pointer = memory + used;
		used = ml_size_add(used, ml_size_align(ml_size_mul(parts[i].elements, width), ML_ALIGN));
	}
	return used;
}

/* The head of a row at work: its grids begin at its first word and column. */
typedef struct head
{
	size_t		number;
	size_t		q;				/* first word */
	size_t		nq;
	size_t		k;
	size_t		nk;
	ml_grid		qs;
	ml_grid		ks;
} head;

/* c (add: +)= a b, of a[rows][inner], with these strides, and b[inner][lanes] */
static ml_status
multiply(const ml_attention *a, void *c, int64_t c_row, const void *left, int64_t row, int64_t inner,
		 const ml_grid *right, size_t first, size_t rows, size_t lanes, size_t terms, bool add)
{
	ml_product	product = {
		.c = c, .c_row = c_row, .c_panel = ML_PANEL, .a = left, .a_row = row, .a_inner = inner,
		.b = ml_grid_at(a, right, first, 0), .b_panel = ML_PANEL, .b_inner = right->row,
		.rows = rows, .lanes = lanes, .outer = 1, .inner = terms, .add = add
	};

	return ml_product_run(a->run, a->dtype, &product);
}

/* scores = left . right turned round, of a block */
static ml_status
dots(const back *b, void *scores, const void *left, const ml_grid *grid, const void *panels, size_t key,
	 size_t rows, size_t n, size_t width)
{
	const ml_attention *a = &b->a;
	ml_product	product = {
		.c = scores, .c_row = (int64_t) ml_attention_stride(n), .c_panel = ML_PANEL, .a = left, .a_row = grid->row, .a_inner = grid->column,
		.b = (const void *) ((const char *) panels + key * width * a->map->width), .b_panel = (int64_t) width * ML_PANEL,
		.b_inner = ML_PANEL, .rows = rows, .lanes = n, .outer = 1, .inner = width
	};

	return ml_product_run(a->run, a->dtype, &product);
}

/* Scores and slopes of n weights of query r (kernel/network.h: attend_back). */
static void
slope(back *b, size_t r, void *scores, void *slopes, size_t n)
{
	const ml_attention *a = &b->a;

	if (a->dtype == ML_F32)
	{
		a->run->kernel->network->attend_back(scores, slopes, n, (float) a->scale, (float) b->sums[r], (float) b->shifts[r]);
		return;
	}
	a->map->scale(scores, scores, a->scale, -b->sums[r], n);
	a->map->unary[ML_MAP_EXP] (scores, scores, n);
	a->map->scale(slopes, slopes, a->scale, -a->scale * b->shifts[r], n);
	a->map->binary[ML_MAP_MULTIPLY] (slopes, slopes, 1, scores, 1, n);
}

/* A block: queries i .. i + rows of a head by keys key .. key + n. */
typedef struct block
{
	size_t		i;
	size_t		rows;
	size_t		key;
	size_t		n;
	bool		first;			/* of the blocks of queries for these keys */
	int64_t		stride;			/* of rows of scores and slopes */
	void	   *dq;				/* where its results begin; NULL: not wanted */
	void	   *dk;
	void	   *dv;
	ml_grid		out;			/* do */
} block;

/* Scores, and what they are to become the slopes of: products along the width of a head. */
static ml_status
block_dots(const back *b, const head *h, const block *k)
{
	const ml_attention *a = &b->a;

	ML_TRY(dots(b, b->scores, ml_grid_at(a, &h->qs, k->i, 0), &h->qs, b->keys, k->key, k->rows, k->n, a->d));
	return dots(b, b->slopes, k->out.data, &k->out, b->values, k->key, k->rows, k->n, a->dv);
}

static ml_status
block_sums(const back *b, const head *h, const block *k)
{
	const ml_attention *a = &b->a;

	if (k->dv != NULL)
		ML_TRY(multiply(a, k->dv, b->dv.row, b->scores, 1, k->stride, &k->out, 0, k->n, a->dv, k->rows, !k->first));
	if (k->dk != NULL)
		ML_TRY(multiply(a, k->dk, b->dk.row, b->slopes, 1, k->stride, &h->qs, k->i, k->n, a->d, k->rows, !k->first));
	if (k->dq != NULL)
		ML_TRY(multiply(a, k->dq, b->dq.row, b->slopes, k->stride, 1, &h->ks, k->key, k->rows, a->d, k->n, k->key > 0));
	return ML_OK;
}

/* === The same with pairs of bf16 === */

/* c (add: +)= a b of pairs: a with these strides, b in panels of so many pairs from the "first" on */
static ml_status
multiply_pairs(const ml_attention *a, void *c, int64_t c_row, const uint32_t *left, size_t row, size_t inner,
			   const void *right, size_t panel, size_t first, size_t rows, size_t lanes, size_t terms, bool add)
{
	ml_product	product = {
		.c = c, .c_row = c_row, .c_panel = ML_PANEL, .a = (const float *) left, .a_row = (int64_t) row,
		.a_inner = (int64_t) inner, .b = (const float *) right + first * ML_PANEL, .b_panel = (int64_t) panel * ML_PANEL,
		.b_inner = ML_PANEL, .rows = rows, .lanes = lanes, .outer = 1, .inner = ml_attention_pairs(terms), .add = add
	};

	return ml_product_pairs_run(a->run, &product);
}

static ml_status
block_dots_pairs(const back *b, const head *h, const block *k)
{
	const ml_attention *a = &b->a;
	const ml_network_kernel *kernel = a->run->kernel->network;
	size_t		d = ml_attention_pairs(a->d);
	size_t		dv = ml_attention_pairs(a->dv);

	kernel->round_rows(b->along[0], (int64_t) d, ml_grid_at(a, &h->qs, k->i, 0), h->qs.row, k->rows, a->d);
	kernel->round_rows(b->along[1], (int64_t) dv, (const float *) (void *) k->out.data, k->out.row, k->rows, a->dv);
	/* a panel's keys begin at a multiple of 32 */
	ML_TRY(multiply_pairs(a, b->scores, k->stride, b->along[0], d, 1, b->keys, d, k->key / ML_PANEL * d, k->rows, k->n, a->d, false));
	return multiply_pairs(a, b->slopes, k->stride, b->along[1], dv, 1, b->values, dv, k->key / ML_PANEL * dv, k->rows, k->n, a->dv,
						  false);
}

static ml_status
block_sums_pairs(const back *b, const head *h, const block *k)
{
	const ml_attention *a = &b->a;
	const ml_network_kernel *kernel = a->run->kernel->network;
	size_t		pairs = ml_attention_pairs(k->rows);
	int64_t		panel = (int64_t) pairs * ML_PANEL;

	if (k->dv != NULL)
	{
		kernel->pack_pairs(b->across[1], ML_PANEL, panel, (const float *) (void *) k->out.data, k->out.row, k->rows, a->dv);
		kernel->pack_pairs(b->across[2], k->n, 0, b->scores, k->stride, k->rows, k->n);
		ML_TRY(multiply_pairs(a, k->dv, b->dv.row, b->across[2], 1, k->n, b->across[1], pairs, 0, k->n, a->dv, k->rows,
							  !k->first));
	}
	if (k->dk != NULL)
	{
		kernel->pack_pairs(b->across[0], ML_PANEL, panel, ml_grid_at(a, &h->qs, k->i, 0), h->qs.row, k->rows, a->d);
		kernel->pack_pairs(b->across[3], k->n, 0, b->slopes, k->stride, k->rows, k->n);
		ML_TRY(multiply_pairs(a, k->dk, b->dk.row, b->across[3], 1, k->n, b->across[0], pairs, 0, k->n, a->d, k->rows,
							  !k->first));
	}
	if (k->dq == NULL)
		return ML_OK;
	kernel->round_rows(b->along[2], (int64_t) ml_attention_pairs(k->n), b->slopes, k->stride, k->rows, k->n);
	return multiply_pairs(a, k->dq, b->dq.row, b->along[2], ml_attention_pairs(k->n), 1, b->keys_across, ml_attention_pairs(h->nk), k->key / 2,
						  k->rows, a->d, k->n, k->key > 0);
}

/* === Blocks and heads === */

static ml_status
back_block(back *b, const head *h, size_t i, size_t rows, size_t key, size_t n, bool first)
{
	ml_attention *a = &b->a;
	size_t		q = h->q + i;
	block		k = {
		.i = i, .rows = rows, .key = key, .n = n, .first = first, .stride = (int64_t) ml_attention_stride(n),
		.dq = ml_grid_at(a, &b->dq, q, h->number * a->d),
		.dk = ml_grid_at(a, &b->dk, h->k + key, h->number * a->d),
		.dv = ml_grid_at(a, &b->dv, h->k + key, h->number * a->dv),
		.out = {ml_grid_at(a, &b->out, q, h->number * a->dv), b->out.row, 1}
	};

	ML_TRY((a->bf16 ? block_dots_pairs : block_dots) (b, h, &k));
	for (size_t r = 0; r < rows; r++)
	{
		size_t		sees = ml_attention_sees(a, i + r, h->nq, h->nk);
		size_t		own = sees <= key ? 0 : ML_MIN(sees - key, n);
		size_t		at = r * (size_t) k.stride * a->map->width;

		slope(b, r, (char *) b->scores + at, (char *) b->slopes + at, own);
		memset((char *) b->scores + at + own * a->map->width, 0, (n - own) * a->map->width);
		memset((char *) b->slopes + at + own * a->map->width, 0, (n - own) * a->map->width);
	}
	ML_TRY((a->bf16 ? block_sums_pairs : block_sums) (b, h, &k));
	return ml_poll_after(a->run->ctx, &a->unpolled,
						 rows * n * (3 * a->d + 2 * a->dv + 32) / (a->dtype == ML_F64 ? 2 : 16));
}

/* logsums and do . o of a block of queries */
static void
look_up(back *b, const head *h, size_t i, size_t rows)
{
	const ml_attention *a = &b->a;
	const char *out = ml_grid_at(a, &b->out, h->q + i, h->number * a->dv);
	const char *o = ml_grid_at(a, &b->o, h->q + i, h->number * a->dv);
	float		dots[QUERIES];

	if (a->dtype == ML_F32)
		a->run->kernel->network->dots(dots, (const float *) (const void *) out, b->out.row,
									  (const float *) (const void *) o, b->o.row, rows, a->dv);
	for (size_t r = 0; r < rows; r++)
	{
		size_t		at = (h->q + i + r) * a->heads + h->number;

		b->sums[r] = a->dtype == ML_F32 ? (double) ((const float *) b->logsums)[at] : ((const double *) b->logsums)[at];
		b->shifts[r] = a->dtype == ML_F32 ? dots[r] :
			a->map->dot(out + (int64_t) r * b->out.row * 8, o + (int64_t) r * b->o.row * 8, a->dv);
	}
}

/* n rows of a head become 0. */
static ml_status
clear(ml_attention *a, const ml_grid *grid, size_t first, size_t n, size_t column, size_t width)
{
	for (size_t r = 0; r < n && grid->data != NULL; r++)
	{
		memset(ml_grid_at(a, grid, first + r, column), 0, width * a->map->width);
		ML_TRY(ml_poll_after(a->run->ctx, &a->unpolled, width));
	}
	return ML_OK;
}

static ml_status
back_head(back *b, head *h)
{
	ml_attention *a = &b->a;

	if (h->nq == 0 || h->nk == 0)
	{
		ML_TRY(clear(a, &b->dq, h->q, h->nq, h->number * a->d, a->d));
		ML_TRY(clear(a, &b->dk, h->k, h->nk, h->number * a->d, a->d));
		ML_TRY(clear(a, &b->dv, h->k, h->nk, h->number * a->dv, a->dv));
		return ml_poll_after(a->run->ctx, &a->unpolled, 1);
	}
	ML_TRY(ml_attention_turn(a, b->keys, &a->k, h->k, h->nk, h->number * a->d, a->d));
	ML_TRY(ml_attention_turn(a, b->values, &a->v, h->k, h->nk, h->number * a->dv, a->dv));
	ML_TRY(ml_attention_straight(a, &a->q, h->q, h->nq, h->number * a->d, a->d, b->straight[0], &h->qs));
	ML_TRY(ml_attention_straight(a, &a->k, h->k, h->nk, h->number * a->d, a->d, b->straight[1], &h->ks));
	if (a->bf16)
		ML_TRY(ml_attention_pack(a, b->keys_across, &h->ks, 0, h->nk, 0, a->d));
	for (size_t key = 0; key < h->nk; key += KEYS)
	{
		bool		first = true;

		for (size_t i = 0; i < h->nq; i += QUERIES)
		{
			size_t		rows = ML_MIN(h->nq - i, QUERIES);

			/* the last queries see all keys, and the first keys begin each sum of dq */
			if (key > 0 && ml_attention_sees(a, i + rows - 1, h->nq, h->nk) <= key)
				continue;
			look_up(b, h, i, rows);
			ML_TRY(back_block(b, h, i, rows, key, ML_MIN(h->nk - key, KEYS), first));
			first = false;
		}
	}
	return ML_OK;
}

static ml_grid
grid_of(const ml_view *view, size_t column, size_t width)
{
	return (ml_grid) {view->data == NULL ? NULL : (char *) view->data + column * width, view->strides[0], 1};
}

static ml_status
run_attention_grad(const ml_op_run *run)
{
	bool		apart = run->in[ATTEND_K].ndims > 0;
	size_t		channels;
	back		b;
	ml_attention *a = &b.a;

	ml_attention_open(a, run);
	ML_TRY(ml_attention_rows(a));
	back_memory(&b, run->workspace);
	channels = a->heads * a->d;
	b.o = grid_of(&run->in[ATTEND_BACK_OUT], 0, a->map->width);
	b.out = grid_of(&run->in[ATTEND_BACK_DOUT], 0, a->map->width);
	b.logsums = run->in[ATTEND_BACK_LOGSUMS].data;
	b.dq = grid_of(&run->out[ATTEND_DQ], 0, a->map->width);
	b.dk = apart ? grid_of(&run->out[ATTEND_DK], 0, a->map->width) :
		grid_of(&run->out[ATTEND_DQ], channels, a->map->width);
	b.dv = apart ? grid_of(&run->out[ATTEND_DV], 0, a->map->width) :
		grid_of(&run->out[ATTEND_DQ], 2 * channels, a->map->width);
	for (size_t r = 0; r < a->pq.rows; r++)
		for (size_t number = 0; number < a->heads; number++)
		{
			head		h = {
				.number = number, .q = (size_t) a->pq.offsets[r], .nq = ml_packed_length(&a->pq, r),
				.k = (size_t) a->pk.offsets[r], .nk = ml_packed_length(&a->pk, r)
			};

			ML_TRY(back_head(&b, &h));
		}
	return ML_OK;
}

static size_t
workspace_attention_grad(const ml_op_run *run)
{
	back		b;

	ml_attention_open(&b.a, run);
	return back_memory(&b, NULL);
}

static ml_status
shape_attention_grad(ml_context *ctx, const ml_op_shapes *s)
{
	const ml_shape nothing = {s->in[ATTEND_Q]->dtype, ML_PLAIN, 1, {0}};

	s->out[ATTEND_DQ] = *s->in[ATTEND_Q];
	s->out[ATTEND_DK] = s->in[ATTEND_K] != NULL ? *s->in[ATTEND_K] : nothing;
	s->out[ATTEND_DV] = s->in[ATTEND_V] != NULL ? *s->in[ATTEND_V] : nothing;
	return ML_OK;
}

void
ml_attention_backward(ml_emitter *e, const ml_op_backward *b)
{
	int32_t		in[ATTEND_BACK_INPUTS];
	int32_t		out[ATTEND_BACK_OUTPUTS];

	/* log-sum-exps are for this rule only */
	if (b->dout[ATTEND_OUT] == ML_NO_VALUE)
		return;
	for (int i = 0; i < ATTEND_INPUTS; i++)
		in[i] = i < b->nin ? b->in[i] : ML_NO_VALUE;
	in[ATTEND_BACK_OUT] = b->out[ATTEND_OUT];
	in[ATTEND_BACK_LOGSUMS] = b->out[ATTEND_LOGSUMS];
	in[ATTEND_BACK_DOUT] = b->dout[ATTEND_OUT];
	e->node(e, &ml_op_attention_grad, b->attributes, ATTEND_BACK_INPUTS, in, ATTEND_BACK_OUTPUTS, out);
	if (e->status != ML_OK)
		return;
	b->din[ATTEND_Q] = out[ATTEND_DQ];
	if (b->nin > ATTEND_V && b->in[ATTEND_K] != ML_NO_VALUE)
	{
		b->din[ATTEND_K] = out[ATTEND_DK];
		b->din[ATTEND_V] = out[ATTEND_DV];
	}
}

static const ml_attribute attention_attributes[] = {
	{"heads", false, 1, 1024, 1},
	{"causal", false, 0, 1, 0},
	{"bf16", false, 0, 1, 0},
	{"scale", true, 0, 1e6, 0},
	{0}
};

#define STRIDED (1 << ATTEND_Q | 1 << ATTEND_K | 1 << ATTEND_V)

const ml_op ml_op_attention_grad = {
	.name = "attention_grad",
	.version = 1,
	.nin_least = 2,
	.nin_most = ATTEND_BACK_INPUTS,
	.nout = ATTEND_BACK_OUTPUTS,
	.flags = ML_OP_GRADIENT | ML_OP_SKIPS,
	.attributes = attention_attributes,
	.shape = shape_attention_grad,
	.kernels = (const ml_op_kernel[]) {
		{"fif~f~i~fff>fff", STRIDED, run_attention_grad, workspace_attention_grad},
		{"did~d~i~ddd>ddd", STRIDED, run_attention_grad, workspace_attention_grad}, {0}}
};
