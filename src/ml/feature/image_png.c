/*-------------------------------------------------------------------------
 *
 * image_png.c
 *	  Rows of a PNG, by libpng; the only file that knows libpng.
 *
 * libpng takes its memory, zlib's included, from the context.  Its errors jump
 * back to where they were set up, in this file; nothing of the engine lies
 * between.  Chunks that don't change pixels are passed over unread: text,
 * profiles, gamma.  So but for rows it takes a bounded amount: some structures,
 * zlib's window, a palette.
 *
 *-------------------------------------------------------------------------
 */
#include <png.h>

#include "feature/image_internal.h"

#define OWN_BYTES	((size_t) 128 << 10)	/* what libpng and zlib take beside rows */
#define OWN_ROWS	4			/* rows, of eight bytes a pixel at most, that libpng keeps */

typedef struct png_reader
{
	ml_context *ctx;
	ml_text		bytes;
	size_t		read;			/* of them */
	const ml_pixels_head *head;
	ml_pixels_sink *sink;
	ml_status	status;			/* why it stopped */
	png_structp png;
	png_infop	info;
	void	   *rows;			/* [size][height] interlaced: all, otherwise one */
	size_t		size;			/* bytes of a row */
	int			passes;
	ml_pixels_samples samples;
} png_reader;

/* Leave, after something of the engine failed. */
static void
stop_unless(png_reader *r, ml_status status)
{
	if (status == ML_OK)
		return;
	r->status = status;
	png_longjmp(r->png, 1);
}

/* ---------- what libpng calls ---------- */

static png_voidp
take(png_structp png, png_alloc_size_t size)
{
	png_reader *r = png_get_mem_ptr(png);
	void	   *result;

	if (ml_alloc(r->ctx, size, &result) != ML_OK)
		r->status = ML_NO_MEMORY;
	return result;
}

static void
give_back(png_structp png, png_voidp pointer)
{
	png_reader *r = png_get_mem_ptr(png);

	ml_release(r->ctx, pointer);
}

static void
on_error(png_structp png, png_const_charp text)
{
	png_reader *r = png_get_error_ptr(png);

	if (r->status == ML_OK)
		r->status = ml_fail(r->ctx, ML_BAD_INPUT, "damaged PNG: %s", text);
	png_longjmp(png, 1);
}

/* Damage of pixels is an error; what else it warns of does them nothing. */
static void
on_warning(png_structp png, png_const_charp text)
{
}

static void
give(png_structp png, png_bytep to, size_t size)
{
	png_reader *r = png_get_io_ptr(png);

	stop_unless(r, ml_poll(r->ctx));
	if (size > r->bytes.size - r->read)
		png_error(png, "it ends too early");
	memcpy(to, r->bytes.data + r->read, size);
	r->read += size;
}

/* ---------- reading ---------- */

static void
read_header(png_reader *r)
{
	static const ml_pixels_samples samples[] = {ML_SAMPLES_GREY, ML_SAMPLES_GREY_ALPHA, ML_SAMPLES_RGB, ML_SAMPLES_RGB_ALPHA};
	png_structp png = r->png;
	int			channels;

	png_set_read_fn(png, r, give);
	png_set_user_limits(png, ML_PIXELS_SIDE_MAX, ML_PIXELS_SIDE_MAX);
	/* what isn't critical, but for tRNS */
	png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
	png_read_info(png, r->info);
	if (png_get_image_width(png, r->info) != r->head->width || png_get_image_height(png, r->info) != r->head->height)
		png_error(png, "it has two sizes");
	png_set_expand(png);
	png_set_scale_16(png);
	r->passes = png_set_interlace_handling(png);
	png_read_update_info(png, r->info);
	channels = png_get_channels(png, r->info);
	r->size = png_get_rowbytes(png, r->info);
	if (channels < 1 || channels > 4 || r->size != (size_t) channels * r->head->width)
		png_error(png, "pixels of an unknown kind");
	r->samples = samples[channels - 1];
}

static void
read_rows(png_reader *r)
{
	bool		whole = r->passes > 1;
	uint32_t	height = r->head->height;
	size_t		size = ml_size_mul(r->size, whole ? height : 1);

	stop_unless(r, ml_pixels_sink_allow(r->sink, ml_size_add(size, OWN_BYTES + OWN_ROWS * 8 * (size_t) r->head->width)));
	stop_unless(r, ml_alloc(r->ctx, size, &r->rows));
	for (int pass = 0; pass < r->passes; pass++)
		for (uint32_t i = 0; i < height; i++)
		{
			png_bytep	row = (png_bytep) r->rows + (whole ? r->size * i : 0);

			png_read_row(r->png, row, NULL);
			stop_unless(r, pass == r->passes - 1 ? ml_pixels_sink_row(r->sink, r->samples, row) : ml_poll(r->ctx));
		}
}

/* Where all jumps end. */
static void
read_all(png_reader *r)
{
	if (setjmp(png_jmpbuf(r->png)) != 0)
		return;
	r->info = png_create_info_struct(r->png);
	if (r->info == NULL)
		png_error(r->png, "out of memory");
	read_header(r);
	read_rows(r);
}

ml_status
ml_pixels_read_png(ml_context *ctx, ml_text bytes, const ml_pixels_head *head, ml_pixels_sink *sink)
{
	png_reader	r = {
		.ctx = ctx,
		.bytes = bytes,
		.head = head,
		.sink = sink
	};

	r.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning, &r, take, give_back);
	if (r.png != NULL)
		read_all(&r);
	else if (r.status == ML_OK)
		r.status = ml_fail(ctx, ML_UNSUPPORTED, "libpng is not of the version that this was built for, %s", PNG_LIBPNG_VER_STRING);
	png_destroy_read_struct(&r.png, &r.info, NULL);
	ml_release(ctx, r.rows);
	return r.status;
}
