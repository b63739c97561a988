/*-------------------------------------------------------------------------
 *
 * image.h
 *	  What is inside an image: one block of memory without pointers.
 *
 * A head that is the same for all kinds, then what its kind has; sections
 * follow, each ML_ALIGN aligned and found by its offset from the image's
 * beginning.
 *
 * Text classifiers (image_text.c).  A feature's idf and weights lie together,
 * so that one cache line serves it:
 *
 *	  dense (stride > 0):	records[id * stride] = idf code, then nscores int8
 *	  sparse (stride = 0):	at records + record_at[id]: u16 count, idf code,
 *							entries as in stored.h; count DENSE_RECORD = nscores
 *							int8 without score numbers
 *
 * Models of tables (image_table.c).  A feature's weights of all scores lie
 * together: weights[width][nscores].  Of texts, which are summed up in integers so
 * that their order changes no bit: text_records[nfeatures][1 + nscores], the
 * idf and weight x idf in units of scale.  Support vectors lie in panels
 * (learn/machine.h).
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_IMAGE_H
#define ML_IMAGE_H

#include "feature/recipe.h"
#include "feature/tabular.h"
#include "feature/vocabulary.h"
#include "feature/weight.h"
#include "learn/machine.h"
#include "model/model.h"
#include "model/packed.h"
#include "model/stored.h"
#include "model/stored_network.h"
#include "model/stored_table.h"

#define ML_IMAGE_MAGIC		UINT32_C(0x496C6D61)
#define ML_DENSE_RECORD		UINT16_MAX
#define ML_RECORD_HEADER	3	/* bytes before the entries of a sparse record */

/* A string: bytes at strings + offset; ML_NO_STRING: absent. */
typedef struct ml_span
{
	uint32_t	offset;
	uint32_t	size;
} ml_span;

#define ML_NO_STRING	UINT32_MAX

/* Strings behind those of labels and columns. */
enum
{
	ML_STRING_ALGORITHM,
	ML_STRING_UNICODE,
	ML_STRING_TIME_ZONE,
	ML_STRINGS
};

typedef struct ml_image_kind
{
	uint32_t	type;			/* ml_type */
	uint32_t	role;			/* ml_role */
	uint32_t	size;			/* of an array, else 1 */
} ml_image_kind;

struct ml_image
{
	uint32_t	magic;
	uint32_t	layout;			/* ML_PACK_LAYOUT */
	uint64_t	size;
	uint32_t	format;			/* ML_FORMAT_TEXT or ML_FORMAT_TABLE */
	uint32_t	task;			/* ml_task */
	uint32_t	ncolumns;
	uint32_t	nlabels;		/* 0: regression */
	uint32_t	nscores;
	uint32_t	positive;
	uint32_t	ntexts;			/* columns of text */
	uint32_t	nfeatures;		/* of texts */
	ml_recipe	recipe;			/* of texts; columns and unicode are absent here */
	uint64_t	kinds;			/* ml_image_kind[ncolumns] */
	uint64_t	spans;			/* ml_span: labels, columns, ML_STRINGS */
	uint64_t	strings;
	uint64_t	numbers;		/* double: scale, bias, slope, offset, [nscores] each */
	uint64_t	vocabulary;		/* ml_vocabulary, with texts only */
};

typedef struct ml_text_image
{
	ml_image	head;
	uint32_t	stride;			/* bytes of a dense record, 0 = sparse */
	uint64_t	idf_levels;		/* uint16_t[ML_IDF_LEVELS] */
	uint64_t	record_at;		/* uint32_t[nfeatures], sparse only */
	uint64_t	records;
} ml_text_image;

typedef struct ml_table_image
{
	ml_image	head;
	ml_tabular	tabular;		/* numbers only; its arrays: */
	uint64_t	columns;		/* ml_tabular_column[ncolumns] */
	uint64_t	scaling;
	uint64_t	level_end;
	uint64_t	levels;
	uint64_t	slots;
	uint32_t	width;			/* ndense + nhot */
	uint32_t	has_errors;
	double		bias_std_error;
	double		freedom;
	uint64_t	weights;		/* double[width][nscores]; of linear models, as: */
	uint64_t	dropped;		/* uint8_t[width] */
	uint64_t	std_error;		/* double[width], with has_errors only */
	uint64_t	text_records;	/* int64_t[nfeatures][1 + nscores] */
	ml_panels	machine;		/* numbers only; its arrays: */
	uint64_t	panels;
	uint64_t	coefficients;
} ml_table_image;

/*
 * Networks (image_network.c).  The arrays of the graph lie as they are (graph.h:
 * they hold no pointers), parameters in the layouts of this machine's kernels.  Where
 * there is a folded graph (graph/fold.c), it is what is served; explanations need
 * the other one.
 */
typedef struct ml_network_image
{
	ml_image	head;
	ml_feeds	feeds;			/* numbers only; its arrays: */
	uint64_t	columns;
	uint64_t	scaling;
	uint64_t	level_end;
	uint64_t	levels;
	uint64_t	slots;
	uint64_t	channels;		/* ml_channel[tabular.nchannels] */
	uint64_t	word_ends;
	uint64_t	words;
	uint64_t	word_slots;
	ml_network	network;		/* numbers only; and of its graph: */
	ml_graph	graph;
	uint64_t	values;
	uint64_t	nodes;
	uint64_t	operands;
	uint64_t	constants;
	uint64_t	graph_strings;
	uint64_t	parameters;		/* and behind them the tables of: */
	ml_graph	folded;			/* numbers only; nvalues 0: there is none */
	uint64_t	folded_values;
	uint64_t	folded_nodes;
	uint64_t	folded_operands;
	uint64_t	folded_fused;	/* kernels that made the tables fuse multiplications and additions */
	uint64_t	states;
	uint64_t	layers;			/* the specification, JSON */
	uint64_t	layers_size;
} ml_network_image;

static inline const void *
ml_image_at(const ml_image *image, uint64_t offset)
{
	return (const char *) image + offset;
}

static inline const double *
ml_image_numbers(const ml_image *image, int which)
{
	return (const double *) ml_image_at(image, image->numbers) + (size_t) which * image->nscores;
}

#define ml_image_scale(image)	ml_image_numbers(image, 0)
#define ml_image_bias(image)	ml_image_numbers(image, 1)
#define ml_image_slope(image)	ml_image_numbers(image, 2)
#define ml_image_offset(image)	ml_image_numbers(image, 3)

#define ML_IMAGE_NUMBERS		4

/* The sparse record of a feature. */
static inline ml_packed
ml_image_record(const ml_text_image *image, uint32_t id, uint8_t *idf_code)
{
	const uint32_t *at = ml_image_at(&image->head, image->record_at);
	const uint8_t *record = (const uint8_t *) ml_image_at(&image->head, image->records) + at[id];
	uint16_t	count;

	memcpy(&count, record, 2);
	*idf_code = record[2];
	return (ml_packed)
	{
		.count = count == ML_DENSE_RECORD ? image->head.nscores : count,
		.dense = count == ML_DENSE_RECORD,
		.wide = image->head.nscores > 256,
		.entries = record + ML_RECORD_HEADER
	};
}

/* === image.c: the head === */

/* What a head says, as both kinds of files have it. */
typedef struct ml_image_names
{
	uint32_t	nlabels;
	const ml_text *labels;
	uint32_t	ncolumns;
	const ml_text *columns;
	const ml_tabular_column *kinds; /* NULL: all are text */
	ml_text		strings[ML_STRINGS];
} ml_image_names;

/* The next section, of that size; its offset. */
static inline uint64_t
ml_image_section(uint64_t *end, uint64_t size)
{
	uint64_t	start = ml_size_align(*end, ML_ALIGN);

	*end = ml_size_add(start, size);
	return start;
}

static inline uint64_t
ml_image_section_of(uint64_t *end, uint64_t n, size_t width)
{
	return ml_image_section(end, ml_size_mul(n, width));
}

/* Of a model of columns; unicode: the version that its texts were split by. */
extern ml_image_names ml_image_names_of(const ml_stored_head *head, ml_text unicode);

/* Set head's counts and sections; nscores is set. */
extern void ml_image_plan_head(ml_image *head, int format, const ml_image_names *names, uint64_t *end);

/* Clear an image, copy the header of header_size bytes that was planned, fill the head's sections. */
extern ml_status ml_image_fill_head(ml_context *ctx, ml_image *image, const ml_image *header,
									size_t header_size, const ml_image_names *names);

extern ml_text ml_image_string(const ml_image *image, int which);

/* === image_text.c, image_table.c === */

/*
 * Check what is left to check, and plan; *image gets the header of the image
 * to be.  Then fill it.
 */
extern ml_status ml_image_plan_text(ml_context *ctx, const ml_stored *stored, ml_text_image *image);
extern ml_status ml_image_fill_text(ml_context *ctx, const ml_stored *stored,
									const ml_text_image *header, ml_text_image *image);
extern ml_status ml_image_plan_table(ml_context *ctx, const ml_table_file *file, ml_table_image *image);
extern ml_status ml_image_fill_table(ml_context *ctx, const ml_table_file *file,
									 const ml_table_image *header, ml_table_image *image);

/* folded: file's, or NULL to leave it out. */
extern ml_status ml_image_plan_network(ml_context *ctx, const ml_network_file *file, const ml_graph *folded,
									   ml_network_image *image);
extern ml_status ml_image_fill_network(ml_context *ctx, const ml_network_file *file,
									   const ml_network_image *header, ml_network_image *image);

/* The feeds, and the network with its graph, as views into the image; names[ncolumns] are their caller's. */
extern void ml_image_network(const ml_network_image *image, ml_text *names, ml_feeds *feeds, ml_graph *graph,
							 ml_network *network);

/* The folded graph of such a view; false: the image has none that gives what this kernel gives. */
extern bool ml_image_folded(const ml_network_image *image, const ml_graph *graph, const ml_kernel *kernel,
							ml_graph *folded);

/* The recipe of a table's model, as a view into the image; names[ncolumns] are its caller's. */
extern void ml_image_tabular(const ml_table_image *image, ml_text *names, ml_tabular *tabular);

/* The support vectors, likewise. */
extern ml_panels ml_image_machine(const ml_table_image *image);

#endif							/* ML_IMAGE_H */
