/*-------------------------------------------------------------------------
 *
 * model.h
 *	  Stored bytes -> image -> session -> answers; and training rows -> stored
 *	  bytes.
 *
 * Stored: one safetensors file, the same bytes on every machine.
 * Image: read-only, position-independent (offsets, no pointers), prepared for
 *	  this machine's kernels; shared by all sessions of a server.
 * Session: the mutable state of one user of an image: words reader, scratch.
 * Trainer: takes rows in, gives stored bytes and a report out.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_MODEL_H
#define ML_MODEL_H

#include "base/json.h"
#include "kernel/kernel.h"

#define ML_FORMAT_VERSION 1

/* Part of the image's key: other layouts of the same bytes don't mix. */
#define ML_PACK_LAYOUT 1

/*
 * Stored bytes -> image.  ml_image_plan checks everything (ML_BAD_MODEL,
 * ML_NEWER_FORMAT) and tells the exact size; ml_image_build fills "image",
 * ML_ALIGN aligned and of that size.  The stored bytes are not needed after.
 */
typedef struct ml_image ml_image;

extern ml_status ml_image_plan(ml_context *ctx, const void *stored, size_t size,
							   size_t *image_size);
extern ml_status ml_image_build(ml_context *ctx, const void *stored, size_t size,
								void *image, size_t image_size);

/* What a stored file says of itself, as a JSON object: format, task,
 * algorithm, columns, labels, features, unicode, recipe.  For the manifest. */
extern ml_status ml_stored_describe(ml_context *ctx, const void *stored, size_t size,
									ml_buffer *json);

extern uint32_t ml_image_nlabels(const ml_image *image);
extern ml_text ml_image_label(const ml_image *image, uint32_t i);	/* C order */
/* index of a label, -1 when the model doesn't know it */
extern int64_t ml_image_find_label(const ml_image *image, ml_text label);
extern uint32_t ml_image_ncolumns(const ml_image *image);
extern ml_text ml_image_column(const ml_image *image, uint32_t i);
extern ml_text ml_image_unicode(const ml_image *image); /* compare with ml_words_unicode_version */

/* A session may serve many calls; close it before the image goes. */
typedef struct ml_session ml_session;

extern ml_status ml_session_open(ml_context *ctx, const ml_image *image,
								 const ml_kernel *kernel, ml_session **result);
extern void ml_session_close(ml_context *ctx, ml_session *session);

/*
 * n examples; inputs[n * ncolumns], row by row.  labels[n] gets the index of
 * the predicted label, probabilities[n * nlabels] those of all labels in label
 * order; either may be NULL.  The bits depend on nothing but model and input.
 * An example without any known feature gets what the bias says.
 */
extern ml_status ml_session_predict(ml_context *ctx, ml_session *session, size_t n,
									const ml_text *inputs, uint32_t *labels,
									double *probabilities);

/*
 * The parts of the logit of one label (label < 0: the predicted one, returned
 * in *explained), largest magnitude first after the base value "(intercept)".
 * feature is quoted from the input, folded as the model sees it, words joined
 * by a space; features seen several times come once.  The contributions sum
 * to the logit that the label's score comes from.  Valid until the next call.
 */
typedef struct ml_contribution
{
	ml_text		feature;
	double		contribution;
} ml_contribution;

extern ml_status ml_session_explain(ml_context *ctx, ml_session *session,
									const ml_text *inputs, int64_t label,
									uint32_t *explained,
									const ml_contribution **parts, size_t *nparts);

/*
 * The words of a text as the model sees them, some at a time, so that memory
 * is bounded whatever the text: begin, then ask until *n is 0.  The tokens are
 * valid until the next call.
 */
extern void ml_session_tokenize(ml_session *session, ml_text input);
extern ml_status ml_session_tokens(ml_context *ctx, ml_session *session,
								   const ml_text **tokens, size_t *n);

/*
 * Training.  memory: bytes for everything, rows beyond it go to the host's
 * spill.  The steps: open, add batches, finish; close in any case.
 */
typedef struct ml_trainer ml_trainer;

extern ml_status ml_trainer_open(ml_context *ctx, ml_text algorithm, ml_text options,
								 uint32_t ncolumns, const ml_text *columns,
								 size_t memory, const ml_kernel *kernel,
								 ml_trainer **result);
extern void ml_trainer_close(ml_context *ctx, ml_trainer *trainer);

/*
 * n rows; inputs as for predict; weights may be NULL (1 each).  Rows whose
 * label is absent or whose texts are all absent are counted and skipped.
 */
extern ml_status ml_trainer_add(ml_context *ctx, ml_trainer *trainer, size_t n,
								const ml_text *inputs, const ml_text *labels,
								const float *weights);

/*
 * Fit, judge on the held-out rows, refit on all, calibrate, encode.
 * stored: the file.  report: a JSON object with algorithm, options, rows,
 * skipped, holdout_rows, features, labels, epochs, losses, metrics (absent
 * without holdout), and what the calibration was found on.
 * ML_BAD_DATA: no rows, one class only, too many labels, ...
 */
extern ml_status ml_trainer_finish(ml_context *ctx, ml_trainer *trainer,
								   ml_buffer *stored, ml_buffer *report);

#endif							/* ML_MODEL_H */
