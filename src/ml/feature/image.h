/*-------------------------------------------------------------------------
 *
 * image.h
 *	  Images as networks take them: PNG, JPEG or raw bytes -> pixels of one size.
 *
 * Pixels are bytes [height][width][channels], row by row from the top; of three
 * channels red, green, blue, of one brightness (ITU-R BT.601: 0.299 R + 0.587
 * G + 0.114 B).  A feed of a network has them divided by 255.
 *
 *	  orientation	of a JPEG's EXIF is applied
 *	  alpha			is blended with white
 *	  palette, grey, 16 bits	become 8 bits of grey or RGB
 *	  CMYK, YCCK	become RGB by (1 - C)(1 - K) and so on; Adobe's inverted
 *					ones, too
 *	  another size	is the mean over the area of each pixel where it shrinks, and
 *					bilinear where it grows, each axis for itself; in integers,
 *					so with one result everywhere
 *	  raw			exactly height x width x channels bytes that are neither PNG
 *					nor JPEG: taken as they are
 *
 * What an image claims is checked before anything is allocated for it: at most
 * ML_PIXELS_MAX pixels.  A damaged image is refused, never half of it taken.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_FEATURE_IMAGE_H
#define ML_FEATURE_IMAGE_H

#include "base/mem.h"

#define ML_PIXELS_MAX	(UINT32_C(16) << 20)	/* of an image before it is resized */
#define ML_PIXELS_SIDE_MAX	65535	/* height and width of such an image */
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

/* pixels[ml_picture_bytes(wanted)].  ML_BAD_INPUT: damaged, too large, none of these kinds. */
extern ml_status ml_pixels_read(ml_context *ctx, ml_text bytes, const ml_picture *wanted, uint8_t *pixels);

#endif							/* ML_FEATURE_IMAGE_H */
