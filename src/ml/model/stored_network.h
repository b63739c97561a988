/*-------------------------------------------------------------------------
 *
 * stored_network.h
 *	  The stored layout of a network, format 3: one safetensors file.
 *
 * Besides what stored_parts.h names, metadata:
 *	  graph			the inference graph, JSON (graph/graph.h): what is run
 *	  layers		the specification with every default, JSON (graph/network.h): for
 *					display, respecification and continued training only
 *	  feeds			{"output": "logits", "probabilities" or "numbers", "max_length": n, "pad": n,
 *					"unicode": "15.0", "images": [[height, width, channels], ...], "series": [steps, ...]};
 *					max_length and unicode with columns of text, pad with such or series; images and
 *					series (those looked at; in the order of their columns) with such
 *
 * Tensors after those of the columns:
 *	  word_end		U64 [w]		with columns of text: where each word's bytes end in words
 *	  words			U8 [bytes]	in the order of their numbers, the first is 2
 *	  series_scaling	F64 [channels of all, 2]	with columns of series: mean and scale of each
 *	then every parameter and state of the graph under its name, F32, with its
 *	dimensions in the graph, row by row.
 *
 * A checkpoint is the network after an epoch, with what its training needs to
 * go on, bit for bit.  Metadata:
 *	  checkpoint	{"epoch": n, "epochs": those asked for, "optimizer": its type, "moments": how many it has}
 * Tensors; vectors of all p parameters (s numbers of states) in the layouts of the graph:
 *	  checkpoint.numbers		F64 [ML_CHECKPOINT_NUMBERS]	step, best epoch, its loss, ... (ml_checkpoint);
 *							two are digests of the rows in their order, and of the settings that steer steps
 *	  checkpoint.history		F64 [h, 8]	epochs as aiaas_history() shows them
 *	  checkpoint.moments.0, .1	F32 [p]		those that the optimizer has
 *	  checkpoint.best			F32 [p]		after an epoch with validation, as
 *	  checkpoint.best_states	F32 [s]
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_STORED_NETWORK_H
#define ML_STORED_NETWORK_H

#include "learn/optimizer.h"
#include "model/feeds.h"
#include "model/stored_parts.h"

#define ML_EPOCH_NUMBERS		8	/* of an epoch in the history */
#define ML_CHECKPOINT_NUMBERS	(6 + ML_OPTIMIZER_NUMBERS)

/* As stored: what outputs are, and the tensors of moments. */
#define ML_OUTPUT_KINDS		3
extern const char *const ml_output_names[ML_OUTPUT_KINDS];
extern const char *const ml_moment_names[ML_OPTIMIZER_MOMENTS];

/* Vectors are borrowed; of a file they point into its bytes. */
typedef struct ml_checkpoint
{
	int32_t		epoch;			/* done; 0: the file is no checkpoint */
	int32_t		epochs;			/* asked for */
	ml_text		optimizer;		/* its type */
	double		numbers[ML_CHECKPOINT_NUMBERS]; /* step, best epoch or 0, its loss, epoch that patience counts from,
												 * digests of rows and settings, ml_optimizer_save */
	size_t		nhistory;
	const void *history;
	int			nmoments;
	const void *moments[ML_OPTIMIZER_MOMENTS];
	const void *best;			/* NULL: no epoch yet was validated */
	const void *best_states;
} ml_checkpoint;

/* Everything is borrowed. */
typedef struct ml_stored_network
{
	ml_task		task;
	const ml_feeds *feeds;
	ml_text		spec;			/* JSON of the layers */
	const ml_network *network;	/* for inference */
	const float *parameters;	/* vectors in the layouts of its graph */
	const void *states;
	float	   *room;			/* [parameters] that it may write into: gradients of the past */
	uint32_t	nlabels;
	const ml_text *labels;
	uint32_t	positive;
	const ml_checkpoint *checkpoint;	/* NULL: training is over */
} ml_stored_network;

/* Appends the file to an empty buffer.  ML_BAD_DATA: a weight is not finite. */
extern ml_status ml_stored_write_network(ml_context *ctx, const ml_stored_network *model, ml_buffer *file);

/* A file, checked completely; the graph is finished. */
typedef struct ml_network_file
{
	ml_stored_head head;
	ml_text		layers_json;
	ml_text		graph_json;
	ml_text		unicode;		/* absent without texts */
	ml_feeds	feeds;			/* all but slots */
	size_t		words_size;
	ml_network	network;		/* its graph is closed by ml_network_file_close */
	ml_graph   *folded;			/* ml_graph_fold of it, closed likewise; NULL: there is none */
	const ml_tensor **tensors;	/* [values as they were read] of parameters and states; else NULL */
	ml_checkpoint checkpoint;
} ml_network_file;

/* From ml_stored_open, of format 3.  ML_BAD_MODEL, ML_NEWER_FORMAT.  Close in any case. */
extern ml_status ml_stored_read_network(ml_context *ctx, ml_arena *arena, const ml_safetensors *from,
										ml_network_file *file);
extern void ml_network_file_close(ml_context *ctx, ml_network_file *file);

/* Parameters and states of a file -> vectors in the layouts of its graph. */
extern ml_status ml_network_file_load(ml_context *ctx, const ml_network_file *file, void *parameters,
									  void *states);

/* As ml_stored_describe, of a file of format 3. */
extern ml_status ml_stored_describe_network(ml_context *ctx, ml_arena *arena, const ml_safetensors *from,
											ml_buffer *json);

#endif							/* ML_STORED_NETWORK_H */
