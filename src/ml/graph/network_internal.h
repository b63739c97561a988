/*-------------------------------------------------------------------------
 *
 * network_internal.h
 *	  What the files of specifications share: network.c (reading and writing),
 *	  network_lower.c (lowering, binding a graph that was read), network_loss.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_NETWORK_INTERNAL_H
#define ML_NETWORK_INTERNAL_H

#include "graph/layer.h"

/* "a, b, c" as far as there is room, for messages. */
typedef struct ml_list_text
{
	char		text[ML_TEXT_MAX - 64];
	size_t		used;
} ml_list_text;

static inline void
ml_list_text_add(ml_list_text *list, ml_text name)
{
	if (list->used + name.size + 8 < sizeof(list->text))
		list->used += ml_print(list->text + list->used, sizeof(list->text) - list->used, "%s%.*s",
							   list->used == 0 ? "" : ", ", (int) name.size, name.data);
}

/* Losses by name; those of numbers first, then those of labels. */
typedef enum ml_network_loss
{
	ML_NETWORK_MSE,
	ML_NETWORK_MAE,
	ML_NETWORK_HUBER,
	ML_NETWORK_HINGE,
	ML_NETWORK_BINARY_CROSSENTROPY,
	ML_NETWORK_CATEGORICAL_CROSSENTROPY,
	ML_NETWORK_LOSSES
} ml_network_loss;

typedef struct ml_spec
{
	ml_arena	arena;
	const ml_network_task *task;	/* NULL: not known yet */
	int			nlayers;
	ml_layer   *layers;
	bool		has_loss;
	ml_network_loss loss;
	ml_setting_value loss_values[2];
} ml_spec;

/* task NULL: without the layers of a preset. */
extern ml_status ml_spec_read(ml_context *ctx, ml_text text, const ml_network_task *task, ml_spec *spec);
extern void ml_spec_close(ml_context *ctx, ml_spec *spec);

/* Called for each layer once it is lowered, with how many parameters it made; may be NULL. */
typedef ml_status (*ml_spec_look) (ml_context *ctx, void *arg, const ml_layer *layer, const ml_flow *in,
								   const ml_flow *out, int64_t parameters);

/* Lower to an unfinished graph; sizes left open are filled in, in spec. */
extern ml_status ml_spec_lower(ml_context *ctx, ml_spec *spec, const ml_network_task *task,
							   ml_network *network, ml_spec_look look, void *arg);

/* === network_loss.c === */

/* node NULL: by the task, when it is known (ml_loss_settle). */
extern ml_status ml_loss_read(ml_context *ctx, const ml_json *node, ml_spec *spec);
extern ml_status ml_loss_write(ml_context *ctx, const ml_spec *spec, ml_buffer *json);

/* Does the loss go with the task?  Without one: decide.  outputs: of the last layer, 0: not said. */
extern ml_status ml_loss_settle(ml_context *ctx, ml_spec *spec, const ml_network_task *task, int64_t outputs);

/* Outputs of a last layer whose size is not said. */
extern int64_t ml_loss_outputs(const ml_spec *spec, const ml_network_task *task, int64_t activation);

/* Is that last activation what the loss begins with, so that they are one op? */
extern bool ml_loss_absorbs(const ml_spec *spec, int64_t activation);

/* Does the last layer give what the loss takes?  By the task as well as by its activation. */
extern ml_status ml_loss_check(ml_lowering *w, const ml_spec *spec, int64_t activation, int64_t outputs);

/* Emit the loss of output flow "out", its inputs as well. */
extern ml_status ml_loss_lower(ml_lowering *w, const ml_spec *spec, const ml_flow *out);

#endif							/* ML_NETWORK_INTERNAL_H */
