/*-------------------------------------------------------------------------
 *
 * image_jpeg.c
 *	  Rows of a JPEG, by libjpeg-turbo; the only file that knows it.
 *
 * libjpeg's errors jump back to where they were set up, in this file; nothing
 * of the engine lies between.  It allocates a few kilobytes of its own, from
 * the C library, while it sets itself up, and gives them back at the end; all
 * that grows with an image comes from the context, by a memory manager that
 * replaces libjpeg's.  That keeps arrays whole in memory, as libjpeg's own does
 * where it has no temporary files: the coefficients of an image in several
 * scans, two bytes each.  What these and its rows take is compared with what is
 * allowed before decoding begins; rows come from an arena.
 *
 * Scans of a progressive image cost time for few bytes: at most SCANS_MAX.
 *
 *-------------------------------------------------------------------------
 */
#include <setjmp.h>
#include <stdio.h>				/* jpeglib.h wants FILE */
#include <jpeglib.h>
#include <jerror.h>

#include "feature/image_internal.h"

#define SCANS_MAX	200
#define PIECE		16384		/* bytes between polls */
#define ROW_ALIGN	128			/* bytes; SIMD code writes beyond the end of rows */
#define OWN_BYTES	((size_t) 256 << 10)	/* what libjpeg takes beside arrays, with the arena's blocks */
#define OWN_ROWS	48			/* rows of samples of a component that it keeps */

typedef struct jpeg_reader
{
	struct jpeg_decompress_struct jpeg;
	struct jpeg_error_mgr error;
	struct jpeg_source_mgr source;
	struct jpeg_progress_mgr progress;
	struct jpeg_memory_mgr memory;
	struct jpeg_memory_mgr *theirs; /* NULL: none */
	jmp_buf		escape;
	ml_context *ctx;
	ml_text		bytes;
	size_t		given;			/* of them, to libjpeg */
	const ml_pixels_head *head;
	ml_pixels_sink *sink;
	ml_status	status;			/* why it stopped */
	ml_arena	arena;			/* of libjpeg */
	void	   *whole[MAX_COMPONENTS];	/* coefficients of components */
	int			nwhole;
	size_t		whole_bytes;
	bool		checked;		/* what all will take is allowed */
} jpeg_reader;

/* libjpeg calls such of its arrays "virtual". */
struct jvirt_barray_control
{
	JBLOCKARRAY rows;
	JDIMENSION	n;
};

/* Leave, after something of the engine failed. */
static void
stop_unless(jpeg_reader *r, ml_status status)
{
	if (status == ML_OK)
		return;
	r->status = status;
	longjmp(r->escape, 1);
}

/* ---------- errors, progress ---------- */

static void
on_error(j_common_ptr jpeg)
{
	jpeg_reader *r = jpeg->client_data;
	char		text[JMSG_LENGTH_MAX];

	jpeg->err->format_message(jpeg, text);
	stop_unless(r, ml_fail(r->ctx, ML_BAD_INPUT, "damaged JPEG: %s", text));
}

/* Warnings: those after which pixels are wrong are errors. */
static void
on_message(j_common_ptr jpeg, int level)
{
	if (level >= 0)
		return;
	switch (jpeg->err->msg_code)
	{
		case JWRN_ARITH_BAD_CODE:
		case JWRN_HIT_MARKER:
		case JWRN_HUFF_BAD_CODE:
		case JWRN_JPEG_EOF:
		case JWRN_MUST_RESYNC:
			on_error(jpeg);
	}
}

static void
say_nothing(j_common_ptr jpeg)
{
}

/* Called for each row of blocks. */
static void
on_progress(j_common_ptr jpeg)
{
	jpeg_reader *r = jpeg->client_data;

	if (r->jpeg.input_scan_number > SCANS_MAX)
		stop_unless(r, ml_fail(r->ctx, ML_BAD_INPUT, "the JPEG has more than %d scans", SCANS_MAX));
	stop_unless(r, ml_poll(r->ctx));
}

/* ---------- its source: the bytes, by pieces ---------- */

static void
nothing_to_do(j_decompress_ptr jpeg)
{
}

static boolean
give_piece(j_decompress_ptr jpeg)
{
	static const JOCTET end[2] = {0xFF, JPEG_EOI};
	jpeg_reader *r = jpeg->client_data;
	size_t		rest = r->bytes.size - r->given;

	stop_unless(r, ml_poll(r->ctx));
	/* of one scan an end that is missing is no harm unless pixels are, of which libjpeg warns */
	if (rest == 0 && (jpeg->progressive_mode || jpeg->comps_in_scan < jpeg->num_components))
		stop_unless(r, ml_fail(r->ctx, ML_BAD_INPUT, "damaged JPEG: it ends too early"));
	r->source.next_input_byte = rest > 0 ? (const JOCTET *) r->bytes.data + r->given : end;
	r->source.bytes_in_buffer = rest > 0 ? ML_MIN(rest, (size_t) PIECE) : sizeof(end);
	if (rest > 0)
		r->given += r->source.bytes_in_buffer;
	return TRUE;
}

static void
skip(j_decompress_ptr jpeg, long n)
{
	jpeg_reader *r = jpeg->client_data;
	size_t		left = r->source.bytes_in_buffer;
	size_t		wanted = n > 0 ? (size_t) n : 0;
	size_t		here = ML_MIN(wanted, left);

	r->source.next_input_byte += here;
	r->source.bytes_in_buffer -= here;
	r->given += ML_MIN(wanted - here, r->bytes.size - r->given);
}

/* ---------- its memory ---------- */

static void *
take(j_common_ptr jpeg, int pool, size_t size)
{
	jpeg_reader *r = jpeg->client_data;
	void	   *result;

	stop_unless(r, ml_arena_alloc(r->ctx, &r->arena, size, &result));
	if (r->checked)
		stop_unless(r, ml_pixels_sink_allow(r->sink, ml_size_add(r->arena.total, r->whole_bytes)));
	return result;
}

/* n rows of so many bytes, that begin aligned and may be written beyond. */
static void *
take_rows(j_common_ptr jpeg, size_t size, JDIMENSION n, size_t *stride)
{
	*stride = ml_size_add(ml_size_align(size, ROW_ALIGN), ROW_ALIGN);
	return take(jpeg, JPOOL_IMAGE, ml_size_mul(*stride, n));
}

static JSAMPARRAY
take_samples(j_common_ptr jpeg, int pool, JDIMENSION width, JDIMENSION n)
{
	size_t		stride;
	JSAMPARRAY	rows = take(jpeg, pool, ml_size_mul(n, sizeof(JSAMPROW)));
	JSAMPLE    *data = take_rows(jpeg, ml_size_mul(width, sizeof(JSAMPLE)), n, &stride);

	for (JDIMENSION i = 0; i < n; i++)
		rows[i] = data + i * stride;
	return rows;
}

static JBLOCKARRAY
take_blocks(j_common_ptr jpeg, int pool, JDIMENSION width, JDIMENSION n)
{
	JBLOCKARRAY rows = take(jpeg, pool, ml_size_mul(n, sizeof(JBLOCKROW)));
	JBLOCKROW	data = take(jpeg, pool, ml_size_mul(ml_size_mul(width, sizeof(JBLOCK)), n));

	for (JDIMENSION i = 0; i < n; i++)
		rows[i] = data + (size_t) i * width;
	return rows;
}

static jvirt_barray_ptr
request_blocks(j_common_ptr jpeg, int pool, boolean zero, JDIMENSION width, JDIMENSION n, JDIMENSION access)
{
	jpeg_reader *r = jpeg->client_data;
	jvirt_barray_ptr array = take(jpeg, pool, sizeof(*array));
	size_t		size = ml_size_mul(ml_size_mul(width, sizeof(JBLOCK)), n);

	array->rows = take(jpeg, pool, ml_size_mul(n, sizeof(JBLOCKROW)));
	array->n = n;
	if (r->nwhole == MAX_COMPONENTS)
		ERREXIT(jpeg, JERR_BAD_VIRTUAL_ACCESS);
	stop_unless(r, ml_pixels_sink_allow(r->sink, ml_size_add(ml_size_add(r->arena.total, r->whole_bytes), size)));
	stop_unless(r, ml_alloc_zero(r->ctx, size, &r->whole[r->nwhole]));
	r->whole_bytes += size;
	for (JDIMENSION i = 0; i < n; i++)
		array->rows[i] = (JBLOCKROW) r->whole[r->nwhole] + (size_t) i * width;
	r->nwhole++;
	return array;
}

static JBLOCKARRAY
access_blocks(j_common_ptr jpeg, jvirt_barray_ptr array, JDIMENSION start, JDIMENSION n, boolean writable)
{
	if (start > array->n || n > array->n - start)
		ERREXIT(jpeg, JERR_BAD_VIRTUAL_ACCESS);
	return array->rows + start;
}

/* Only a reduction of colours asks for these, and none is asked for. */
static jvirt_sarray_ptr
request_samples(j_common_ptr jpeg, int pool, boolean zero, JDIMENSION width, JDIMENSION n, JDIMENSION access)
{
	ERREXIT(jpeg, JERR_NOT_COMPILED);
	return NULL;
}

static JSAMPARRAY
access_samples(j_common_ptr jpeg, jvirt_sarray_ptr array, JDIMENSION start, JDIMENSION n, boolean writable)
{
	ERREXIT(jpeg, JERR_BAD_VIRTUAL_ACCESS);
	return NULL;
}

/* The arena is freed at once, at the end. */
static void
keep(j_common_ptr jpeg, int pool)
{
}

static void
replace_memory(jpeg_reader *r)
{
	r->theirs = r->jpeg.mem;
	r->memory = (struct jpeg_memory_mgr)
	{
		.alloc_small = take,
		.alloc_large = take,
		.alloc_sarray = take_samples,
		.alloc_barray = take_blocks,
		.request_virt_sarray = request_samples,
		.request_virt_barray = request_blocks,
		.realize_virt_arrays = say_nothing,
		.access_virt_sarray = access_samples,
		.access_virt_barray = access_blocks,
		.free_pool = keep,
		.self_destruct = say_nothing,
		.max_memory_to_use = r->theirs->max_memory_to_use,
		.max_alloc_chunk = r->theirs->max_alloc_chunk
	};
	r->jpeg.mem = &r->memory;
}

/* ---------- reading ---------- */

static void
open_jpeg(jpeg_reader *r)
{
	jpeg_std_error(&r->error);
	r->error.error_exit = on_error;
	r->error.emit_message = on_message;
	r->error.output_message = say_nothing;
	r->source = (struct jpeg_source_mgr)
	{
		.init_source = nothing_to_do,
		.fill_input_buffer = give_piece,
		.skip_input_data = skip,
		.resync_to_restart = jpeg_resync_to_restart,
		.term_source = nothing_to_do
	};
	r->progress.progress_monitor = on_progress;
	r->jpeg.err = &r->error;
	r->jpeg.client_data = r;
}

static ml_pixels_samples
choose_output(jpeg_reader *r)
{
	struct jpeg_decompress_struct *jpeg = &r->jpeg;

	if (jpeg->image_width != r->head->width || jpeg->image_height != r->head->height)
		stop_unless(r, ml_fail(r->ctx, ML_BAD_INPUT, "damaged JPEG: it has two sizes"));
	jpeg->dct_method = JDCT_ISLOW;
	jpeg->do_fancy_upsampling = TRUE;
	jpeg->do_block_smoothing = FALSE;
	switch (jpeg->jpeg_color_space)
	{
		case JCS_YCbCr:
			/* brightness is stored as such */
			jpeg->out_color_space = r->sink->channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
			break;
		case JCS_CMYK:
		case JCS_YCCK:
			jpeg->out_color_space = JCS_CMYK;
			return jpeg->saw_Adobe_marker ? ML_SAMPLES_CMYK_INVERTED : ML_SAMPLES_CMYK;
		case JCS_GRAYSCALE:
		case JCS_RGB:
			jpeg->out_color_space = jpeg->jpeg_color_space;
			break;
		default:
			stop_unless(r, ml_fail(r->ctx, ML_BAD_INPUT, "the JPEG has %d components, and 1, 3 or 4 are read",
								   jpeg->num_components));
	}
	return jpeg->out_color_space == JCS_GRAYSCALE ? ML_SAMPLES_GREY : ML_SAMPLES_RGB;
}

/* Is what decoding will take allowed? */
static void
check_memory(jpeg_reader *r)
{
	struct jpeg_decompress_struct *jpeg = &r->jpeg;
	size_t		row = ml_size_align(r->head->width, ROW_ALIGN) + ROW_ALIGN;
	size_t		need = OWN_BYTES + OWN_ROWS * row * (size_t) jpeg->num_components;

	for (int i = 0; jpeg_has_multiple_scans(jpeg) && i < jpeg->num_components; i++)
	{
		const jpeg_component_info *component = &jpeg->comp_info[i];
		size_t		across = component->width_in_blocks + (size_t) component->h_samp_factor - 1;
		size_t		down = component->height_in_blocks + (size_t) component->v_samp_factor - 1;

		across -= across % (size_t) component->h_samp_factor;
		down -= down % (size_t) component->v_samp_factor;
		need = ml_size_add(need, ml_size_mul(down, across * sizeof(JBLOCK) + sizeof(JBLOCKROW)));
	}
	stop_unless(r, ml_pixels_sink_allow(r->sink, need));
	r->checked = true;
}

/* Where all jumps end. */
static void
read_all(jpeg_reader *r)
{
	struct jpeg_decompress_struct *jpeg = &r->jpeg;
	ml_pixels_samples samples;
	JSAMPARRAY	row;

	if (setjmp(r->escape) != 0)
		return;
	jpeg_create_decompress(jpeg);
	replace_memory(r);
	jpeg->src = &r->source;
	jpeg->progress = &r->progress;
	jpeg_read_header(jpeg, TRUE);
	samples = choose_output(r);
	check_memory(r);
	jpeg_start_decompress(jpeg);
	row = take_samples((j_common_ptr) jpeg, JPOOL_IMAGE, jpeg->output_width * (JDIMENSION) jpeg->output_components, 1);
	while (jpeg->output_scanline < jpeg->output_height)
	{
		jpeg_read_scanlines(jpeg, row, 1);
		stop_unless(r, ml_pixels_sink_row(r->sink, samples, row[0]));
	}
}

ml_status
ml_pixels_read_jpeg(ml_context *ctx, ml_text bytes, const ml_pixels_head *head, ml_pixels_sink *sink)
{
	jpeg_reader r;

	memset(&r, 0, sizeof(r));
	r.ctx = ctx;
	r.bytes = bytes;
	r.head = head;
	r.sink = sink;
	open_jpeg(&r);
	read_all(&r);
	if (r.theirs != NULL)
		r.jpeg.mem = r.theirs;
	jpeg_destroy_decompress(&r.jpeg);
	for (int i = 0; i < r.nwhole; i++)
		ml_release(ctx, r.whole[i]);
	ml_arena_free(ctx, &r.arena);
	return r.status;
}
