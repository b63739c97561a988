/*-------------------------------------------------------------------------
 *
 * conv_frame.c
 *	  Convolution of one frame, and its gradients.
 *
 *-------------------------------------------------------------------------
 */
#include "op/conv.h"
#include "op/product.h"

/* ---- what a convolution is ---- */

ml_conv
ml_conv_of(const ml_op_run *run, const ml_window *window, int64_t groups, int64_t cin, int64_t cout)
{
	ml_dtype	dtype = run->in[0].dtype;

	return (ml_conv) {
		.run = run, .dtype = dtype,
		.width = ml_dtypes[dtype].block_bytes, .window = *window, .groups = groups, .cin = cin,
		.cout = cout, .depthwise = groups > 1 && groups == cin
	};
}

ml_conv
ml_conv_2d(const ml_op_run *run, int64_t cin, const int64_t *dims)
{
	const int64_t *ints = run->attributes->ints;
	ml_window	window = ml_window_2d(run->attributes, dims);
	ml_conv		c = ml_conv_of(run, &window, ints[ML_CONV2D_GROUPS], cin, dims[3]);

	c.activation = (ml_activation) ints[ML_CONV2D_ACTIVATION];
	c.alpha = run->attributes->reals[0];
	return c;
}

ml_conv
ml_conv_1d(const ml_op_run *run, int64_t cin, const int64_t *dims)
{
	const int64_t *ints = run->attributes->ints;
	ml_window	window = ml_window_1d(run->attributes, dims);
	ml_conv		c = ml_conv_of(run, &window, ints[ML_CONV1D_GROUPS], cin, dims[2]);

	c.activation = (ml_activation) ints[ML_CONV1D_ACTIVATION];
	c.alpha = run->attributes->reals[0];
	return c;
}

static inline const ml_window_kernel *
loops(const ml_conv *c)
{
	return ml_window_of(c->run->kernel, c->dtype);
}

static inline const char *
at(const ml_conv *c, const void *numbers, int64_t i)
{
	return (const char *) numbers + i * (int64_t) c->width;
}

static inline char *
at_mutable(const ml_conv *c, void *numbers, int64_t i)
{
	return (char *) numbers + i * (int64_t) c->width;
}

/* Rows of the matrix of weights: pixels of the window x channels of a group. */
static inline int64_t
terms_of(const ml_conv *c)
{
	return c->window.size[0] * c->window.size[1] * (c->cin / c->groups);
}

/* ---- padding ---- */

int64_t
ml_conv_reach(const ml_conv *c, const ml_frame *frame, int axis)
{
	const ml_window *w = &c->window;

	return frame->out[axis] == 0 ? 0 : (frame->out[axis] - 1) * w->stride[axis] + ml_window_extent(w, axis);
}

static inline int64_t
pixel_of(const ml_conv *c)
{
	return c->depthwise ? c->cout : c->cin;
}

bool
ml_conv_is_padded(const ml_conv *c)
{
	const ml_window *w = &c->window;

	return w->before[0] != 0 || w->before[1] != 0 || w->after[0] != 0 || w->after[1] != 0 ||
		pixel_of(c) != c->cin;
}

size_t
ml_conv_frame_size(const ml_conv *c, const ml_frame *frame)
{
	size_t		rows = (size_t) ml_conv_reach(c, frame, 0);
	size_t		columns = (size_t) ml_conv_reach(c, frame, 1);

	return ml_size_mul(ml_size_mul(rows, columns), ml_size_mul((size_t) pixel_of(c), c->width));
}

size_t
ml_conv_padded_size(const ml_conv *c, const ml_frame *frame)
{
	return ml_conv_is_padded(c) ? ml_conv_frame_size(c, frame) : 0;
}

/* Copy pixels; of a depthwise convolution each channel as often as it has outputs. */
static void
copy_pixels(const ml_conv *c, char *to, const char *from, int64_t n)
{
	int64_t		times = pixel_of(c) / ML_MAX(c->cin, 1);

	if (times <= 1)
		memcpy(to, from, (size_t) (n * c->cin) * c->width);
	else
		for (int64_t i = 0; i < n * c->cin; i++, from += c->width)
			for (int64_t k = 0; k < times; k++, to += c->width)
				memcpy(to, from, c->width);
}

ml_padded
ml_conv_pad(const ml_conv *c, const ml_frame *frame, const void *x, void *space)
{
	const ml_window *w = &c->window;
	int64_t		pixel = pixel_of(c);
	int64_t		columns = ml_conv_reach(c, frame, 1);
	int64_t		first = ML_MIN(ML_MAX(w->before[1], 0), columns);	/* that exists */
	int64_t		skip = ML_MAX(-w->before[1], 0);	/* of x, not reached */
	int64_t		n = ML_MAX(ML_MIN(columns - first, frame->in[1] - skip), 0);
	size_t		bytes = (size_t) pixel * c->width;
	char	   *to = space;

	if (!ml_conv_is_padded(c))
		return (ml_padded) {x, frame->in[1] * pixel, pixel};
	for (int64_t row = 0; row < ml_conv_reach(c, frame, 0); row++)
	{
		int64_t		source = row - w->before[0];

		if (source < 0 || source >= frame->in[0] || n == 0)
			memset(to, 0, (size_t) columns * bytes);
		else
		{
			memset(to, 0, (size_t) first * bytes);
			copy_pixels(c, to + (size_t) first * bytes,
						at(c, x, (source * frame->in[1] + skip) * c->cin), n);
			memset(to + (size_t) (first + n) * bytes, 0, (size_t) (columns - first - n) * bytes);
		}
		to += (size_t) columns * bytes;
	}
	return (ml_padded) {space, columns * pixel, pixel};
}

void
ml_conv_unpad(const ml_conv *c, const ml_frame *frame, const char *padded, void *x)
{
	const ml_window *w = &c->window;
	const ml_map_kernel *map = ml_map_of(c->run->kernel, c->dtype);
	int64_t		pixel = pixel_of(c);
	int64_t		columns = ml_conv_reach(c, frame, 1);
	int64_t		rows = ml_conv_reach(c, frame, 0);
	int64_t		n = ML_MAX(ML_MIN(columns - w->before[1], frame->in[1]), 0);
	int64_t		times = pixel / ML_MAX(c->cin, 1);

	memset(x, 0, (size_t) (frame->in[0] * frame->in[1] * c->cin) * c->width);
	for (int64_t row = 0; row < frame->in[0] && row + w->before[0] < rows; row++)
	{
		const char *from = at(c, padded, ((row + w->before[0]) * columns + w->before[1]) * pixel);
		char	   *to = at_mutable(c, x, row * frame->in[1] * c->cin);

		for (int64_t k = 0; k < times; k++)
			map->binary[ML_MAP_ADD] (to, to, 1, at(c, from, k), times, (size_t) (n * c->cin));
	}
}

/* ---- products of groups ---- */

/*
 * Columns of weights that one product can do: those of a group, and, unless
 * they begin and end with panels, of one panel.
 */
typedef struct piece
{
	int64_t		group;
	int64_t		column;			/* first */
	int64_t		lanes;
} piece;

static bool
next_piece(const ml_conv *c, piece *p)
{
	int64_t		own = c->cout / c->groups;
	int64_t		end;

	p->column += p->lanes;
	if (p->column >= c->cout)
		return false;
	p->group = p->column / own;
	end = (p->group + 1) * own;
	if (p->column % ML_PANEL != 0)
		end = ML_MIN(end, (p->column / ML_PANEL + 1) * ML_PANEL);
	p->lanes = end - p->column;
	return true;
}

/* Where a column of a matrix in panels of "rows" rows is. */
static inline int64_t
column_at(int64_t column, int64_t rows)
{
	return column / ML_PANEL * ML_PANEL * rows + column % ML_PANEL;
}

/* May the columns of the window and their channels be one index of a sum? */
static inline bool
is_joined(const ml_conv *c)
{
	return c->groups == 1 && c->window.dilation[1] == 1;
}

static void
depthwise_of(const ml_conv *c, const ml_padded *x, int64_t n, int64_t column, ml_depthwise *d)
{
	*d = (ml_depthwise) {
		.patch = {
			.x_row = c->window.dilation[0] * x->row, .x_column = c->window.dilation[1] * x->pixel,
			.rows = c->window.size[0], .columns = c->window.size[1]
		},
		.x_step = c->window.stride[1] * x->pixel, .y_step = c->cout, .n = (size_t) n,
		.lanes = (size_t) ML_MIN(c->cout - column, ML_PANEL)
	};
}

/* ---- forward ---- */

ml_status
ml_conv_row(ml_conv *c, const ml_padded *x, const char *from, const void *weights, const void *bias,
			void *y, int64_t n)
{
	const ml_window *w = &c->window;
	int64_t		own = c->cin / c->groups;
	int64_t		terms = terms_of(c);
	piece		piece = {0};

	for (int64_t column = 0; c->depthwise && column < c->cout; column += ML_PANEL)
	{
		ml_depthwise d;

		depthwise_of(c, x, n, column, &d);
		loops(c)->depthwise(at_mutable(c, y, column), at(c, from, column), at(c, weights, column * terms),
							bias == NULL ? NULL : at(c, bias, column), &d);
	}
	while (!c->depthwise && next_piece(c, &piece))
	{
		ml_product	p = {
			.c = (void *) at_mutable(c, y, piece.column), .c_row = c->cout, .c_panel = ML_PANEL,
			.a = (const void *) at(c, from, piece.group * own), .a_row = w->stride[1] * x->pixel,
			.a_outer = w->dilation[0] * x->row, .a_inner = 1,
			.b = (const void *) at(c, weights, column_at(piece.column, terms)),
			.b_panel = terms * ML_PANEL, .b_outer = w->size[1] * own * ML_PANEL, .b_inner = ML_PANEL,
			.bias = bias == NULL ? NULL : (const void *) at(c, bias, piece.column),
			.rows = (size_t) n, .lanes = (size_t) piece.lanes,
			.outer = (size_t) w->size[0], .inner = (size_t) (w->size[1] * own)
		};

		if (is_joined(c))
		{
			ML_TRY(ml_product_run(c->run, c->dtype, &p));
			continue;
		}
		p.outer = (size_t) w->size[1];
		p.inner = (size_t) own;
		p.a_outer = w->dilation[1] * x->pixel;
		p.b_outer = own * ML_PANEL;
		for (int64_t row = 0; row < w->size[0]; row++, p.add = true)
		{
			ML_TRY(ml_product_run(c->run, c->dtype, &p));
			p.a = (const void *) at(c, p.a, w->dilation[0] * x->row);
			p.b = (const void *) at(c, p.b, w->size[1] * p.b_outer);
		}
	}
	return ml_conv_poll(c, n * c->cout * terms);
}

ml_status
ml_conv_forward(ml_conv *c, const ml_frame *frame, const void *x, const void *weights,
				const void *bias, void *y, void *space)
{
	const ml_map_kernel *map = ml_map_of(c->run->kernel, c->dtype);
	ml_padded	padded = ml_conv_pad(c, frame, x, space);
	size_t		n = (size_t) (frame->out[1] * c->cout);

	for (int64_t row = 0; row < frame->out[0]; row++)
	{
		char	   *to = at_mutable(c, y, row * frame->out[1] * c->cout);

		ML_TRY(ml_conv_row(c, &padded, at(c, padded.data, row * c->window.stride[0] * padded.row), weights,
						   bias, to, frame->out[1]));
		if (c->activation != ML_LINEAR)
			map->activation[c->activation] (to, to, n, c->alpha);
	}
	return ML_OK;
}

/* ---- the gradient of weights ---- */

/* dweights[t, c, n] += sum over places of x[place's pixel t, c] * dy[place, n] */
static ml_status
weights_of_products(ml_conv *c, const ml_frame *frame, const ml_padded *x, const void *dy, void *dweights)
{
	const ml_window *w = &c->window;
	int64_t		own = c->cin / c->groups;
	int64_t		terms = terms_of(c);
	int64_t		columns = is_joined(c) ? 1 : w->size[1];
	piece		piece = {0};

	while (next_piece(c, &piece))
		for (int64_t row = 0; row < w->size[0]; row++)
			for (int64_t column = 0; column < columns; column++)
			{
				int64_t		pixel = row * w->dilation[0] * x->row + column * w->dilation[1] * x->pixel;
				int64_t		term = (row * w->size[1] + column) * own;
				ml_product	p = {
					.c = (void *) at_mutable(c, dweights, column_at(piece.column, terms) + term * ML_PANEL),
					.c_row = ML_PANEL, .c_panel = terms * ML_PANEL,
					.a = (const void *) at(c, x->data, pixel + piece.group * own), .a_row = 1,
					.a_outer = w->stride[0] * x->row, .a_inner = w->stride[1] * x->pixel,
					.b = (const void *) at(c, dy, piece.column), .b_panel = ML_PANEL,
					.b_outer = frame->out[1] * c->cout, .b_inner = c->cout,
					.rows = (size_t) (is_joined(c) ? w->size[1] * own : own), .lanes = (size_t) piece.lanes,
					.outer = (size_t) frame->out[0], .inner = (size_t) frame->out[1], .add = true
				};

				ML_TRY(ml_product_run(c->run, c->dtype, &p));
				ML_TRY(ml_conv_poll(c, (int64_t) p.rows * piece.lanes * frame->out[0] * frame->out[1]));
			}
	return ML_OK;
}

static ml_status
weights_by_channel(ml_conv *c, const ml_frame *frame, const ml_padded *x, const void *dy, void *dweights)
{
	int64_t		terms = terms_of(c);

	for (int64_t row = 0; row < frame->out[0]; row++)
	{
		const char *from = at(c, x->data, row * c->window.stride[0] * x->row);
		const char *g = at(c, dy, row * frame->out[1] * c->cout);

		for (int64_t column = 0; column < c->cout; column += ML_PANEL)
		{
			ml_depthwise d;

			depthwise_of(c, x, frame->out[1], column, &d);
			loops(c)->depthwise_weights(at_mutable(c, dweights, column * terms), at(c, from, column),
									at(c, g, column), &d);
		}
		ML_TRY(ml_conv_poll(c, frame->out[1] * c->cout * terms));
	}
	return ML_OK;
}

ml_status
ml_conv_weights(ml_conv *c, const ml_frame *frame, const void *x, const void *dy, void *dweights,
				void *space)
{
	ml_padded	padded = ml_conv_pad(c, frame, x, space);

	return (c->depthwise ? weights_by_channel : weights_of_products) (c, frame, &padded, dy, dweights);
}

/* ---- the gradient of x ---- */

/* Is dx a convolution of dy with the weights turned around? */
static bool
is_turnable(const ml_conv *c)
{
	const ml_window *w = &c->window;

	return (c->groups == 1 || (c->depthwise && c->cin == c->cout)) && w->stride[0] == 1 && w->stride[1] == 1 &&
		w->dilation[0] == 1 && w->dilation[1] == 1;
}

/*
 * Turned weights are, for each group, [pixels of the window, the last one first,
 * x outputs of the group, its channels] in panels of channels.  Depthwise ones
 * with an output for each channel have their pixels the other way round.
 */
static inline int64_t
turned_group(const ml_conv *c)
{
	int64_t		rows = c->window.size[0] * c->window.size[1] * (c->cout / c->groups);

	return rows * (int64_t) ml_size_align((size_t) (c->cin / c->groups), ML_PANEL);
}

size_t
ml_conv_turned_size(const ml_conv *c)
{
	size_t		panels = ml_size_align((size_t) (c->cin / c->groups), ML_PANEL);
	size_t		rows = ml_size_mul((size_t) (c->window.size[0] * c->window.size[1]), (size_t) c->cout);

	if (c->depthwise)
		return is_turnable(c) ? ml_size_mul(ml_size_align((size_t) c->cout, ML_PANEL) * (size_t) terms_of(c), c->width) : 0;
	return ml_size_mul(ml_size_mul(panels, rows), c->width);
}

void
ml_conv_transpose(const ml_conv *c, void *to, int64_t to_row, const void *from, int64_t from_row,
				  int64_t rows, int64_t columns)
{
	if (c->dtype == ML_F32)
		c->run->kernel->network->transpose(to, to_row, from, from_row, (size_t) rows, (size_t) columns);
	else
		for (int64_t r = 0; r < rows; r++)
			for (int64_t i = 0; i < columns; i++)
				((double *) to)[i * to_row + r] = ((const double *) from)[r * from_row + i];
}

ml_status
ml_conv_turn(ml_conv *c, const void *weights, void *turned)
{
	int64_t		pixels = c->window.size[0] * c->window.size[1];
	int64_t		own = c->cin / c->groups;
	int64_t		terms = terms_of(c);
	piece		piece = {0};

	for (int64_t column = 0; c->depthwise && is_turnable(c) && column < c->cout; column += ML_PANEL)
		for (int64_t pixel = 0; pixel < pixels; pixel++)
			memcpy(at_mutable(c, turned, column * pixels + (pixels - 1 - pixel) * ML_PANEL),
				   at(c, weights, column * pixels + pixel * ML_PANEL), ML_PANEL * c->width);
	while (!c->depthwise && next_piece(c, &piece))
		for (int64_t done = 0, n; done < piece.lanes; done += n)
		{
			int64_t		column = piece.column + done;
			int64_t		output = column - piece.group * (c->cout / c->groups);
			const char *from = at(c, weights, column_at(column, terms));
			char	   *to = at_mutable(c, turned, piece.group * turned_group(c));

			n = ML_MIN(piece.lanes - done, ML_PANEL - column % ML_PANEL);
			for (int64_t pixel = 0; pixel < pixels; pixel++)
				for (int64_t channel = 0; channel < own; channel += ML_PANEL)
				{
					int64_t		rows = pixels * (c->cout / c->groups);
					int64_t		row = (pixels - 1 - pixel) * (c->cout / c->groups) + output;

					ml_conv_transpose(c, at_mutable(c, to, channel * rows + row * ML_PANEL), ML_PANEL,
									  at(c, from, (pixel * own + channel) * ML_PANEL), ML_PANEL,
									  ML_MIN(own - channel, ML_PANEL), n);
				}
			ML_TRY(ml_conv_poll(c, terms * n));
		}
	return ML_OK;
}

/* The convolution that makes dx of dy, and its frame. */
static ml_conv
turned_of(const ml_conv *c, const ml_frame *frame, ml_frame *turned)
{
	ml_conv		t = *c;

	t.cin = c->cout;
	t.cout = c->cin;
	t.activation = ML_LINEAR;
	*turned = (ml_frame) {.x = frame->y, .y = frame->x};
	for (int i = 0; i < 2; i++)
	{
		t.window.before[i] = c->window.size[i] - 1 - c->window.before[i];
		t.window.after[i] = c->window.size[i] - 1 - c->window.after[i];
		turned->in[i] = frame->out[i];
		turned->out[i] = frame->in[i];
	}
	return t;
}

size_t
ml_conv_input_size(const ml_conv *c, const ml_frame *frame)
{
	ml_frame	turned;
	ml_conv		t;

	if (!is_turnable(c))
		return ml_conv_frame_size(c, frame);
	t = turned_of(c, frame, &turned);
	return ml_conv_padded_size(&t, &turned);
}

/* dx[place's pixel t, c] += sum over n of dy[place, n] * weights[t, c, n] for the places of a row */
static ml_status
scatter_row(ml_conv *c, const char *dy, const void *turned, char *dx, int64_t row, int64_t n)
{
	const ml_window *w = &c->window;
	int64_t		pixels = w->size[0] * w->size[1];
	int64_t		own = c->cin / c->groups;
	int64_t		outputs = c->cout / c->groups;

	for (int64_t group = 0; group < c->groups; group++)
		for (int64_t pixel = 0; pixel < pixels; pixel++)
		{
			int64_t		offset = pixel / w->size[1] * w->dilation[0] * row +
				pixel % w->size[1] * w->dilation[1] * c->cin;
			int64_t		back = (pixels - 1 - pixel) * outputs * ML_PANEL;
			ml_product	p = {
				.c = (void *) at_mutable(c, dx, offset + group * own), .c_row = w->stride[1] * c->cin,
				.c_panel = ML_PANEL,
				.a = (const void *) at(c, dy, group * outputs), .a_row = c->cout, .a_inner = 1,
				.b = (const void *) at(c, turned, group * turned_group(c) + back),
				.b_panel = pixels * outputs * ML_PANEL, .b_inner = ML_PANEL,
				.rows = (size_t) n, .lanes = (size_t) own, .outer = 1, .inner = (size_t) outputs,
				.add = true
			};

			ML_TRY(ml_product_run(c->run, c->dtype, &p));
		}
	return ml_conv_poll(c, n * c->cout * pixels * own);
}

ml_status
ml_conv_input(ml_conv *c, const ml_frame *frame, const void *dy, const void *turned, void *dx, void *space)
{
	ml_frame	back;
	ml_conv		t;
	ml_padded	padded = {space, ml_conv_reach(c, frame, 1) * pixel_of(c), pixel_of(c)};

	if (is_turnable(c))
	{
		t = turned_of(c, frame, &back);
		t.unpolled = c->unpolled;
		ML_TRY(ml_conv_forward(&t, &back, dy, turned, NULL, dx, space));
		c->unpolled = t.unpolled;
		return ML_OK;
	}
	if (frame->out[0] * frame->out[1] > 0)
		memset(space, 0, ml_conv_frame_size(c, frame));
	for (int64_t row = 0; row < frame->out[0]; row++)
	{
		char	   *to = at_mutable(c, space, row * c->window.stride[0] * padded.row);
		const char *g = at(c, dy, row * frame->out[1] * c->cout);

		if (!c->depthwise)
			ML_TRY(scatter_row(c, g, turned, to, padded.row, frame->out[1]));
		for (int64_t column = 0; c->depthwise && column < c->cout; column += ML_PANEL)
		{
			ml_depthwise d;

			depthwise_of(c, &padded, frame->out[1], column, &d);
			loops(c)->depthwise_input(at_mutable(c, to, column), at(c, g, column),
									  at(c, turned, column * terms_of(c)), &d);
		}
		if (c->depthwise)
			ML_TRY(ml_conv_poll(c, frame->out[1] * c->cout * terms_of(c)));
	}
	ml_conv_unpad(c, frame, space, dx);
	return ML_OK;
}
