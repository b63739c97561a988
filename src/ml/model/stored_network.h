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
 *					"unicode": "15.0", "images": [[height, width, channels], ...]}; max_length,
 *					pad and unicode with columns of text, images (in the order of their columns) with such
 *
 * Tensors after those of the columns:
 *	  word_end		U64 [w]		with columns of text: where each word's bytes end in words
 *	  words			U8 [bytes]	in the order of their numbers, the first is 2
 *	then every parameter and state of the graph under its name, F32, with its
 *	dimensions in the graph, row by row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_STORED_NETWORK_H
#define ML_STORED_NETWORK_H

#include "model/feeds.h"
#include "model/stored_parts.h"

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
	const ml_tensor **tensors;	/* [values as they were read] of parameters and states; else NULL */
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
