/*-------------------------------------------------------------------------
 *
 * fuzz_image.c
 *	  Any bytes as an image: refused, or all its pixels are there.
 *
 * The first three bytes are the size wanted: height - 1, width - 1 (each up to
 * 64), and whether there are colours (bit 0) and little memory (bit 1: the other
 * bits are how little, in 16 kB).  Images of a few bytes may claim millions
 * of pixels in hundreds of scans, so a run is cancelled after some polls.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "feature/image.h"

#define POLLS_MAX 3000

static void
check_status(const unit_host *host, ml_status status)
{
	fuzz_check(status == ML_OK || status == ML_BAD_INPUT || status == ML_MEMORY_LIMIT ||
			   (status == ML_CANCELLED && host->polls >= POLLS_MAX));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unit_host	host;
	ml_picture	wanted;
	ml_text		bytes;
	uint8_t    *pixels;

	if (size < 3)
		return 0;
	wanted = (ml_picture) {data[0] % 64 + 1u, data[1] % 64 + 1u, data[2] & 1 ? 3 : 1};
	bytes = (ml_text) {(const char *) data + 3, size - 3};
	unit_open(&host);
	host.cancel_at = POLLS_MAX;
	pixels = malloc(ml_picture_bytes(&wanted));
	check_status(&host, ml_pixels_read(&host.ctx, bytes, &wanted, data[2] & 2 ? (size_t) (data[2] >> 2) << 14 : SIZE_MAX, pixels));
	free(pixels);
	fuzz_check((data[2] & 2) == 0 || host.peak_bytes <= ((size_t) (data[2] >> 2) << 14) + ((size_t) 1 << 20) + 16 * 65535);
	fuzz_check(host.live_blocks == 0);
	return 0;
}
