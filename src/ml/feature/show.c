/*-------------------------------------------------------------------------
 *
 * show.c
 *	  A value of a column as its user would write it.
 *
 * The calendar is the proleptic Gregorian one, with the server's years BC.
 *
 *-------------------------------------------------------------------------
 */
#include "feature/show.h"

#include <math.h>

#define DAY_SECONDS		86400.0
#define ERA_DAYS		146097	/* of 400 years */
#define MARCH_2000		60		/* 2000-03-01 in days since 2000-01-01 */
#define SECONDS_MAX		1e15	/* beyond what a date can be */
#define MICRO			1000000

/* "2013-01-01"; a year before 1 is shown as BC by the caller. */
static ml_status
show_day(ml_context *ctx, int64_t day, bool *bc, ml_buffer *text)
{
	/* years begin in March, so that the leap day is the last of one */
	int64_t		shifted = day - MARCH_2000;
	int64_t		era = (shifted >= 0 ? shifted : shifted - (ERA_DAYS - 1)) / ERA_DAYS;
	int			of_era = (int) (shifted - era * ERA_DAYS);
	int			of_400 = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int			of_year = of_era - (365 * of_400 + of_400 / 4 - of_400 / 100);
	int			from_march = (5 * of_year + 2) / 153;
	int			month = from_march < 10 ? from_march + 3 : from_march - 9;
	int64_t		year = 2000 + era * 400 + of_400 + (month <= 2);
	char		buffer[32];
	size_t		size;

	*bc = year < 1;
	year = *bc ? 1 - year : year;
	size = ml_print(buffer, sizeof(buffer), "%lld", (long long) year);
	ML_TRY(ml_append(ctx, text, "0000", size < 4 ? 4 - size : 0));
	return ml_appendf(ctx, text, "%s-%d%d-%d%d", buffer, month / 10, month % 10,
					  (of_year - (153 * from_march + 2) / 5 + 1) / 10,
					  (of_year - (153 * from_march + 2) / 5 + 1) % 10);
}

/* "10:00:00", with as many digits of a second as there are */
static ml_status
show_time(ml_context *ctx, int64_t micros, ml_buffer *text)
{
	int			seconds = (int) (micros / MICRO);
	int			left = (int) (micros % MICRO);

	ML_TRY(ml_appendf(ctx, text, "%d%d:%d%d:%d%d", seconds / 36000, seconds / 3600 % 10,
					  seconds / 600 % 6, seconds / 60 % 10, seconds / 10 % 6, seconds % 10));
	if (left > 0)
		ML_TRY(ml_append(ctx, text, ".", 1));
	for (int unit = MICRO / 10; left > 0; left %= unit, unit /= 10)
		ML_TRY(ml_appendf(ctx, text, "%d", left / unit));
	return ML_OK;
}

static ml_status
show_date(ml_context *ctx, ml_type type, double seconds, ml_buffer *text)
{
	double		day = floor(seconds / DAY_SECONDS);
	double		rest = floor((seconds - day * DAY_SECONDS) * MICRO + 0.5);
	bool		bc = false;

	if (rest >= DAY_SECONDS * MICRO && type != ML_TYPE_TIME)
	{
		rest = 0;
		day++;
	}
	/* 24:00:00 is a time */
	if (type == ML_TYPE_TIME)
		return show_time(ctx, (int64_t) floor(seconds * MICRO + 0.5), text);
	ML_TRY(show_day(ctx, (int64_t) day, &bc, text));
	if (type != ML_TYPE_DATE)
	{
		ML_TRY(ml_append(ctx, text, " ", 1));
		ML_TRY(show_time(ctx, (int64_t) rest, text));
	}
	return bc ? ml_append(ctx, text, " BC", 3) : ML_OK;
}

ml_status
ml_show_number(ml_context *ctx, ml_type type, double value, ml_buffer *text)
{
	char		buffer[32];
	bool		date = type == ML_TYPE_DATE || type == ML_TYPE_TIMESTAMP || type == ML_TYPE_TIMESTAMPTZ;

	if (type == ML_TYPE_BOOLEAN && (value == 0 || value == 1))
		return ml_appendf(ctx, text, value == 1 ? "true" : "false");
	if ((date && fabs(value) <= SECONDS_MAX) ||
		(type == ML_TYPE_TIME && value >= 0 && value <= DAY_SECONDS))
		return show_date(ctx, type, value, text);
	if (isinf(value))
		return ml_appendf(ctx, text, value > 0 ? "infinity" : "-infinity");
	return ml_append(ctx, text, buffer, ml_print_double(buffer, value, 15));
}
