/*-------------------------------------------------------------------------
 *
 * fuzz_model.c
 *	  Any bytes as a stored model: refused, or an image that serves: finite
 *	  probabilities that sum to 1, finite predictions, finite explanations,
 *	  coefficients.
 *
 * An input that begins with "{" is a header up to its first NUL and data after
 * it; so a mutation needs not hit the length too.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include <math.h>

#include "base/print.h"
#include "model/image.h"

#define LARGEST_IMAGE	((size_t) 8 << 20)
#define MOST_COLUMNS	16

#define MOST_ITEMS		64
#define MOST_STEPS		12	/* numbers of a series: explaining runs all of them thousands of times */
#define MOST_PIXELS		4096

static const char words[] = "cheap pills, buy Now! meeting at noon \xe5\xbe\x88\xe5\xa5\xbd";

/* Bytes of the pixels that a column of pictures takes. */
static size_t
pixels_of(const ml_image *image, uint32_t column)
{
	const ml_feeds *feeds = &((const ml_network_image *) image)->feeds;

	for (int i = 0; i < feeds->nfeeds; i++)
		if (feeds->feeds[i].kind == ML_FEED_IMAGE && feeds->column[i] == column)
			return (size_t) (feeds->feeds[i].height * feeds->feeds[i].width * feeds->feeds[i].channels);
	return 0;
}

/* Pixels; or something that is no image. */
static ml_text
make_pixels(const ml_image *image, uint32_t column)
{
	static char pixels[MOST_PIXELS];
	size_t		size = pixels_of(image, column);

	for (size_t i = 0; i < sizeof(pixels); i++)
		pixels[i] = (char) (i * 37 + 1);
	return size > sizeof(pixels) ? (ml_text) {words, 7} : (ml_text){pixels, size};
}

/* Some steps of as many channels as the column has; or an array that is none of its series. */
static ml_items
make_series(const ml_image *image, uint32_t column)
{
	static double steps[MOST_STEPS];
	uint32_t	channels = ml_image_column_size(image, column);

	for (int i = 0; i < MOST_STEPS; i++)
		steps[i] = (i % 7) - 3.5;
	return (ml_items) {steps, channels == 0 ? 0 : MOST_STEPS / channels * channels, column % 3 == 2 ? channels + 1 : channels};
}

/* A row for the columns of an image; some values are missing, some strange. */
static void
make_row(const ml_image *image, const double *items, bool missing, ml_value *inputs)
{
	for (uint32_t i = 0; i < ml_image_ncolumns(image); i++)
		switch (ml_column_form(ml_image_column_type(image, i), ml_image_column_role(image, i)))
		{
			case ML_FORM_TEXT:
				if (ml_image_column_role(image, i) == ML_ROLE_IMAGE)
					inputs[i].text = make_pixels(image, i);
				else
					inputs[i].text = missing ? (ml_text) {NULL, 0} : (ml_text){words + i, sizeof(words) - 1 - i};
				break;
			case ML_FORM_ITEMS:
				if (!missing && ml_image_column_role(image, i) == ML_ROLE_SERIES)
					inputs[i].items = make_series(image, i);
				else
					inputs[i].items = (ml_items) {missing ? NULL : items, ml_image_column_size(image, i)};
				break;
			case ML_FORM_NUMBER:
				inputs[i].number = missing ? NAN : items[i];
				break;
		}
}

/* What a row can end in: a model may hold weights so large that it is out of range. */
static bool
is_answer(ml_status status)
{
	fuzz_check(status == ML_OK || status == ML_BAD_INPUT);
	return status == ML_OK;
}

static void
predict(ml_context *ctx, const ml_image *image, ml_session *session, const ml_value *inputs, uint32_t *label)
{
	uint32_t	nlabels = ml_image_nlabels(image);
	double	   *p = malloc(nlabels * sizeof(double));
	double		sum = 0;

	if (is_answer(ml_session_predict(ctx, session, 1, inputs, label, p)))
	{
		fuzz_check(*label < nlabels);
		for (uint32_t i = 0; i < nlabels; i++)
		{
			fuzz_check(p[i] >= 0 && p[i] <= p[*label]);
			fuzz_check(ml_image_find_label(image, ml_image_label(image, i)) == i);
			sum += p[i];
		}
		fuzz_check(fabs(sum - 1) < 1e-9);
	}
	free(p);
}

static void
serve_row(ml_context *ctx, const ml_image *image, ml_session *session, const ml_value *inputs)
{
	bool		regression = ml_image_task(image) == ML_REGRESSION;
	const ml_contribution *parts;
	uint32_t	label = UINT32_MAX;
	uint32_t	explained;
	double		number = 0;
	size_t		n;

	if (regression)
	{
		is_answer(ml_session_regress(ctx, session, 1, inputs, &number));
		fuzz_check(isfinite(number));
	}
	else
		predict(ctx, image, session, inputs, &label);
	if (!is_answer(ml_session_explain(ctx, session, inputs, -1, &explained, &parts, &n)))
		return;
	fuzz_check(regression || (explained == label && n > 0));
	for (size_t i = 0; i < n; i++)
		fuzz_check(isfinite(parts[i].contribution));
}

static void
serve(ml_context *ctx, const ml_image *image)
{
	ml_value	inputs[MOST_COLUMNS];
	double		items[MOST_ITEMS];
	const ml_coefficient *coefficients;
	ml_arena	arena = {0};
	ml_session *session;
	ml_status	status;
	size_t		n;

	for (int i = 0; i < MOST_ITEMS; i++)
		items[i] = i % 5 == 4 ? NAN : (i - 3) * 1234.5;
	for (uint32_t i = 0; i < ml_image_ncolumns(image); i++)
		if (ml_image_column_size(image, i) > MOST_ITEMS)
			return;
	fuzz_check(ml_session_open(ctx, image, ml_kernel_select(ML_LEVEL_AUTO), &session) == ML_OK);
	for (int missing = 0; missing < 2; missing++)
	{
		make_row(image, items, missing == 1, inputs);
		serve_row(ctx, image, session, inputs);
	}
	ml_session_close(ctx, session);
	status = ml_image_coefficients(ctx, &arena, image, &coefficients, &n);
	fuzz_check(status == ML_OK || status == ML_UNSUPPORTED);
	ml_arena_free(ctx, &arena);
}

/* The file that the input stands for, in a block of its exact size. */
static char *
to_file(const uint8_t *data, size_t size, size_t *file_size)
{
	const uint8_t *nul = size > 0 && data[0] == '{' ? memchr(data, '\0', size) : NULL;
	size_t		header = nul == NULL ? 0 : (size_t) (nul - data);
	char	   *file = malloc(nul == NULL ? size : size + 7);

	*file_size = nul == NULL ? size : size + 7;
	if (nul == NULL)
	{
		if (size > 0)
			memcpy(file, data, size);
		return file;
	}
	for (int i = 0; i < 8; i++)
		file[i] = (char) ((uint64_t) header >> (8 * i));
	memcpy(file + 8, data, header);
	memcpy(file + 8 + header, nul + 1, size - header - 1);
	return file;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unit_host	host;
	ml_buffer	json = {0};
	size_t		file_size;
	size_t		image_size;
	char	   *file = to_file(data, size, &file_size);
	ml_status	status;

	unit_open(&host);
	status = ml_image_plan(&host.ctx, file, file_size, &image_size);
	fuzz_check(status == ML_OK || status == ML_BAD_MODEL || status == ML_NEWER_FORMAT);
	if (status == ML_OK && image_size <= LARGEST_IMAGE)
	{
		void	   *image = aligned_alloc(ML_ALIGN, image_size);

		fuzz_check(ml_image_build(&host.ctx, file, file_size, image, image_size) == ML_OK);
		fuzz_check(ml_stored_describe(&host.ctx, file, file_size, &json) == ML_OK);
		ml_buffer_free(&host.ctx, &json);
		if (ml_image_ncolumns(image) <= MOST_COLUMNS)
			serve(&host.ctx, image);
		free(image);
	}
	fuzz_check(host.live_blocks == 0);
	free(host.spill);
	free(file);
	return 0;
}
