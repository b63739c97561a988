/*-------------------------------------------------------------------------
 *
 * test_feature_image.c
 *	  Bytes of images -> pixels: every kind against recorded results of Pillow,
 *	  sizes against a plain reference, what is refused, and what memory is taken.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include <math.h>
#include <jpeglib.h>
#include <png.h>

#include "feature/image.h"
#include "format/safetensors.h"

#define JPEG_TOLERANCE	2		/* of a decoder's last bits */

/* Bytes in a block of their exact size, for sanitizers. */
static char *
exact(const void *data, size_t size)
{
	char	   *copy = malloc(size);

	if (size > 0)
		memcpy(copy, data, size);
	return copy;
}

static ml_status
read_exact(ml_context *ctx, ml_text bytes, const ml_picture *wanted, uint8_t *pixels)
{
	char	   *copy = exact(bytes.data, bytes.size);
	uint8_t    *to = malloc(ml_picture_bytes(wanted));
	ml_status	status = ml_pixels_read(ctx, (ml_text) {copy, bytes.size}, wanted, SIZE_MAX, to);

	if (pixels != NULL && status == ML_OK)
		memcpy(pixels, to, ml_picture_bytes(wanted));
	free(to);
	free(copy);
	return status;
}

static ml_text
text_of(const ml_tensor *tensor)
{
	return (ml_text) {tensor->data, ml_tensor_bytes(tensor)};
}

static const ml_tensor *
find(const ml_safetensors *file, ml_text name, const char *kind)
{
	char		path[96];

	snprintf(path, sizeof(path), "%.*s%s", (int) name.size, name.data, kind);
	return ml_safetensors_tensor(file, path);
}

static ml_text
file_of(const ml_safetensors *recorded, const char *name)
{
	return text_of(find(recorded, unit_text(name), ".file"));
}

/* ---- kinds ---- */

static void
test_kind(unit_host *host, const ml_safetensors *recorded, ml_text name, const char *kind, int tolerance)
{
	const ml_tensor *expected = find(recorded, name, kind);
	ml_picture	wanted = {(uint32_t) expected->dims[0], (uint32_t) expected->dims[1], (uint32_t) expected->dims[2]};
	size_t		size = ml_picture_bytes(&wanted);
	uint8_t    *pixels = malloc(size);
	ml_status	status = read_exact(&host->ctx, text_of(find(recorded, name, ".file")), &wanted, pixels);
	int			worst = 0;

	for (size_t i = 0; status == ML_OK && i < size; i++)
		worst = ML_MAX(worst, abs(pixels[i] - ((const uint8_t *) expected->data)[i]));
	unit_ok(status == ML_OK && worst <= tolerance, "%.*s%s: within %d, %s", (int) name.size, name.data, kind, worst,
			status == ML_OK ? "" : host->ctx.error.text);
	free(pixels);
}

static void
test_kinds(unit_host *host, const ml_safetensors *recorded)
{
	int			n = 0;

	for (uint32_t i = 0; i < recorded->ntensors; i++)
	{
		const ml_tensor *tensor = &recorded->tensors[i];
		ml_text		name = {tensor->name.data, tensor->name.size - 5};
		bool		png = memcmp(name.data, "png", 3) == 0;

		if (tensor->name.size < 5 || memcmp(name.data + name.size, ".file", 5) != 0)
			continue;
		n++;
		test_kind(host, recorded, name, ".pixels", png ? 0 : JPEG_TOLERANCE);
		test_kind(host, recorded, name, ".grey", png ? 0 : JPEG_TOLERANCE);
	}
	unit_ok(n >= 40, "%d kinds", n);
}

/* ---- sizes ---- */

/* The weight of pixel i of n in pixel j of m. */
static double
weight(int i, int n, int j, int m)
{
	double		at = (j + 0.5) * n / m - 0.5;
	double		left = floor(at);

	if (m <= n)
		return fmax(fmin(i + 1, (j + 1.0) * n / m) - fmax(i, (double) j * n / m), 0) * m / n;
	return (fmin(fmax(left, 0), n - 1) == i) * (1 - (at - left)) + (fmin(fmax(left + 1, 0), n - 1) == i) * (at - left);
}

/* An image made smaller and larger, both axes for themselves. */
static double
resized(const uint8_t *pixels, const ml_picture *from, const ml_picture *to, int y, int x, int channel)
{
	double		sum = 0;

	for (int i = 0; i < (int) from->height; i++)
	{
		double		down = weight(i, (int) from->height, y, (int) to->height);

		for (int j = 0; down > 0 && j < (int) from->width; j++)
			sum += down * weight(j, (int) from->width, x, (int) to->width) *
				pixels[((size_t) i * from->width + j) * from->channels + channel];
	}
	return sum;
}

static void
test_size(unit_host *host, ml_text file, const ml_picture *from, const uint8_t *pixels, ml_picture to)
{
	uint8_t    *got = malloc(ml_picture_bytes(&to));
	double		worst = 0;
	uint8_t    *at = got;

	if (!unit_ok(read_exact(&host->ctx, file, &to, got) == ML_OK, "%u x %u: %s", to.height, to.width, host->ctx.error.text))
		memset(got, 0, ml_picture_bytes(&to));
	for (int y = 0; y < (int) to.height; y++)
		for (int x = 0; x < (int) to.width; x++)
			for (int c = 0; c < (int) to.channels; c++)
				worst = fmax(worst, fabs(*at++ - resized(pixels, from, &to, y, x, c)));
	unit_ok(worst <= 0.5 + 1e-9, "  nearest to the reference, within %g", worst);
	free(got);
}

static void
test_sizes(unit_host *host, const ml_safetensors *recorded)
{
	static const uint32_t heights[] = {1, 2, 7, 16, 17, 18, 34, 50};
	static const uint32_t widths[] = {1, 3, 11, 21, 22, 23, 45, 64};
	static const char *const names[] = {"png_rgb", "png_grey"};

	for (size_t n = 0; n < ML_LENGTH(names); n++)
	{
		const ml_tensor *pixels = find(recorded, unit_text(names[n]), n == 0 ? ".pixels" : ".grey");
		ml_picture	from = {(uint32_t) pixels->dims[0], (uint32_t) pixels->dims[1], (uint32_t) pixels->dims[2]};

		for (size_t i = 0; i < ML_LENGTH(heights); i++)
			for (size_t j = 0; j < ML_LENGTH(widths); j++)
				test_size(host, file_of(recorded, names[n]), &from, pixels->data, (ml_picture) {heights[i], widths[j], from.channels});
	}
	test_size(host, file_of(recorded, "png_1x1"), &(ml_picture) {1, 1, 3}, (const uint8_t[]){1, 2, 3}, (ml_picture){9, 8, 3});
}

/* Turning and resizing commute. */
static void
test_turns(unit_host *host, const ml_safetensors *recorded)
{
	for (int orientation = 2; orientation <= 8; orientation++)
	{
		bool		swapped = orientation >= 5;
		bool		up = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
		bool		left = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
		uint8_t		plain[9 * 5 * 3];
		uint8_t		turned[9 * 5 * 3];
		char		name[32];
		int			wrong = 0;

		snprintf(name, sizeof(name), "jpeg_turned%d", orientation);
		ml_pixels_read(&host->ctx, file_of(recorded, "jpeg_turned1"), &(ml_picture) {9, 5, 3}, SIZE_MAX, plain);
		ml_pixels_read(&host->ctx, file_of(recorded, name), &(ml_picture) {swapped ? 5 : 9, swapped ? 9 : 5, 3}, SIZE_MAX, turned);
		for (int j = 0; j < 9; j++)
			for (int i = 0; i < 5; i++)
			{
				int			y = up ? 8 - j : j;
				int			x = left ? 4 - i : i;

				wrong += memcmp(plain + (j * 5 + i) * 3, turned + (swapped ? x * 9 + y : y * 5 + x) * 3, 3) != 0;
			}
		unit_is_int(wrong, 0, "orientation %d, resized", orientation);
	}
}

/* ---- raw ---- */

static void
test_raw(unit_host *host)
{
	uint8_t		bytes[12] = {0xFF, 0xD8, 0xFF, 0, 4, 5, 6, 7, 8, 9, 10, 11};
	uint8_t		pixels[12];
	ml_text		text = {(const char *) bytes, sizeof(bytes)};

	unit_ok(read_exact(&host->ctx, text, &(ml_picture) {2, 2, 3}, pixels) == ML_OK && memcmp(pixels, bytes, 12) == 0,
			"pixels that begin as a JPEG");
	bytes[0] = 1;
	unit_ok(read_exact(&host->ctx, text, &(ml_picture) {2, 2, 3}, pixels) == ML_OK && memcmp(pixels, bytes, 12) == 0,
			"pixels as they are");
	unit_fails(host, read_exact(&host->ctx, text, &(ml_picture) {2, 2, 1}, pixels), ML_BAD_INPUT,
			   "12 bytes are neither PNG nor JPEG nor the pixels of an image of 2 x 2 and 1 channels", "too many");
	unit_fails(host, read_exact(&host->ctx, (ml_text) {"", 0}, &(ml_picture){2, 2, 1}, pixels), ML_BAD_INPUT, "0 bytes", "none");
}

/* ---- what is refused ---- */

/* Every prefix: refused, or pixels are complete without the rest. */
static void
test_cut(unit_host *host, const ml_safetensors *recorded, const char *name, size_t enough)
{
	ml_text		file = file_of(recorded, name);
	ml_picture	wanted = {20, 19, 3};	/* more bytes than the file has: it is not taken for pixels */
	uint8_t		whole[20 * 19 * 3];
	uint8_t		part[20 * 19 * 3];
	int			wrong = 0;
	size_t		first = file.size;

	unit_ok(ml_pixels_read(&host->ctx, file, &wanted, SIZE_MAX, whole) == ML_OK, "%s", name);
	for (size_t size = 0; size < file.size; size++)
	{
		ml_status	status = read_exact(&host->ctx, (ml_text) {file.data, size}, &wanted, part);

		if (status == ML_OK)
			first = ML_MIN(first, size);
		wrong += status == ML_OK ? memcmp(whole, part, sizeof(whole)) != 0 : status != ML_BAD_INPUT;
	}
	unit_ok(wrong == 0 && file.size - first <= enough, "  cut anywhere: refused, but for the last %d bytes", (int) (file.size - first));
}

/* Every byte changed: no harm. */
static void
test_changed(unit_host *host, const ml_safetensors *recorded, const char *name)
{
	ml_text		file = file_of(recorded, name);
	char	   *copy = exact(file.data, file.size);
	int			wrong = 0;
	int			refused = 0;

	for (size_t i = 0; i < file.size; i++)
	{
		for (int change = 1; change < 256; change *= 4)
		{
			ml_status	status;

			copy[i] = (char) (file.data[i] ^ change);
			host->polls = 0;
			host->cancel_at = 5000;
			status = read_exact(&host->ctx, (ml_text) {copy, file.size}, &(ml_picture){6, 6, 3}, NULL);
			host->cancel_at = 0;
			refused += status != ML_OK;
			wrong += status != ML_OK && status != ML_BAD_INPUT && status != ML_CANCELLED;
		}
		copy[i] = file.data[i];
	}
	unit_ok(wrong == 0 && refused > 0, "%s with a byte changed: %d refused", name, refused);
	free(copy);
}

static void
test_claims(unit_host *host, const ml_safetensors *recorded)
{
	static const struct
	{
		const char *name;
		const char *before;		/* of the size */
		size_t		behind;		/* so many bytes */
		size_t		width;		/* bytes of a side */
		uint32_t	height;
		uint32_t	across;
		const char *said;
	} cases[] = {
		{"png_rgb", "IHDR", 4, 4, 4097, 4096, "the PNG is 4096 wide and 4097 high, more than 16 million pixels"},
		{"png_rgb", "IHDR", 4, 4, 1, 65536, "pixels"},
		{"png_rgb", "IHDR", 4, 4, UINT32_MAX, UINT32_MAX, "pixels"},
		{"png_rgb", "IHDR", 4, 4, 0, 5, "it has no size"},
		{"png_rgb", "IHDR", 4, 4, 4096, 4096, "damaged PNG"},	/* another checksum */
		{"jpeg_420", "\xff\xc0", 5, 2, 65500, 65500, "the JPEG is 65500 wide and 65500 high, more than 16 million pixels"},
		{"jpeg_420", "\xff\xc0", 5, 2, 0, 5, "it has no size"},
		{"jpeg_420", "\xff\xc0", 5, 2, 4000, 4000, "damaged JPEG: Corrupt JPEG data: premature end of data segment"},
		{"jpeg_progressive", "\xff\xc2", 5, 2, 4000, 4000, "damaged JPEG: Corrupt JPEG data: premature end of data segment"}
	};

	for (size_t i = 0; i < ML_LENGTH(cases); i++)
	{
		ml_text		file = file_of(recorded, cases[i].name);
		char	   *copy = exact(file.data, file.size);
		char	   *at = memmem(copy, file.size, cases[i].before, strlen(cases[i].before));
		uint32_t	sides[2] = {cases[i].width == 4 ? cases[i].across : cases[i].height,
							 cases[i].width == 4 ? cases[i].height : cases[i].across};

		at += cases[i].behind;
		for (int side = 0; side < 2; side++)
			for (size_t b = cases[i].width; b-- > 0;)
				*at++ = (char) (sides[side] >> (8 * b));
		host->peak_bytes = 0;
		unit_fails(host, read_exact(&host->ctx, (ml_text) {copy, file.size}, &(ml_picture){6, 6, 3}, NULL), ML_BAD_INPUT,
				   cases[i].said, "%s that claims %u x %u", cases[i].name, cases[i].across, cases[i].height);
		if (strstr(cases[i].said, "damaged") == NULL)
			unit_is_int(host->peak_bytes, 0, "  nothing was allocated");
		free(copy);
	}
}

/* ---- large ones ---- */

typedef struct large
{
	int			width;
	int			height;
	int			components;		/* 1, 3, 4 */
	int			across;			/* sampling of a JPEG's first component */
	int			down;			/* likewise; bytes of a sample of a PNG */
	bool		scans;			/* progressive, or interlaced */
	bool		png;
} large;

/* Some pattern that compresses. */
static void
fill_row(uint8_t *row, size_t n, int y)
{
	for (size_t i = 0; i < n; i++)
		row[i] = (uint8_t) ((i * i >> 9) ^ ((size_t) y * i >> 12));
}

static unsigned char *
write_jpeg(const large *l, size_t *size)
{
	struct jpeg_compress_struct jpeg;
	struct jpeg_error_mgr error;
	unsigned char *file = NULL;
	unsigned long written = 0;
	size_t		n = (size_t) l->width * l->components;
	uint8_t    *row = malloc(n);

	jpeg.err = jpeg_std_error(&error);
	jpeg_create_compress(&jpeg);
	jpeg_mem_dest(&jpeg, &file, &written);
	jpeg.image_width = l->width;
	jpeg.image_height = l->height;
	jpeg.input_components = l->components;
	jpeg.in_color_space = l->components == 1 ? JCS_GRAYSCALE : l->components == 3 ? JCS_RGB : JCS_CMYK;
	jpeg_set_defaults(&jpeg);
	jpeg_set_quality(&jpeg, 90, TRUE);
	jpeg.comp_info[0].h_samp_factor = l->across;
	jpeg.comp_info[0].v_samp_factor = l->down;
	if (l->scans)
		jpeg_simple_progression(&jpeg);
	jpeg_start_compress(&jpeg, TRUE);
	while (jpeg.next_scanline < jpeg.image_height)
	{
		fill_row(row, n, jpeg.next_scanline);
		jpeg_write_scanlines(&jpeg, &row, 1);
	}
	jpeg_finish_compress(&jpeg);
	jpeg_destroy_compress(&jpeg);
	free(row);
	*size = written;
	return file;
}

static void
put_png(png_structp png, png_bytep data, size_t n)
{
	ml_buffer  *to = png_get_io_ptr(png);

	to->data = realloc(to->data, to->size + n);
	memcpy(to->data + to->size, data, n);
	to->size += n;
}

static unsigned char *
write_png(const large *l, size_t *size)
{
	static const int colours[] = {0, PNG_COLOR_TYPE_GRAY, 0, PNG_COLOR_TYPE_RGB, PNG_COLOR_TYPE_RGB_ALPHA};
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop	info = png_create_info_struct(png);
	ml_buffer	file = {0};
	uint8_t    *row = malloc((size_t) l->width * l->components * 2);

	png_set_write_fn(png, &file, put_png, NULL);
	png_set_IHDR(png, info, l->width, l->height, l->down * 8, colours[l->components], l->scans ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
				 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	png_set_compression_level(png, 1);
	png_write_info(png, info);
	for (int pass = png_set_interlace_handling(png); pass > 0; pass--)
		for (int y = 0; y < l->height; y++)
		{
			fill_row(row, (size_t) l->width * l->components * l->down, y);
			png_write_row(png, row);
		}
	png_write_end(png, NULL);
	png_destroy_write_struct(&png, &info);
	free(row);
	*size = file.size;
	return (unsigned char *) file.data;
}

static size_t
kilobytes_needed(const unit_host *host)
{
	const char *at = strstr(host->ctx.error.text, "needs ");

	return at == NULL ? 0 : strtoul(at + 6, NULL, 10);
}

/* What is needed is enough and not exceeded, and without it nothing large is taken. */
static void
test_large(unit_host *host, const large *l)
{
	size_t		size;
	unsigned char *file = (l->png ? write_png : write_jpeg)(l, &size);
	ml_text		bytes = {(const char *) file, size};
	ml_picture	wanted = {30, 40, 3};
	uint8_t		pixels[30 * 40 * 3];
	size_t		before = host->live_bytes;
	size_t		need;

	ml_pixels_read(&host->ctx, bytes, &wanted, 0, pixels);
	need = kilobytes_needed(host);
	host->peak_bytes = before;
	unit_fails(host, ml_pixels_read(&host->ctx, bytes, &wanted, (need - 1) << 10, pixels), ML_MEMORY_LIMIT, "kB are allowed",
			   "%d x %d, %d components, %d x %d%s: 1 kB less than %zu", l->width, l->height, l->components, l->across, l->down,
			   l->scans ? ", scans" : "", need);
	unit_ok(host->peak_bytes - before < ((size_t) 1 << 20) + 16 * (size_t) l->width, "  %zu bytes were taken", host->peak_bytes - before);
	host->peak_bytes = before;
	unit_ok(ml_pixels_read(&host->ctx, bytes, &wanted, need << 10, pixels) == ML_OK, "  as much is enough: %s", host->ctx.error.text);
	unit_ok(host->peak_bytes - before <= need << 10, "  %zu bytes were taken of it", host->peak_bytes - before);
	unit_is_int(host->live_bytes, before, "  all is given back");
	free(file);
}

static void
test_all_large(unit_host *host)
{
	static const large larges[] = {
		{1000, 800, 3, 1, 1, true, false}, {1000, 801, 3, 2, 2, true, false}, {1001, 800, 4, 2, 1, true, false}, {1030, 770, 3, 4, 2, true, false},
		{1000, 800, 1, 1, 1, true, false}, {1, 3000, 3, 4, 1, true, false}, {65500, 8, 3, 1, 4, true, false},
		{65500, 40, 3, 2, 2, false, false}, {65500, 40, 4, 1, 4, false, false}, {33, 3000, 3, 1, 1, false, false}, {2000, 100, 1, 1, 1, false, false},
		{1000, 800, 3, 1, 1, true, true}, {1000, 800, 4, 1, 2, true, true}, {1000, 800, 1, 1, 1, true, true}, {65500, 20, 4, 1, 2, false, true},
		{1, 3000, 3, 1, 1, true, true}, {3000, 20, 1, 1, 2, false, true}
	};

	for (size_t i = 0; i < ML_LENGTH(larges); i++)
		test_large(host, &larges[i]);
}

/* ---- memory and cancelling ---- */

typedef struct attempt
{
	ml_text		file;
	ml_picture	wanted;
} attempt;

static ml_status
read_scenario(ml_context *ctx, void *argument)
{
	const attempt *a = argument;

	return read_exact(ctx, a->file, &a->wanted, NULL);
}

static void
test_faults(const ml_safetensors *recorded)
{
	static const char *const names[] = {"png_rgb", "png_rgba_interlaced", "png_palette_alpha", "png_text", "jpeg_420", "jpeg_progressive", "jpeg_ycck"};

	for (size_t i = 0; i < ML_LENGTH(names); i++)
	{
		attempt		a = {file_of(recorded, names[i]), {40, 9, 3}};

		unit_every_allocation_fails(names[i], read_scenario, &a);
		unit_every_poll_cancels(names[i], read_scenario, &a);
	}
}

int
main(void)
{
	unit_host	host;
	ml_arena	arena = {0};
	ml_safetensors recorded;
	size_t		size;
	char	   *file = unit_data("images.safetensors", &size);

	unit_open(&host);
	if (!unit_ok(file != NULL && ml_safetensors_read(&host.ctx, &arena, file, size, &recorded) == ML_OK, "recorded images"))
		return unit_done();
	test_kinds(&host, &recorded);
	test_sizes(&host, &recorded);
	test_turns(&host, &recorded);
	test_raw(&host);
	test_cut(&host, &recorded, "png_rgb", 16);
	test_cut(&host, &recorded, "png_rgba_interlaced", 16);
	test_cut(&host, &recorded, "jpeg_420", 4);
	test_cut(&host, &recorded, "jpeg_progressive", 2);
	test_changed(&host, &recorded, "png_palette4");
	test_changed(&host, &recorded, "jpeg_turned6");
	test_changed(&host, &recorded, "jpeg_progressive");
	test_claims(&host, &recorded);
	test_all_large(&host);
	test_faults(&recorded);
	ml_arena_free(&host.ctx, &arena);
	free(file);
	unit_close(&host, "images");
	return unit_done();
}
