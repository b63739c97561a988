/*-------------------------------------------------------------------------
 *
 * sequence.c
 *	  Sums, means, maxima, first and last words of the rows of packed sequences,
 *	  and the way back; rows in reverse; positions and their sinusoidal encoding.
 *
 * x is [words, ...], offsets int32 [rows + 1] (op/packed.h).  A row without
 * words gives 0.  Words of a row are added in their order, so its result depends
 * on no other row.  Ops that make words of rows are told how many words there
 * are: attribute dims = [words].
 *
 *-------------------------------------------------------------------------
 */
#include "op/packed.h"
#include "op/walk.h"

/* out 0: input 0 with its words replaced by rows, of which input 1 has the offsets. */
static ml_status
shape_rows(ml_context *ctx, const char *op, const ml_op_shapes *s)
{
	const ml_shape *x = s->in[0];
	char		text[ML_SHAPE_TEXT];

	if (x->ndims < 1 || x->layout != ML_PLAIN)
		return ML_OP_FAIL(ctx, "%s: wants a packed value [words, ...], not %s", op,
						  ml_shape_print(text, x));
	s->out[0] = *x;
	return ml_packed_rows(ctx, op, s, 1, &s->out[0].dims[0]);
}

/* out 0: input 0 with its rows replaced by the words of attribute dims. */
static ml_status
shape_words(ml_context *ctx, const char *op, const ml_op_shapes *s, int offsets)
{
	const ml_shape *y = s->in[0];
	char		text[ML_SHAPE_TEXT];

	if (s->attributes->ndims != 1)
		return ML_OP_FAIL(ctx, "%s: dims must be [words]", op);
	if (offsets > 0)
	{
		ml_dim		rows;

		ML_TRY(ml_packed_rows(ctx, op, s, offsets, &rows));
		if (y->ndims < 1 || y->layout != ML_PLAIN || y->dims[0] != rows)
			return ML_OP_FAIL(ctx, "%s: wants a value [rows, ...], not %s", op, ml_shape_print(text, y));
	}
	s->out[0] = *y;
	s->out[0].dims[0] = s->attributes->dims[0];
	return ML_OK;
}

/* Where word w of a value begins. */
static inline char *
word_at(const ml_view *view, size_t w, size_t bytes)
{
	return (char *) view->data + w * bytes;
}

/* === segment_sum: y[r] = sum of x[w] over the words of r; segment_mean: divided by their number === */

static ml_status
run_segment_total(const ml_op_run *run, bool mean)
{
	const ml_map_kernel *map = ml_map_of(run->kernel, run->out[0].dtype);
	size_t		channels = ml_packed_channels(&run->in[0]);
	size_t		bytes = channels * map->width;
	size_t		unpolled = 0;
	ml_packed	p;

	ML_TRY(ml_packed_open(run, &run->in[1], run->in[0].dims[0], &p));
	for (size_t r = 0; r < p.rows; r++)
	{
		char	   *y = word_at(&run->out[0], r, bytes);
		size_t		n = ml_packed_length(&p, r);

		if (n == 0)
			memset(y, 0, bytes);
		else
			memcpy(y, word_at(&run->in[0], p.offsets[r], bytes), bytes);
		for (size_t w = 1; w < n; w++)
		{
			map->binary[ML_MAP_ADD] (y, y, 1, word_at(&run->in[0], p.offsets[r] + w, bytes), 1, channels);
			ML_TRY(ml_poll_after(run->ctx, &unpolled, channels));
		}
		if (mean && n > 1)
		{
			float		f = (float) n;
			double		d = (double) n;

			map->binary[ML_MAP_DIVIDE] (y, y, 1, map->width == sizeof(float) ? (void *) &f : (void *) &d,
										0, channels);
		}
		ML_TRY(ml_poll_after(run->ctx, &unpolled, channels));
	}
	return ML_OK;
}

static ml_status
run_segment_sum(const ml_op_run *run)
{
	return run_segment_total(run, false);
}

static ml_status
run_segment_mean(const ml_op_run *run)
{
	return run_segment_total(run, true);
}

static ml_status
shape_segment_sum(ml_context *ctx, const ml_op_shapes *s)
{
	return shape_rows(ctx, "segment_sum", s);
}

static ml_status
shape_segment_mean(ml_context *ctx, const ml_op_shapes *s)
{
	return shape_rows(ctx, "segment_mean", s);
}

/* dx[w] = dy[row of w], divided by the words of the row */
static void
backward_segment_sum(ml_emitter *e, const ml_op_backward *b)
{
	b->din[0] = ml_emit_words(e, &ml_op_segment_spread, NULL, 2, (int32_t[]) {b->dout[0], b->in[1]},
							  b->in[0]);
}

static void
backward_segment_mean(ml_emitter *e, const ml_op_backward *b)
{
	b->din[0] = ml_emit_words(e, &ml_op_segment_spread, &(ml_attributes) {.ints = {1}}, 2,
							  (int32_t[]) {b->dout[0], b->in[1]}, b->in[0]);
}

#define SEGMENT_OP(name_, run_) \
const ml_op ml_op_##name_ = { \
	.name = #name_, \
	.version = 1, \
	.nin_least = 2, \
	.nin_most = 2, \
	.nout = 1, \
	.shape = shape_##name_, \
	.backward = backward_##name_, \
	.kernels = (const ml_op_kernel[]) {{"fi>f", 0, run_}, {"di>d", 0, run_}, {0}} \
};

SEGMENT_OP(segment_sum, run_segment_sum)
SEGMENT_OP(segment_mean, run_segment_mean)

/* === segment_spread(mean): x[w] = y[row of w]; mean: divided by the words of the row === */

static ml_status
shape_segment_spread(ml_context *ctx, const ml_op_shapes *s)
{
	return shape_words(ctx, "segment_spread", s, 1);
}

static ml_status
run_segment_spread(const ml_op_run *run)
{
	const ml_map_kernel *map = ml_map_of(run->kernel, run->out[0].dtype);
	size_t		channels = ml_packed_channels(&run->out[0]);
	size_t		bytes = channels * map->width;
	size_t		unpolled = 0;
	ml_packed	p;

	ML_TRY(ml_packed_open(run, &run->in[1], run->out[0].dims[0], &p));
	for (size_t r = 0; r < p.rows; r++)
	{
		const char *y = word_at(&run->in[0], r, bytes);
		char	   *first = word_at(&run->out[0], p.offsets[r], bytes);
		size_t		n = ml_packed_length(&p, r);

		if (n == 0)
			continue;
		if (run->attributes->ints[0] && n > 1)
		{
			float		f = (float) n;
			double		d = (double) n;

			map->binary[ML_MAP_DIVIDE] (first, y, 1, map->width == sizeof(float) ? (void *) &f : (void *) &d,
										0, channels);
		}
		else
			memcpy(first, y, bytes);
		for (size_t w = 1; w < n; w++)
		{
			memcpy(first + w * bytes, first, bytes);
			ML_TRY(ml_poll_after(run->ctx, &unpolled, channels));
		}
	}
	return ML_OK;
}

static void
backward_segment_spread(ml_emitter *e, const ml_op_backward *b)
{
	b->din[0] = ml_emit2(e, b->attributes->ints[0] ? &ml_op_segment_mean : &ml_op_segment_sum, NULL,
						 b->dout[0], b->in[1]);
}

static const ml_attribute spread_attributes[] = {{"mean", false, 0, 1, 0}, {0}};

const ml_op ml_op_segment_spread = {
	.name = "segment_spread",
	.version = 1,
	.nin_least = 2,
	.nin_most = 2,
	.nout = 1,
	.attributes = spread_attributes,
	.shape = shape_segment_spread,
	.backward = backward_segment_spread,
	.kernels = (const ml_op_kernel[]) {{"fi>f", 0, run_segment_spread}, {"di>d", 0, run_segment_spread}, {0}}
};

/* === segment_first, segment_last: y[r] = x[first or last word of r] === */

/* The word that segment_first and segment_last take of row r, which has one. */
static inline size_t
picked(const ml_packed *p, size_t r, bool last)
{
	return last ? (size_t) p->offsets[r + 1] - 1 : (size_t) p->offsets[r];
}

static ml_status
run_segment_pick(const ml_op_run *run, bool last)
{
	size_t		bytes = ml_packed_channels(&run->in[0]) * ml_dtypes[run->in[0].dtype].block_bytes;
	size_t		unpolled = 0;
	ml_packed	p;

	ML_TRY(ml_packed_open(run, &run->in[1], run->in[0].dims[0], &p));
	for (size_t r = 0; r < p.rows; r++)
	{
		char	   *y = word_at(&run->out[0], r, bytes);

		if (ml_packed_length(&p, r) == 0)
			memset(y, 0, bytes);
		else
			memcpy(y, word_at(&run->in[0], picked(&p, r, last), bytes), bytes);
		ML_TRY(ml_poll_after(run->ctx, &unpolled, bytes));
	}
	return ML_OK;
}

static ml_status
run_segment_first(const ml_op_run *run)
{
	return run_segment_pick(run, false);
}

static ml_status
run_segment_last(const ml_op_run *run)
{
	return run_segment_pick(run, true);
}

static ml_status
shape_segment_first(ml_context *ctx, const ml_op_shapes *s)
{
	return shape_rows(ctx, "segment_first", s);
}

static ml_status
shape_segment_last(ml_context *ctx, const ml_op_shapes *s)
{
	return shape_rows(ctx, "segment_last", s);
}

static void
backward_segment_first(ml_emitter *e, const ml_op_backward *b)
{
	b->din[0] = ml_emit_words(e, &ml_op_segment_place, NULL, 2, (int32_t[]) {b->dout[0], b->in[1]},
							  b->in[0]);
}

static void
backward_segment_last(ml_emitter *e, const ml_op_backward *b)
{
	b->din[0] = ml_emit_words(e, &ml_op_segment_place, &(ml_attributes) {.ints = {1}}, 2,
							  (int32_t[]) {b->dout[0], b->in[1]}, b->in[0]);
}

SEGMENT_OP(segment_first, run_segment_first)
SEGMENT_OP(segment_last, run_segment_last)

/* === segment_place(last): x = 0 but for the first or last word of each row, which is y[r] === */

static ml_status
shape_segment_place(ml_context *ctx, const ml_op_shapes *s)
{
	return shape_words(ctx, "segment_place", s, 1);
}

static ml_status
run_segment_place(const ml_op_run *run)
{
	size_t		bytes = ml_packed_channels(&run->out[0]) * ml_dtypes[run->out[0].dtype].block_bytes;
	size_t		unpolled = 0;
	ml_packed	p;

	ML_TRY(ml_packed_open(run, &run->in[1], run->out[0].dims[0], &p));
	for (size_t w = 0; w < p.words; w++)
	{
		memset(word_at(&run->out[0], w, bytes), 0, bytes);
		ML_TRY(ml_poll_after(run->ctx, &unpolled, bytes));
	}
	for (size_t r = 0; r < p.rows; r++)
		if (ml_packed_length(&p, r) > 0)
		{
			memcpy(word_at(&run->out[0], picked(&p, r, run->attributes->ints[0]), bytes),
				   word_at(&run->in[0], r, bytes), bytes);
			ML_TRY(ml_poll_after(run->ctx, &unpolled, bytes));
		}
	return ML_OK;
}

static void
backward_segment_place(ml_emitter *e, const ml_op_backward *b)
{
	b->din[0] = ml_emit2(e, b->attributes->ints[0] ? &ml_op_segment_last : &ml_op_segment_first, NULL,
						 b->dout[0], b->in[1]);
}

static const ml_attribute place_attributes[] = {{"last", false, 0, 1, 0}, {0}};

const ml_op ml_op_segment_place = {
	.name = "segment_place",
	.version = 1,
	.nin_least = 2,
	.nin_most = 2,
	.nout = 1,
	.attributes = place_attributes,
	.shape = shape_segment_place,
	.backward = backward_segment_place,
	.kernels = (const ml_op_kernel[]) {{"fi>f", 0, run_segment_place}, {"di>d", 0, run_segment_place}, {0}}
};

/*
 * === segment_max: y[r, c] = the largest x[w, c]; its second output is that w,
 * the first of equals (NaN counts as largest), -1 of an empty row ===
 */

static ml_status
shape_segment_max(ml_context *ctx, const ml_op_shapes *s)
{
	ML_TRY(shape_rows(ctx, "segment_max", s));
	s->out[1] = s->out[0];
	s->out[1].dtype = ML_I32;
	return ML_OK;
}

/* One more word of a row. */
#define SEGMENT_MAX(name, type) \
static void \
name(type *y, int32_t *which, const type *x, int32_t word, size_t channels) \
{ \
	for (size_t c = 0; c < channels; c++) \
	{ \
		bool		larger = x[c] > y[c] || (x[c] != x[c] && y[c] == y[c]); \
		\
		y[c] = larger ? x[c] : y[c]; \
		which[c] = larger ? word : which[c]; \
	} \
}

SEGMENT_MAX(segment_max_f32, float)
SEGMENT_MAX(segment_max_f64, double)

static ml_status
run_segment_max(const ml_op_run *run)
{
	bool		is_double = run->in[0].dtype == ML_F64;
	size_t		channels = ml_packed_channels(&run->in[0]);
	size_t		bytes = channels * ml_dtypes[run->in[0].dtype].block_bytes;
	size_t		unpolled = 0;
	ml_packed	p;

	ML_TRY(ml_packed_open(run, &run->in[1], run->in[0].dims[0], &p));
	for (size_t r = 0; r < p.rows; r++)
	{
		int32_t		first = p.offsets[r];
		bool		any = ml_packed_length(&p, r) > 0;
		void	   *y = word_at(&run->out[0], r, bytes);
		int32_t    *which = (int32_t *) run->out[1].data + r * channels;

		if (any)
			memcpy(y, word_at(&run->in[0], first, bytes), bytes);
		else
			memset(y, 0, bytes);
		for (size_t c = 0; c < channels; c++)
			which[c] = any ? first : -1;
		ML_TRY(ml_poll_after(run->ctx, &unpolled, channels));
		for (int32_t word = first + 1; word < p.offsets[r + 1]; word++)
		{
			const void *x = word_at(&run->in[0], word, bytes);

			if (is_double)
				segment_max_f64(y, which, x, word, channels);
			else
				segment_max_f32(y, which, x, word, channels);
			ML_TRY(ml_poll_after(run->ctx, &unpolled, channels));
		}
	}
	return ML_OK;
}

static void
backward_segment_max(ml_emitter *e, const ml_op_backward *b)
{
	b->din[0] = ml_emit_words(e, &ml_op_segment_max_place, NULL, 2, (int32_t[]) {b->dout[0], b->out[1]},
							  b->in[0]);
}

const ml_op ml_op_segment_max = {
	.name = "segment_max",
	.version = 1,
	.nin_least = 2,
	.nin_most = 2,
	.nout = 2,
	.shape = shape_segment_max,
	.backward = backward_segment_max,
	.kernels = (const ml_op_kernel[]) {{"fi>fi", 0, run_segment_max}, {"di>di", 0, run_segment_max}, {0}}
};

/* === segment_max_place: x = 0 but for x[which[r, c], c] = y[r, c] === */

static ml_status
shape_segment_max_place(ml_context *ctx, const ml_op_shapes *s)
{
	ML_TRY(shape_words(ctx, "segment_max_place", s, 0));
	if (s->in[0]->ndims < 1 || s->in[1]->ndims != s->in[0]->ndims ||
		memcmp(s->in[1]->dims, s->in[0]->dims, s->in[0]->ndims * sizeof(ml_dim)) != 0)
		return ML_OP_FAIL(ctx, "segment_max_place: words must have the shape of the maxima");
	return ML_OK;
}

static ml_status
run_segment_max_place(const ml_op_run *run)
{
	size_t		width = ml_dtypes[run->out[0].dtype].block_bytes;
	size_t		channels = ml_packed_channels(&run->out[0]);
	size_t		words = (size_t) run->out[0].dims[0];
	const int32_t *which = run->in[1].data;
	size_t		unpolled = 0;

	for (size_t w = 0; w < words; w++)
	{
		memset(word_at(&run->out[0], w, channels * width), 0, channels * width);
		ML_TRY(ml_poll_after(run->ctx, &unpolled, channels));
	}
	for (size_t r = 0; r < (size_t) run->in[0].dims[0]; r++)
	{
		for (size_t c = 0; c < channels; c++)
		{
			size_t		i = r * channels + c;

			if (which[i] >= 0 && (size_t) which[i] < words)
				memcpy(word_at(&run->out[0], (size_t) which[i] * channels + c, width),
					   word_at(&run->in[0], i, width), width);
		}
		ML_TRY(ml_poll_after(run->ctx, &unpolled, 8 * channels));
	}
	return ML_OK;
}

const ml_op ml_op_segment_max_place = {
	.name = "segment_max_place",
	.version = 1,
	.nin_least = 2,
	.nin_most = 2,
	.nout = 1,
	.shape = shape_segment_max_place,
	.kernels = (const ml_op_kernel[]) {{"fi>f", 0, run_segment_max_place},
									   {"di>d", 0, run_segment_max_place}, {0}}
};

/* === segment_reverse: y[first + i] = x[last - i] in each row; its own backward === */

static ml_status
shape_segment_reverse(ml_context *ctx, const ml_op_shapes *s)
{
	ml_dim		rows;

	ML_TRY(shape_rows(ctx, "segment_reverse", s));
	ML_TRY(ml_packed_rows(ctx, "segment_reverse", s, 1, &rows));
	s->out[0] = *s->in[0];
	return ML_OK;
}

static ml_status
run_segment_reverse(const ml_op_run *run)
{
	size_t		bytes = ml_packed_channels(&run->in[0]) * ml_dtypes[run->in[0].dtype].block_bytes;
	size_t		unpolled = 0;
	ml_packed	p;

	ML_TRY(ml_packed_open(run, &run->in[1], run->in[0].dims[0], &p));
	for (size_t r = 0; r < p.rows; r++)
		for (size_t w = p.offsets[r], other = p.offsets[r + 1]; w < p.offsets[r + 1]; w++)
		{
			memcpy(word_at(&run->out[0], w, bytes), word_at(&run->in[0], --other, bytes), bytes);
			ML_TRY(ml_poll_after(run->ctx, &unpolled, bytes));
		}
	return ML_OK;
}

static void
backward_segment_reverse(ml_emitter *e, const ml_op_backward *b)
{
	b->din[0] = ml_emit2(e, &ml_op_segment_reverse, NULL, b->dout[0], b->in[1]);
}

const ml_op ml_op_segment_reverse = {
	.name = "segment_reverse",
	.version = 1,
	.nin_least = 2,
	.nin_most = 2,
	.nout = 1,
	.shape = shape_segment_reverse,
	.backward = backward_segment_reverse,
	.kernels = (const ml_op_kernel[]) {{"fi>f", 0, run_segment_reverse}, {"di>d", 0, run_segment_reverse},
									   {"ii>i", 0, run_segment_reverse}, {0}}
};
