/*-------------------------------------------------------------------------
 *
 * design_pass.c
 *	  Passes over prepared blocks, what solvers keep of rows.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/design_internal.h"

uint32_t
ml_design_ndense(const ml_design *design)
{
	return design->ndense;
}

uint32_t
ml_design_nhot(const ml_design *design)
{
	return design->nhot;
}

uint32_t
ml_design_ntext(const ml_design *design)
{
	return design->ntexts == 0 ? 0 : ml_rows_indexed(design->rows)->nfeatures;
}

uint32_t
ml_design_nfeatures(const ml_design *design)
{
	return design->ndense + design->nhot + ml_design_ntext(design);
}

uint32_t
ml_design_ncategories(const ml_design *design)
{
	return design->ncats;
}

uint32_t
ml_design_stride(const ml_design *design)
{
	return design->stride;
}

uint64_t
ml_design_count(const ml_design *design, uint32_t parts)
{
	uint64_t	n = 0;

	for (int part = 0; part < ML_DESIGN_PARTS; part++)
		if (parts >> part & 1)
			n += design->part_rows[part];
	return n;
}

const ml_tabular *
ml_design_tabular(const ml_design *design)
{
	return design->recipe.tabular;
}

const ml_rows_index *
ml_design_texts(const ml_design *design)
{
	return design->ntexts == 0 ? NULL : ml_rows_indexed(design->rows);
}

bool
ml_design_resident(const ml_design *design)
{
	return (design->prepared ? design->made.nspilled : design->raw.nspilled) == 0;
}

/* ---------- what solvers keep ---------- */

static inline size_t
state_size(const ml_design *design)
{
	return (size_t) design->lanes * design->stride * sizeof(float);
}

/* The state of the block handed out last goes back to its place in the file. */
static ml_status
save_state(ml_context *ctx, ml_design *design)
{
	ml_stored_block *stored = design->at_hand;

	design->at_hand = NULL;
	if (stored == NULL || design->lanes == 0 || (stored->flags & ML_STATE_HERE))
		return ML_OK;
	if (stored->flags & ML_STATE_SPILLED)
		ml_design_unhold(ctx, design, stored->state.offset, state_size(design));
	stored->flags &= (uint8_t) ~ML_STATE_SPILLED;
	ML_TRY(ml_design_spill(ctx, design, design->state, state_size(design), &stored->state.offset));
	stored->flags |= ML_STATE_SPILLED;
	return ML_OK;
}

static ml_status
load_state(ml_context *ctx, ml_design *design, const ml_stored_block *stored, float **state)
{
	*state = NULL;
	if (design->lanes == 0)
		return ML_OK;
	*state = stored->flags & ML_STATE_HERE ? stored->state.values : design->state;
	if (stored->flags & ML_STATE_HERE)
		return ML_OK;
	if (stored->flags & ML_STATE_SPILLED)
		return ml_design_unspill(ctx, stored->state.offset, *state, state_size(design));
	memset(*state, 0, state_size(design));
	return ML_OK;
}

void
ml_design_forget_state(ml_context *ctx, ml_design *design)
{
	for (size_t i = 0; i < design->made.n && design->lanes > 0; i++)
	{
		ml_stored_block *stored = &design->made.blocks[i];

		if (stored->flags & ML_STATE_HERE)
			ml_design_release(ctx, design, (char *) stored->state.values, state_size(design));
		else if (stored->flags & ML_STATE_SPILLED)
			ml_design_unhold(ctx, design, stored->state.offset, state_size(design));
		stored->flags &= ML_BLOCK_HERE;
	}
	ml_design_release(ctx, design, (char *) design->state, state_size(design));
	design->state = NULL;
	design->at_hand = NULL;
	design->lanes = 0;
}

ml_status
ml_design_keep(ml_context *ctx, ml_design *design, uint32_t lanes)
{
	char	   *bytes;

	ml_design_forget_state(ctx, design);
	if (lanes == 0)
		return ML_OK;
	design->lanes = lanes;
	ML_TRY(ml_design_alloc(ctx, design, state_size(design), &bytes));
	design->state = (float *) bytes;
	/* rather blocks are spilled, which are only read, than what is read and written */
	ML_TRY(ml_design_make_room(ctx, design, ml_size_mul(state_size(design), design->made.n), true));
	for (size_t i = 0; i < design->made.n; i++)
	{
		ml_stored_block *stored = &design->made.blocks[i];

		ML_TRY(ml_poll(ctx));
		if (!ml_design_fits(design, state_size(design)))
			break;
		ML_TRY(ml_design_alloc(ctx, design, state_size(design), &bytes));
		memset(bytes, 0, state_size(design));
		stored->state.values = (float *) bytes;
		stored->flags |= ML_STATE_HERE;
	}
	return ML_OK;
}

/* ---------- passes ---------- */

ml_status
ml_design_begin(ml_context *ctx, ml_design *design, uint32_t parts, ml_rng *rng)
{
	void	   *memory = design->order;

	if (!design->prepared)
		return ml_fail(ctx, ML_INTERNAL, "the design matrix is not prepared");
	ML_TRY(save_state(ctx, design));
	ML_TRY(ml_design_grow(ctx, design, &memory, &design->order_capacity, design->made.n, sizeof(uint32_t)));
	design->order = memory;
	design->norder = 0;
	design->next = 0;
	design->seen = 0;
	for (size_t i = 0; i < design->made.n; i++)
		if (parts >> design->made.blocks[i].part & 1)
			design->order[design->norder++] = (uint32_t) i;
	if (rng != NULL)
		ml_rng_shuffle(rng, design->order, design->norder);
	return ml_poll(ctx);
}

static void
show_block(const ml_design *design, const ml_stored_block *stored, char *bytes, ml_block *block)
{
	ml_made		made = ml_design_made_of(design, bytes);

	*block = (ml_block)
	{
		.n = stored->n, .stride = design->stride, .first = design->seen, .part = stored->part,
		.dense = made.dense, .hot = made.hot, .at = made.at, .ids = made.ids, .values = made.values,
		.target = made.target, .label = made.label, .weight = made.weight, .row_weight = made.row_weight
	};
}

ml_status
ml_design_next(ml_context *ctx, ml_design *design, const ml_block **block)
{
	ml_stored_block *stored;
	char	   *bytes;

	*block = NULL;
	ML_TRY(save_state(ctx, design));
	if (design->next == design->norder)
		return ML_OK;
	stored = &design->made.blocks[design->order[design->next]];
	ML_TRY(ml_design_load(ctx, design, stored, &bytes));
	show_block(design, stored, bytes, &design->block);
	ML_TRY(load_state(ctx, design, stored, &design->block.state));
	design->at_hand = stored;
	design->seen += stored->n;
	design->next++;
	*block = &design->block;
	return ML_OK;
}
