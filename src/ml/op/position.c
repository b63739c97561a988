/*-------------------------------------------------------------------------
 *
 * position.c
 *	  Positions of words in their rows, and their sinusoidal encoding.
 *
 * Learned encodings are a gather from a table by positions.  Where a row goes
 * on, as in generation, "starts" says how many words it has had.
 *
 *-------------------------------------------------------------------------
 */
#include "base/math.h"
#include "op/packed.h"
#include "op/walk.h"

static ml_status
check_starts(ml_context *ctx, const char *op, const ml_op_shapes *s, int offsets)
{
	const ml_shape *starts = s->nin > offsets + 1 ? s->in[offsets + 1] : NULL;
	ml_dim		rows;

	ML_TRY(ml_packed_rows(ctx, op, s, offsets, &rows));
	if (starts != NULL && (starts->dtype != ML_I32 || starts->ndims != 1 || starts->dims[0] != rows))
		return ML_OP_FAIL(ctx, "%s: starts must be int32 [rows]", op);
	return ML_OK;
}

/* How many words each row has had, or NULL. */
static ml_status
starts_of(const ml_op_run *run, int i, const ml_packed *p, const int32_t **result)
{
	const int32_t *starts = run->nin > i ? run->in[i].data : NULL;

	for (size_t r = 0; starts != NULL && r < p->rows; r++)
		if (starts[r] < 0 || starts[r] > INT32_MAX - (int32_t) p->words)
			return ml_fail(run->ctx, ML_BAD_INPUT, "a sequence can't start at position %d", (int) starts[r]);
	*result = starts;
	return ML_OK;
}

/* === positions: of word w of row r, w - offsets[r] + starts[r] === */

static ml_status
shape_positions(ml_context *ctx, const ml_op_shapes *s)
{
	if (s->attributes->ndims != 1)
		return ML_OP_FAIL(ctx, "positions: dims must be [words]");
	s->out[0] = (ml_shape) {ML_I32, ML_PLAIN, 1, {s->attributes->dims[0]}};
	return check_starts(ctx, "positions", s, 0);
}

static ml_status
run_positions(const ml_op_run *run)
{
	int32_t    *out = run->out[0].data;
	const int32_t *starts;
	size_t		unpolled = 0;
	ml_packed	p;

	ML_TRY(ml_packed_open(run, &run->in[0], run->out[0].dims[0], &p));
	ML_TRY(starts_of(run, 1, &p, &starts));
	for (size_t r = 0; r < p.rows; r++)
	{
		int32_t		position = starts != NULL ? starts[r] : 0;

		for (int32_t w = p.offsets[r]; w < p.offsets[r + 1]; w++)
			out[w] = position++;
		ML_TRY(ml_poll_after(run->ctx, &unpolled, ml_packed_length(&p, r) + 1));
	}
	return ML_OK;
}

const ml_op ml_op_positions = {
	.name = "positions",
	.version = 1,
	.nin_least = 1,
	.nin_most = 2,
	.nout = 1,
	.shape = shape_positions,
	.kernels = (const ml_op_kernel[]) {{"i->i", 0, run_positions}, {"ii>i", 0, run_positions}, {0}}
};

/* === even_offsets(length): of x [rows, ...], rows of "length" words each: int32 [rows + 1] === */

static const ml_attribute even_offsets_attributes[] = {{"length", false, 0, INT32_MAX, 1}, {NULL}};

static ml_status
shape_even_offsets(ml_context *ctx, const ml_op_shapes *s)
{
	s->out[0] = (ml_shape) {.dtype = ML_I32, .ndims = 1};
	if (s->in[0]->ndims < 1)
		return ML_OP_FAIL(ctx, "even_offsets: wants a value [rows, ...]");
	return ml_symbols_derive(ctx, s->symbols, ML_SYMBOL_PLUS, s->in[0]->dims[0], 1, 0, 0, 0, &s->out[0].dims[0]);
}

static ml_status
run_even_offsets(const ml_op_run *run)
{
	int32_t    *out = run->out[0].data;
	int64_t		length = run->attributes->ints[0];
	int64_t		rows = run->in[0].dims[0];

	if (length > 0 && rows > INT32_MAX / length)
		return ml_fail(run->ctx, ML_BAD_INPUT, "too many words in a batch");
	for (int64_t r = 0; r <= rows; r++)
		out[r] = (int32_t) (r * length);
	return ML_OK;
}

const ml_op ml_op_even_offsets = {
	.name = "even_offsets",
	.version = 1,
	.nin_least = 1,
	.nin_most = 1,
	.nout = 1,
	.attributes = even_offsets_attributes,
	.shape = shape_even_offsets,
	.kernels = (const ml_op_kernel[]) {{"f>i", 1, run_even_offsets}, {"d>i", 1, run_even_offsets}, {0}}
};

/*
 * === sinusoidal(base): y[w, 2 i] = x[w, 2 i] + sin(p / base^(2 i / channels)),
 * y[w, 2 i + 1] = x[w, 2 i + 1] + cos(the same), p the position of w ===
 *
 * Vaswani et al., Attention Is All You Need, 2017, section 3.5.
 */

static ml_status
shape_sinusoidal(ml_context *ctx, const ml_op_shapes *s)
{
	char		text[ML_SHAPE_TEXT];

	if (s->in[0]->ndims != 2 || s->in[0]->layout != ML_PLAIN)
		return ML_OP_FAIL(ctx, "sinusoidal: wants [words, channels], not %s", ml_shape_print(text, s->in[0]));
	s->out[0] = *s->in[0];
	return check_starts(ctx, "sinusoidal", s, 1);
}

/* Frequencies in turns, one for two channels, and the encoding of one position. */
typedef struct sinusoids
{
	size_t		channels;
	size_t		width;
	double	   *frequencies;
	void	   *encoding;
} sinusoids;

static void
encode(const sinusoids *s, size_t position)
{
	double		values[2] = {0, 0};

	for (size_t c = 0; c < s->channels; c++)
	{
		if (c % 2 == 0)
			ml_sincos((double) position * s->frequencies[c / 2], &values[0], &values[1]);
		if (s->width == sizeof(double))
			((double *) s->encoding)[c] = values[c % 2];
		else
			((float *) s->encoding)[c] = (float) values[c % 2];
	}
}

/* Each position is encoded once for all rows that have it. */
static ml_status
run_sinusoidal(const ml_op_run *run)
{
	const ml_map_kernel *map = ml_map_of(run->kernel, run->out[0].dtype);
	size_t		channels = (size_t) run->in[0].dims[1];
	char	   *memory = run->workspace;
	sinusoids	s = {channels, map->width, (double *) memory, memory + channels * sizeof(double)};
	size_t		unpolled = 0;
	const int32_t *starts;
	const int32_t *order;
	const int32_t *active;
	size_t		longest;
	ml_packed	p;

	ML_TRY(ml_packed_open(run, &run->in[1], run->in[0].dims[0], &p));
	ML_TRY(starts_of(run, 2, &p, &starts));
	for (size_t c = 0; c < channels; c += 2)
		s.frequencies[c / 2] = ml_exp(-(double) c / (double) channels * ml_log(run->attributes->reals[0])) *
			(1 / 6.28318530717958647693);
	longest = ml_packed_sort(&p, memory + ml_size_align(2 * channels * sizeof(double), ML_ALIGN), &order, &active);
	for (size_t t = 0; t < longest; t++)
	{
		if (starts == NULL)
			encode(&s, t);
		for (int32_t i = 0; i < active[t]; i++)
		{
			size_t		at = ((size_t) p.offsets[order[i]] + t) * channels * map->width;

			if (starts != NULL)
				encode(&s, t + (size_t) starts[order[i]]);
			map->binary[ML_MAP_ADD] ((char *) run->out[0].data + at, (char *) run->in[0].data + at, 1,
									 s.encoding, 1, channels);
			ML_TRY(ml_poll_after(run->ctx, &unpolled, 32 * channels));
		}
	}
	return ML_OK;
}

static size_t
workspace_sinusoidal(const ml_op_run *run)
{
	return ml_size_add(ml_size_align(ml_size_mul((size_t) run->in[0].dims[1], 2 * sizeof(double)), ML_ALIGN),
					   ml_packed_sort_size(run->in[1].dims[0], run->in[0].dims[0]));
}

static void
backward_sinusoidal(ml_emitter *e, const ml_op_backward *b)
{
	b->din[0] = b->dout[0];
}

static const ml_attribute sinusoidal_attributes[] = {{"base", true, 1, 1e9, 10000}, {0}};

const ml_op ml_op_sinusoidal = {
	.name = "sinusoidal",
	.version = 1,
	.nin_least = 2,
	.nin_most = 3,
	.nout = 1,
	.overwrites = {1},
	.attributes = sinusoidal_attributes,
	.shape = shape_sinusoidal,
	.backward = backward_sinusoidal,
	.kernels = (const ml_op_kernel[]) {
		{"fi->f", 0, run_sinusoidal, workspace_sinusoidal},
		{"fii>f", 0, run_sinusoidal, workspace_sinusoidal},
		{"di->d", 0, run_sinusoidal, workspace_sinusoidal},
		{"dii>d", 0, run_sinusoidal, workspace_sinusoidal}, {0}}
};
