/*-------------------------------------------------------------------------
 *
 * test_show.c
 *	  Values of columns as their users write them.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include <math.h>

#include "feature/show.h"

#define DAY	86400.0

static const struct
{
	ml_type		type;
	double		value;
	const char *text;
} cases[] = {
	{ML_TYPE_NUMBER, 12.5, "12.5"},
	{ML_TYPE_NUMBER, 0.1, "0.1"},
	{ML_TYPE_NUMBER, -1e300, "-1e+300"},
	{ML_TYPE_NUMBER, INFINITY, "infinity"},
	{ML_TYPE_NUMBER, -INFINITY, "-infinity"},
	{ML_TYPE_INTEGER, 42, "42"},
	{ML_TYPE_BOOLEAN, 1, "true"},
	{ML_TYPE_BOOLEAN, 0, "false"},
	{ML_TYPE_BOOLEAN, 0.5, "0.5"},
	{ML_TYPE_DATE, 0, "2000-01-01"},
	{ML_TYPE_DATE, 59 * DAY, "2000-02-29"},
	{ML_TYPE_DATE, 60 * DAY, "2000-03-01"},
	{ML_TYPE_DATE, -DAY, "1999-12-31"},
	{ML_TYPE_DATE, -10957 * DAY, "1970-01-01"},
	{ML_TYPE_DATE, 4749 * DAY, "2013-01-01"},
	{ML_TYPE_DATE, 36584 * DAY, "2100-03-01"},
	{ML_TYPE_DATE, 36583 * DAY, "2100-02-28"},
	{ML_TYPE_DATE, -730119 * DAY, "0001-01-01"},
	{ML_TYPE_DATE, -730120 * DAY, "0001-12-31 BC"},
	{ML_TYPE_DATE, -746134 * DAY, "0044-02-26 BC"},
	{ML_TYPE_DATE, 2921939 * DAY, "9999-12-31"},
	{ML_TYPE_DATE, 2921940 * DAY, "10000-01-01"},
	{ML_TYPE_DATE, 1e18, "1e+18"},
	{ML_TYPE_TIME, 0, "00:00:00"},
	{ML_TYPE_TIME, 36000, "10:00:00"},
	{ML_TYPE_TIME, 86399.999999, "23:59:59.999999"},
	{ML_TYPE_TIME, 86400, "24:00:00"},
	{ML_TYPE_TIME, 3723.05, "01:02:03.05"},
	{ML_TYPE_TIME, -5, "-5"},
	{ML_TYPE_TIMESTAMP, 4749 * DAY + 36000, "2013-01-01 10:00:00"},
	{ML_TYPE_TIMESTAMPTZ, 4749 * DAY + 36000.25, "2013-01-01 10:00:00.25"},
	{ML_TYPE_TIMESTAMP, -0.5, "1999-12-31 23:59:59.5"},
	{ML_TYPE_TIMESTAMP, -1e-9, "2000-01-01 00:00:00"},
	{ML_TYPE_TIMESTAMP, -730120 * DAY + 1, "0001-12-31 00:00:01 BC"}
};

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	for (size_t i = 0; i < ML_LENGTH(cases); i++)
	{
		ml_buffer	text = {0};
		ml_text		got;

		if (ml_show_number(&host.ctx, cases[i].type, cases[i].value, &text) != ML_OK)
			abort();
		got = (ml_text) {text.data, text.size};
		unit_is_text(got, cases[i].text, "%s", cases[i].text);
		ml_buffer_free(&host.ctx, &text);
	}
	unit_close(&host, "show");
	return unit_done();
}
