/*-------------------------------------------------------------------------
 *
 * trace.h
 *	  What the features of one example are called; for explanations.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_TRACE_H
#define ML_TRACE_H

#include "feature/encoder.h"
#include "feature/pieces.h"

typedef struct ml_trace ml_trace;

extern ml_status ml_trace_open(ml_context *ctx, ml_trace **result);
extern void ml_trace_close(ml_context *ctx, ml_trace *trace);
extern void ml_trace_begin(ml_context *ctx, ml_trace *trace);

/* Remember a word; the last ML_NGRAM_MAX are kept. */
extern void ml_trace_word(ml_trace *trace, const ml_word *word);

/* Names, valid until the next: the last n words; n characters of a word. */
extern ml_text ml_trace_join(ml_trace *trace, int n, ml_text separator);
extern ml_text ml_trace_piece(ml_trace *trace, const ml_framed *framed, uint32_t i, uint32_t n);

/* Note a name of a feature (copied), unless it is known already. */
extern ml_status ml_trace_note(ml_context *ctx, ml_trace *trace, size_t feature,
							   uint32_t column, ml_text name);

extern const ml_origin *ml_trace_origins(const ml_trace *trace, size_t *n);

#endif							/* ML_TRACE_H */
