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
 * Of most images a few rows are in memory at a time.  All of an interlaced PNG
 * is (up to 4 bytes a pixel), and all of a JPEG in several scans, as progressive
 * ones are (2 bytes for each sample: 3 to 8 a pixel): so a caller says how much
 * may be taken.  All of it is given back before the pixels are returned.
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

/*
 * What the head of a PNG or JPEG says, upright: its size, and 1 channel where
 * it is grey, else 3.  ML_BAD_INPUT: it has no size, or is too large;
 * ML_UNSUPPORTED: it is neither of both.
 */
extern ml_status ml_pixels_look(ml_context *ctx, ml_text bytes, ml_picture *picture);

/*
 * pixels[ml_picture_bytes(wanted)].  memory: bytes that decoding may take.
 * ML_BAD_INPUT: damaged, too large, none of these kinds; ML_MEMORY_LIMIT.
 */
extern ml_status ml_pixels_read(ml_context *ctx, ml_text bytes, const ml_picture *wanted, size_t memory, uint8_t *pixels);

#endif							/* ML_FEATURE_IMAGE_H */
