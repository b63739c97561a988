/*-------------------------------------------------------------------------
 *
 * recurrent_passage.c
 *	  Going through packed rows by time, a block of rows after the other.
 *
 *-------------------------------------------------------------------------
 */
#include "op/recurrent.h"
#include "op/walk.h"

/* Inputs 0 to 3 of forward and backward ops are the same, but for those over words. */
ml_status
ml_passage_open(ml_passage *s, const ml_op_run *run, ml_cell cell, void *memory)
{
	bool		numbers = run->in[CELL_NUMBERS].dtype == ML_I32;

	*s = (ml_passage) {.run = run, .dtype = run->in[CELL_X].dtype, .cell = cell};
	s->reverse = run->attributes->ints[CELL_REVERSE] != 0;
	s->inputs = (size_t) run->in[CELL_X].dims[1];
	s->units = (size_t) run->in[CELL_WH].dims[0];
	s->gates = (size_t) ml_cell_gates(cell) * s->units;
	s->bf16 = s->dtype == ML_F32 && !numbers && run->attributes->ints[CELL_BF16(cell)] != 0;
	if (memory == NULL)
		return ML_OK;
	s->map = ml_map_of(run->kernel, s->dtype);
	s->loops = ml_sequence_of(run->kernel, s->dtype);
	ML_TRY(ml_packed_open(run, &run->in[CELL_OFFSETS], run->in[numbers ? CELL_NUMBERS : CELL_X].dims[0], &s->p));
	ml_packed_sort(&s->p, memory, &s->order, &s->active);
	return ML_OK;
}

/* Blocks of nearly equal size, of whole tiles of products where there are enough rows. */
bool
ml_passage_next(ml_passage *s)
{
	size_t		blocks = (s->p.rows + CELL_BLOCK - 1) / CELL_BLOCK;
	size_t		size = blocks == 0 ? 0 : (s->p.rows + blocks - 1) / blocks;

	for (size_t i = 0; i < s->rows; i++)
		s->base += ml_packed_length(&s->p, s->order[s->first + i]);
	if (size > ML_TILE_ROWS)
		size = ML_MIN((size + ML_TILE_ROWS - 1) / ML_TILE_ROWS * ML_TILE_ROWS, CELL_BLOCK);
	s->first += s->rows;
	if (s->first >= s->p.rows)
		return false;
	s->rows = ML_MIN(s->p.rows - s->first, size);
	s->longest = ml_packed_length(&s->p, s->order[s->first]);
	return true;
}

size_t
ml_passage_steps(const ml_passage *s, size_t t, bool backward, size_t limit, size_t *words)
{
	size_t		steps = 0;

	*words = 0;
	while (backward ? steps < t : t + steps < s->longest)
	{
		size_t		rows = ml_passage_rows(s, backward ? t - steps - 1 : t + steps);

		if (steps > 0 && *words + rows > limit)
			break;
		*words += rows;
		steps++;
	}
	return steps;
}

void
ml_passage_gather(const ml_passage *s, size_t t, void *to, const void *from, size_t n)
{
	size_t		rows = ml_passage_rows(s, t);

	for (size_t i = 0; i < rows; i++)
		memcpy(ml_passage_at(s, to, i * n), ml_passage_at(s, from, ml_passage_word(s, i, t) * n),
			   n * s->map->width);
}

void
ml_passage_scatter(const ml_passage *s, size_t t, void *to, const void *from, size_t n)
{
	size_t		rows = ml_passage_rows(s, t);

	for (size_t i = 0; i < rows; i++)
		memcpy(ml_passage_at(s, to, ml_passage_word(s, i, t) * n), ml_passage_at(s, from, i * n),
			   n * s->map->width);
}

ml_status
ml_passage_states(ml_passage *s, void *to, const void *states)
{
	for (size_t i = 0; i < s->rows; i++)
		if (states == NULL)
			memset(ml_passage_at(s, to, i * s->units), 0, s->units * s->map->width);
		else
			memcpy(ml_passage_at(s, to, i * s->units),
				   ml_passage_at(s, states, (size_t) s->order[s->first + i] * s->units),
				   s->units * s->map->width);
	return ml_poll_after(s->run->ctx, &s->unpolled, s->rows * s->units);
}

void
ml_passage_finish(const ml_passage *s, size_t from, size_t to, void *last, const void *states)
{
	for (size_t i = from; i < to && last != NULL; i++)
		memcpy(ml_passage_at(s, last, (size_t) s->order[s->first + i] * s->units),
			   ml_passage_at(s, states, i * s->units), s->units * s->map->width);
}

void
ml_cell_bias(const ml_op_run *run, ml_cell cell, void *bias)
{
	const ml_map_kernel *map = ml_map_of(run->kernel, run->in[CELL_X].dtype);
	const void *bx = run->nin > CELL_BX ? run->in[CELL_BX].data : NULL;
	const void *bh = run->nin > CELL_BH && cell != ML_CELL_GRU ? run->in[CELL_BH].data : NULL;
	size_t		gates = (size_t) run->in[CELL_WX].dims[1];

	if (bx != NULL)
		memcpy(bias, bx, gates * map->width);
	else
		memset(bias, 0, gates * map->width);
	if (bh != NULL)
		map->binary[ML_MAP_ADD] (bias, bias, 1, bh, 1, gates);
}

void
ml_cell_step(const ml_passage *s, void *sums, const void *hidden, void *h, void *c, const void *c_before, size_t rows)
{
	if (s->cell == ML_CELL_RNN)
		s->loops->rnn[s->run->attributes->ints[CELL_RELU] != 0] (h, sums, rows * s->units);
	else if (s->cell == ML_CELL_GRU)
		s->loops->gru(sums, h, c, hidden, h, rows, s->units);
	else
		s->loops->lstm(sums, h, c, c_before, rows, s->units);
}

ml_status
ml_passage_multiply(const ml_passage *s, const ml_product *product, void *pairs)
{
	ml_product	p = *product;

	if (!s->bf16)
		return ml_product_run(s->run, s->dtype, product);
	p.inner = p.inner / 2 + p.inner % 2;
	s->run->kernel->network->round_rows(pairs, (int64_t) p.inner, p.a, p.a_row, p.rows, product->inner);
	p.a = pairs;
	p.a_row = (int64_t) p.inner;
	p.b_panel = (int64_t) p.inner * ML_PANEL;
	return ml_product_pairs_run(s->run, &p);
}

ml_status
ml_passage_weights(ml_passage *s, const void *weights, size_t k, size_t n, void *memory, const void **prepared)
{
	size_t		panel = (k / 2 + k % 2) * ML_PANEL;

	*prepared = s->bf16 ? memory : weights;
	for (size_t i = 0; i < (n + ML_PANEL - 1) / ML_PANEL && s->bf16; i++)
	{
		s->run->kernel->network->pack_pairs((uint32_t *) memory + i * panel, ML_PANEL, 0,
											(const float *) weights + i * k * ML_PANEL, ML_PANEL, k, ML_PANEL);
		ML_TRY(ml_poll_after(s->run->ctx, &s->unpolled, k * ML_PANEL));
	}
	return ML_OK;
}

/* A poll for each 2^23 terms of products, 1 ms and less; of plain C in double 8 ms. */
ml_status
ml_passage_poll(ml_passage *s, size_t terms)
{
	return ml_poll_after(s->run->ctx, &s->unpolled, terms / (s->dtype == ML_F64 ? 2 : 16));
}
