/*-------------------------------------------------------------------------
 *
 * image.h
 *	  Images as networks take them: pixels of a stated size.
 *
 * Pixels are bytes [height][width][channels], row by row from the top; of three
 * channels red, green, blue.  A feed of a network has them divided by 255.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_FEATURE_IMAGE_H
#define ML_FEATURE_IMAGE_H

#include "base/mem.h"

#define ML_SIDE_MAX		4096	/* height and width that a feed may have */

typedef struct ml_picture
{
	uint32_t	height;			/* 0: not stated */
	uint32_t	width;
	uint32_t	channels;		/* 1 or 3 */
} ml_picture;

static inline size_t
ml_picture_bytes(const ml_picture *picture)
{
	return (size_t) picture->height * picture->width * picture->channels;
}

/* pixels[ml_picture_bytes(wanted)].  ML_BAD_INPUT: not that many bytes, or no size is known. */
extern ml_status ml_pixels_read(ml_context *ctx, ml_text bytes, const ml_picture *wanted, uint8_t *pixels);

#endif							/* ML_FEATURE_IMAGE_H */
