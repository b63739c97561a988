/*-------------------------------------------------------------------------
 *
 * fuzz_model.c
 *	  Any bytes as a stored model: refused, or an image that serves: finite
 *	  probabilities that sum to 1, explanations that have a sum.
 *
 * An input that begins with "{" is a header up to its first NUL and data after
 * it; so a mutation needs not hit the length too.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include <math.h>

#include "base/print.h"
#include "model/model.h"

#define LARGEST_IMAGE	((size_t) 8 << 20)
#define MOST_COLUMNS	16

static const char words[] = "cheap pills, buy Now! meeting at noon \xe5\xbe\x88\xe5\xa5\xbd";

static void
serve(ml_context *ctx, const ml_image *image)
{
	uint32_t	nlabels = ml_image_nlabels(image);
	ml_text		inputs[MOST_COLUMNS];
	double	   *p = malloc(nlabels * sizeof(double));
	const ml_contribution *parts;
	ml_session *session;
	uint32_t	label;
	uint32_t	explained;
	double		sum = 0;
	size_t		n;

	for (uint32_t i = 0; i < ml_image_ncolumns(image); i++)
		inputs[i] = (ml_text) {words + i, sizeof(words) - 1 - i};
	fuzz_check(ml_session_open(ctx, image, ml_kernel_select(ML_LEVEL_AUTO), &session) == ML_OK);
	fuzz_check(ml_session_predict(ctx, session, 1, (const ml_value *) inputs, &label, p) == ML_OK);
	fuzz_check(label < nlabels);
	for (uint32_t i = 0; i < nlabels; i++)
	{
		fuzz_check(p[i] >= 0 && p[i] <= p[label]);
		fuzz_check(ml_image_find_label(image, ml_image_label(image, i)) == i);
		sum += p[i];
	}
	fuzz_check(fabs(sum - 1) < 1e-9);
	fuzz_check(ml_session_explain(ctx, session, (const ml_value *) inputs, -1, &explained, &parts, &n) == ML_OK);
	fuzz_check(explained == label && n > 0);
	sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += parts[i].contribution;
	fuzz_check(isfinite(sum));
	ml_session_close(ctx, session);
	free(p);
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
