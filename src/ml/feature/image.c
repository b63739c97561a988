/*-------------------------------------------------------------------------
 *
 * image.c
 *	  What bytes of an image are, and who reads them.
 *
 * The first bytes are read here: size and kind of a PNG (its IHDR comes first),
 * size and EXIF orientation of a JPEG (its segments up to the first
 * scan).  So an image that claims too much never reaches a library; what a
 * library then finds must agree.
 *
 *-------------------------------------------------------------------------
 */
#include "feature/image_internal.h"

static inline uint32_t
u16(const uint8_t *from, bool little)
{
	return little ? from[0] | (uint32_t) from[1] << 8 : (uint32_t) from[0] << 8 | from[1];
}

static inline uint32_t
u32(const uint8_t *from, bool little)
{
	return little ? u16(from, true) | u16(from + 2, true) << 16 : u16(from, false) << 16 | u16(from + 2, false);
}

/* ---------- PNG ---------- */

static const uint8_t png_signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

#define PNG_COLOUR		2		/* of the colour types 0, 2, 3, 4, 6 those without are grey */

/* signature, length, "IHDR", width, height, bits, colour type */
static bool
look_png(const uint8_t *at, size_t size, ml_pixels_head *head)
{
	if (size < 26 || memcmp(at + 12, "IHDR", 4) != 0)
		return false;
	head->width = u32(at + 16, false);
	head->height = u32(at + 20, false);
	head->channels = (at[25] & PNG_COLOUR) == 0 ? 1 : 3;
	return true;
}

/* ---------- JPEG ---------- */

#define MARKER_SOF		0xC0	/* .. 0xCF, but for the three below */
#define MARKER_DHT		0xC4
#define MARKER_JPG		0xC8
#define MARKER_DAC		0xCC
#define MARKER_RST		0xD0	/* .. 0xD7 */
#define MARKER_SOI		0xD8
#define MARKER_EOI		0xD9
#define MARKER_SOS		0xDA
#define MARKER_APP1		0xE1
#define MARKER_TEM		0x01
#define TAG_ORIENTATION	0x0112
#define HEAD_MAX		((size_t) 4 << 20)	/* bytes in which the first scan of a JPEG must begin */
#define TIFF_SHORT		3

/* Of an APP1 segment: the tag in the first directory of its TIFF; 0: none. */
static int
exif_orientation(const uint8_t *segment, size_t size)
{
	const uint8_t *tiff = segment + 6;
	bool		little;
	uint32_t	start;
	uint32_t	n;

	if (size < 6 + 8 || memcmp(segment, "Exif\0\0", 6) != 0)
		return 0;
	size -= 6;
	little = tiff[0] == 'I';
	if (memcmp(tiff, little ? "II*\0" : "MM\0*", 4) != 0)
		return 0;
	start = u32(tiff + 4, little);
	if (start > size - 2)
		return 0;
	n = u16(tiff + start, little);
	for (size_t entry = (size_t) start + 2; n > 0 && entry + 12 <= size; n--, entry += 12)
		if (u16(tiff + entry, little) == TAG_ORIENTATION)
		{
			uint32_t	value = u16(tiff + entry + 8, little);

			return u16(tiff + entry + 2, little) == TIFF_SHORT && value >= 1 && value <= 8 ? (int) value : 0;
		}
	return 0;
}

static bool
is_frame(uint8_t marker)
{
	return (marker & 0xF0) == MARKER_SOF && marker != MARKER_DHT && marker != MARKER_JPG && marker != MARKER_DAC;
}

/* Segments up to the first scan; false: they say no size. */
static bool
look_jpeg(const uint8_t *bytes, size_t size, ml_pixels_head *head)
{
	size_t		at = 2;

	size = ML_MIN(size, HEAD_MAX);
	for (;;)
	{
		uint8_t		marker;
		uint32_t	length;

		/* as libjpeg: what lies between segments is skipped */
		while (at < size && bytes[at] != 0xFF)
			at++;
		while (at < size && bytes[at] == 0xFF)
			at++;
		if (at >= size)
			return false;
		marker = bytes[at++];
		if (marker == 0 || marker == MARKER_TEM || marker == MARKER_SOI || (marker & 0xF8) == MARKER_RST)
			continue;
		if (marker == MARKER_SOS || marker == MARKER_EOI)
			return head->height > 0;
		if (size - at < 2 || (length = u16(bytes + at, false)) < 2 || size - at < length)
			return false;
		if (is_frame(marker) && length >= 8 && head->height == 0)
		{
			head->height = u16(bytes + at + 3, false);
			head->width = u16(bytes + at + 5, false);
			head->channels = bytes[at + 7] == 1 ? 1 : 3;
		}
		else if (marker == MARKER_APP1)
		{
			int			orientation = exif_orientation(bytes + at + 2, length - 2);

			if (orientation > 0)
				head->orientation = orientation;
		}
		at += length;
	}
}

/* ---------- both ---------- */

/* What the bytes claim to be; RAW: neither of both. */
static ml_pixels_head
look(ml_text bytes)
{
	const uint8_t *at = (const uint8_t *) bytes.data;
	ml_pixels_head head = {.orientation = 1};

	if (bytes.size >= sizeof(png_signature) && memcmp(at, png_signature, sizeof(png_signature)) == 0)
	{
		head.kind = ML_PIXELS_PNG;
		if (!look_png(at, bytes.size, &head))
			head.height = 0;
	}
	else if (bytes.size >= 3 && at[0] == 0xFF && at[1] == MARKER_SOI && at[2] == 0xFF)
	{
		head.kind = ML_PIXELS_JPEG;
		if (!look_jpeg(at, bytes.size, &head))
			head.height = 0;
	}
	return head;
}

static bool
is_large(const ml_pixels_head *head)
{
	return head->height > ML_PIXELS_SIDE_MAX || head->width > ML_PIXELS_SIDE_MAX ||
		(uint64_t) head->height * head->width > ML_PIXELS_MAX;
}

static ml_status
check_head(ml_context *ctx, const ml_pixels_head *head)
{
	const char *kind = head->kind == ML_PIXELS_PNG ? "PNG" : "JPEG";

	if (head->height == 0 || head->width == 0)
		return ml_fail(ctx, ML_BAD_INPUT, "damaged %s: it has no size", kind);
	if (is_large(head))
	{
		ml_fail(ctx, ML_BAD_INPUT, "the %s is %u wide and %u high, more than %u million pixels", kind, head->width, head->height,
				ML_PIXELS_MAX >> 20);
		return ml_hint(ctx, "Make it smaller before it is stored: networks take images of a few hundred pixels a side.");
	}
	return ML_OK;
}

ml_status
ml_pixels_look(ml_context *ctx, ml_text bytes, ml_picture *picture)
{
	ml_pixels_head head = look(bytes);
	bool		swapped = head.orientation >= 5;

	if (head.kind == ML_PIXELS_RAW)
		return ml_fail(ctx, ML_UNSUPPORTED, "the bytes are neither PNG nor JPEG");
	ML_TRY(check_head(ctx, &head));
	*picture = (ml_picture) {swapped ? head.width : head.height, swapped ? head.height : head.width, head.channels};
	return ML_OK;
}

ml_status
ml_pixels_read(ml_context *ctx, ml_text bytes, const ml_picture *wanted, size_t memory, uint8_t *pixels)
{
	ml_pixels_head head = look(bytes);
	ml_pixels_sink sink;
	ml_status	status;

	/* pixels may begin as a JPEG does, by chance */
	if (head.kind != ML_PIXELS_PNG && head.height == 0)
	{
		if (bytes.size == ml_picture_bytes(wanted))
			return ml_copy(ctx, pixels, bytes.data, bytes.size);
		if (head.kind == ML_PIXELS_RAW)
			return ml_fail(ctx, ML_BAD_INPUT, "%llu %s neither PNG nor JPEG nor the pixels of an image of %u x %u and %u channels",
						   (unsigned long long) bytes.size, bytes.size == 1 ? "byte is" : "bytes are", wanted->height, wanted->width, wanted->channels);
	}
	ML_TRY(check_head(ctx, &head));
	ML_TRY(ml_pixels_sink_open(ctx, &head, wanted, memory, pixels, &sink));
	status = (head.kind == ML_PIXELS_PNG ? ml_pixels_read_png : ml_pixels_read_jpeg)(ctx, bytes, &head, &sink);
	ml_pixels_sink_close(&sink);
	return status;
}
