/*-------------------------------------------------------------------------
 *
 * image.c
 *	  Pixels of a stated size, and nothing else.
 *
 *-------------------------------------------------------------------------
 */
#include "feature/image.h"

ml_status
ml_pixels_read(ml_context *ctx, ml_text bytes, const ml_picture *wanted, uint8_t *pixels)
{
	if (bytes.size != ml_picture_bytes(wanted))
		return ml_fail(ctx, ML_BAD_INPUT, "%llu bytes are not the pixels of an image of %u x %u and %u channels",
					   (unsigned long long) bytes.size, wanted->height, wanted->width, wanted->channels);
	memcpy(pixels, bytes.data, bytes.size);
	return ML_OK;
}
