/*-------------------------------------------------------------------------
 *
 * series.c
 *	  Arrays as sequences, see series.h.
 *
 *-------------------------------------------------------------------------
 */
#include "feature/series.h"

#include <math.h>

#define POLL_NUMBERS	((size_t) 1 << 20)

ml_status
ml_series_look(ml_context *ctx, ml_items items, uint32_t channels, uint32_t most, ml_series_view *view)
{
	size_t		n;

	*view = (ml_series_view) {.fault = ML_SERIES_SOUND};
	/* an empty array has no dimensions */
	if (items.data == NULL || items.n == 0)
		return ML_OK;
	if (ml_series_channels(items) != channels)
	{
		view->fault = ML_SERIES_CHANNELS;
		return ML_OK;
	}
	view->steps = ML_MIN(items.n / channels, most);
	n = (size_t) view->steps * channels;
	for (; view->at < n && isfinite(items.data[view->at]); view->at++)
		if (view->at % POLL_NUMBERS == POLL_NUMBERS - 1)
			ML_TRY(ml_poll(ctx));
	if (view->at < n)
		view->fault = isnan(items.data[view->at]) ? ML_SERIES_MISSING : ML_SERIES_INFINITE;
	return ML_OK;
}

ml_series_fault
ml_series_scale(const double *numbers, size_t n, const ml_channel *channels, uint32_t nchannels, float *to,
				size_t *at)
{
	uint32_t	c = 0;

	for (*at = 0; *at < n; ++*at)
	{
		float		x = (float) ((numbers[*at] - channels[c].mean) / channels[c].scale);

		if (!isfinite(x))
			return ML_SERIES_RANGE;
		to[*at] = x;
		c = c + 1 == nchannels ? 0 : c + 1;
	}
	return ML_SERIES_SOUND;
}

ml_status
ml_series_refuse(ml_context *ctx, ml_status status, const ml_series_view *view, const char *who, ml_items items,
				 uint32_t channels)
{
	static const char *const what[] = {
		[ML_SERIES_MISSING] = "a null or NaN",
		[ML_SERIES_INFINITE] = "an infinite number",
		[ML_SERIES_RANGE] = "a number that is out of range",
	};

	if (view->fault == ML_SERIES_CHANNELS)
	{
		ml_fail(ctx, status, "%s has %u channel%s instead of %u", who, ml_series_channels(items),
				ml_series_channels(items) == 1 ? "" : "s", channels);
		return ml_hint(ctx, "All series of a column have the same channels: arrays [steps][channels], or flat ones of one channel.");
	}
	ml_fail(ctx, status, "%s has %s at step %zu", who, what[view->fault], view->at / channels + 1);
	return view->fault == ML_SERIES_RANGE ? status :
		ml_hint(ctx, "Fill gaps in a query, or leave such steps out: (SELECT array_agg(e) FROM unnest(column) AS e WHERE ...).");
}
