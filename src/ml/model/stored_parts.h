/*-------------------------------------------------------------------------
 *
 * stored_parts.h
 *	  What stored files of tables and of networks have in common: task,
 *	  columns with their recipe, labels.
 *
 * Metadata: format, task "classification" or "regression", algorithm, table (JSON,
 * tabular.h); classification: labels (JSON array, ascending in C order); of two:
 * positive, the label that the score speaks for.
 *
 * Tensors; d dense features, l levels:
 *	  scaling		  F64 [d, 5]	mean, scale, fill, low, high of each
 *	  level_end		  U64 [l]		where each level's bytes end in levels
 *	  levels		  U8 [bytes]
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_STORED_PARTS_H
#define ML_STORED_PARTS_H

#include "base/print.h"
#include "feature/tabular.h"
#include "format/safetensors.h"
#include "model/model.h"

/* === Writing: metadata and tensors are put together, then written at once === */

#define ML_METADATA_MAX	16

typedef struct ml_stored_writer
{
	ml_context *ctx;
	ml_arena	arena;
	ml_buffer	table;
	ml_buffer	labels;
	ml_metadata metadata[ML_METADATA_MAX];
	uint32_t	nmetadata;
	ml_tensor  *tensors;		/* [tensors_max], in the arena */
	uint32_t	ntensors;
	uint32_t	tensors_max;
} ml_stored_writer;

extern ml_status ml_stored_writer_open(ml_context *ctx, uint32_t tensors_max, ml_stored_writer *w);
extern void ml_stored_writer_close(ml_stored_writer *w);

extern void ml_stored_put(ml_stored_writer *w, const char *key, ml_text value);
extern void ml_stored_put_tensor(ml_stored_writer *w, ml_text name, ml_dtype dtype, int ndims,
								 const uint64_t *dims, const void *data);

static inline void
ml_stored_put_vector(ml_stored_writer *w, const char *name, ml_dtype dtype, uint64_t n, const void *data)
{
	ml_stored_put_tensor(w, (ml_text) {name, strlen(name)}, dtype, 1, &n, data);
}

static inline void
ml_stored_put_matrix(ml_stored_writer *w, const char *name, ml_dtype dtype, uint64_t rows,
					 uint64_t columns, const void *data)
{
	ml_stored_put_tensor(w, (ml_text) {name, strlen(name)}, dtype, 2, (uint64_t[2]) {rows, columns}, data);
}

/* ML_BAD_DATA: a number of "what" is not finite; the first says so. */
extern ml_status ml_stored_not_finite(ml_context *ctx, const char *what);
extern ml_status ml_stored_check_doubles(ml_context *ctx, const double *values, size_t n, const char *what);
extern ml_status ml_stored_check_floats(ml_context *ctx, const float *values, size_t n, const char *what);

extern ml_status ml_stored_put_task(ml_stored_writer *w, const char *format, ml_task task, ml_text algorithm);
extern ml_status ml_stored_put_labels(ml_stored_writer *w, uint32_t nlabels, const ml_text *labels,
									  uint32_t positive);
extern ml_status ml_stored_put_tabular(ml_stored_writer *w, const ml_tabular *tabular);
extern ml_status ml_stored_write(ml_stored_writer *w, ml_buffer *file);

/* === Reading: trusting nothing; what was asked for is counted === */

typedef struct ml_stored_reader
{
	ml_context *ctx;
	ml_arena   *arena;
	const ml_safetensors *from;
	uint32_t	nmetadata;		/* those asked for and found */
	uint32_t	ntensors;
} ml_stored_reader;

/* What all files say.  Of tensors, data points into the file's bytes, unaligned and little-endian. */
typedef struct ml_stored_head
{
	ml_task		task;
	ml_text		algorithm;
	ml_text		table_json;
	ml_text		labels_json;	/* absent for regression */
	ml_tabular	tabular;		/* all but slots */
	size_t		levels_size;
	uint32_t	nlabels;		/* 0: regression */
	ml_text    *labels;
	uint32_t	positive;
	uint32_t	nscores;		/* 1 for regression and two labels, else one per label */
} ml_stored_head;

extern ml_status ml_stored_get(ml_stored_reader *r, const char *key, ml_text *value);
extern ml_status ml_stored_get_vector(ml_stored_reader *r, const char *name, ml_dtype dtype, uint64_t n,
									  const ml_tensor **tensor);
extern ml_status ml_stored_get_matrix(ml_stored_reader *r, const char *name, ml_dtype dtype, uint64_t rows,
									  uint64_t columns, const ml_tensor **tensor);
extern ml_status ml_stored_out_of_range(ml_stored_reader *r, const ml_tensor *tensor, size_t i);
/* All numbers of a tensor of F64 or F32 are finite. */
extern ml_status ml_stored_finite(ml_stored_reader *r, const ml_tensor *tensor);
/* A copy in the arena, aligned; result: where its pointer goes. */
extern ml_status ml_stored_copy(ml_stored_reader *r, const ml_tensor *tensor, void *result);

extern ml_status ml_stored_get_task(ml_stored_reader *r, ml_stored_head *head);
extern ml_status ml_stored_get_tabular(ml_stored_reader *r, ml_stored_head *head);
extern ml_status ml_stored_get_labels(ml_stored_reader *r, ml_stored_head *head);
/* Nothing is in the file but what was asked for. */
extern ml_status ml_stored_check_counts(ml_stored_reader *r);

/* {"format":..., "task":..., "algorithm":..., "columns":..., "labels":..., "positive":... without the end */
extern ml_status ml_stored_describe_head(ml_context *ctx, int format, const ml_stored_head *head,
										 ml_buffer *json);

static inline double
ml_double_at(const ml_tensor *tensor, size_t i)
{
	double		value;

	memcpy(&value, (const char *) tensor->data + i * sizeof(double), sizeof(double));
	return value;
}

static inline float
ml_float_at(const ml_tensor *tensor, size_t i)
{
	float		value;

	memcpy(&value, (const char *) tensor->data + i * sizeof(float), sizeof(float));
	return value;
}

#endif							/* ML_STORED_PARTS_H */
