/*-------------------------------------------------------------------------
 *
 * session.h
 *	  What is inside a session, for session*.c and explain*.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_SESSION_H
#define ML_SESSION_H

#include "feature/encoder.h"
#include "model/image.h"

/* Words handed out at a time. */
#define ML_SESSION_TOKENS	64

__extension__ typedef unsigned __int128 ml_sum128;
__extension__ typedef __int128 ml_signed128;

/* What the session of a table's model has more. */
typedef struct ml_table_session
{
	const ml_table_image *image;
	ml_tabular	tabular;		/* views into the image */
	ml_panels	machine;
	ml_text    *names;			/* [ncolumns] */
	double	   *dense;			/* [ndense] of the row in hand */
	uint32_t   *hot;			/* [ncategories] */
	ml_text    *texts;			/* [ntexts] */
	ml_signed128 *sums;			/* [nscores] of tf x weight of texts */
	float	   *x;				/* kernel machines: [ML_MACHINE_ROWS][width] */
} ml_table_session;

/* Rows that a network takes at a time, at most. */
#define ML_NETWORK_ROWS		32

/* What the session of a network has more. */
typedef struct ml_network_session
{
	const ml_network_image *image;
	ml_text    *names;			/* [ncolumns] */
	ml_feeds	feeds;			/* views into the image */
	ml_graph	graph;
	ml_graph	folded;			/* of the runner, if the image has it */
	ml_network	network;
	ml_words   *reader;			/* NULL without texts */
	ml_runner  *runner;
	ml_feed_batch batch;
} ml_network_session;

struct ml_session
{
	const ml_image *image;
	const ml_kernel *kernel;
	ml_recipe	recipe;			/* the image's; what the encoder follows */
	ml_encoder *encoder;		/* NULL without columns of text */
	int64_t    *sums;			/* [nscores] of tf x weight */
	int32_t    *partial;		/* [nscores] the same since the last spill */
	double	   *logits;			/* [rows][nscores]; rows: ML_MACHINE_ROWS, or ML_NETWORK_ROWS of a network */
	double		unit;			/* turns tf x weight into a part of a score before its scale;
								 * 0 when nothing is known */
	size_t		work;			/* since the last poll */
	size_t		row;			/* of a call, that is worked on */
	uint16_t	tf[ML_TF_COUNTS];
	ml_table_session *table;	/* one of both, or NULL: a text classifier */
	ml_network_session *network;
	ml_arena	arena;			/* results of explain */
	ml_text		tokens[ML_SESSION_TOKENS];	/* results of tokens */
};

static inline uint32_t
ml_session_tf(const ml_session *session, uint32_t count)
{
	return session->tf[ML_MIN(count, ML_TF_COUNTS - 1)];
}

/*
 * Calibrated scores of the first *done of n > 0 examples -> session->logits.
 * Of the last of these, the session keeps its features and unit.
 */
extern ml_status ml_session_score(ml_context *ctx, ml_session *session, size_t n,
								  const ml_value *inputs, size_t *done);

/* The label that the logits of an example speak for: the first of the largest. */
extern uint32_t ml_session_best(const ml_session *session, const double *logits);

/* === session_table.c === */

extern ml_status ml_table_session_open(ml_context *ctx, ml_session *session);
extern void ml_table_session_close(ml_context *ctx, ml_table_session *table);
extern ml_status ml_table_session_score(ml_context *ctx, ml_session *session, size_t n,
										const ml_value *inputs, size_t *done);

/* Features of one row: dense and hot; and x, of a kernel machine's row number r. */
extern ml_status ml_table_session_encode(ml_context *ctx, ml_session *session, const ml_value *inputs,
										 size_t r);

/* The row's texts, in the order of the recipe's columns. */
extern const ml_text *ml_table_session_texts(ml_table_session *table, const ml_value *inputs);

/* === session_network.c === */

extern ml_status ml_network_session_open(ml_context *ctx, ml_session *session);
extern void ml_network_session_close(ml_context *ctx, ml_network_session *network);
extern ml_status ml_network_session_score(ml_context *ctx, ml_session *session, size_t n,
										  const ml_value *inputs, size_t *done);

/* === explain.c === */

/* A part with where its name begins in a buffer that still grows. */
typedef struct ml_part
{
	size_t		start;
	size_t		size;
	double		contribution;
} ml_part;

typedef struct ml_explanation
{
	ml_context *ctx;
	ml_session *session;
	const ml_tabular *tabular;	/* of tables and networks: names of columns */
	double		sign;			/* of two labels the other has the logit negated */
	ml_buffer	names;
	ml_part    *parts;
	size_t		nparts;
	size_t		capacity;
} ml_explanation;

/* End a part whose name was appended to e->names from start on; one of 0 is left out. */
extern ml_status ml_explain_add(ml_explanation *e, size_t start, double contribution);

/*
 * The n-grams of an example's texts.  value: what one that occurs "count" times
 * contributes.  columns: names begin with their column's; NULL: they don't.
 */
typedef double (*ml_explain_value) (const void *arg, uint32_t id, uint32_t count);

extern ml_status ml_explain_texts(ml_explanation *e, const ml_text *texts, const ml_text *columns,
								  ml_explain_value value, const void *arg);

/* === explain_table.c, explain_network.c === */

/* Parts of columns from those of their features: dense[ndense], and of each category's level. */
extern ml_status ml_explain_columns(ml_explanation *e, const ml_value *inputs, const double *dense,
									const double *hot);
extern ml_status ml_explain_network(ml_explanation *e, const ml_value *inputs, uint32_t score,
									double *intercept);

/* Add the parts; *intercept: what remains. */
extern ml_status ml_explain_table(ml_explanation *e, const ml_value *inputs, uint32_t score,
								  double *intercept);

#endif							/* ML_SESSION_H */
