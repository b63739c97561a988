/*-------------------------------------------------------------------------
 *
 * date.c
 *	  The parts of a date: an ordinal, and the hour, the day of the week and
 *	  the day of the year on their circles.
 *
 * The calendar is the proleptic Gregorian one, as the server's.  A day's place
 * in the year comes from counting years that begin in March (so that the leap
 * day is the last of a year), in eras of 400 years, which all have the same
 * number of days.
 *
 *-------------------------------------------------------------------------
 */
#include "base/math.h"
#include "feature/tabular.h"

#define DAY_SECONDS		86400.0
#define ERA_DAYS		146097	/* of 400 years */
#define MARCH_2000		60		/* 2000-03-01 in days since 2000-01-01 */
#define SATURDAY		5		/* 2000-01-01, Monday = 0 */
#define SECONDS_MAX		1e15	/* beyond what a date can be */

/* Day of the year from 0, and the days that this year has. */
static int
day_of_year(int64_t day, int *days)
{
	int64_t		shifted = day - MARCH_2000;
	int64_t		era = (shifted >= 0 ? shifted : shifted - (ERA_DAYS - 1)) / ERA_DAYS;
	int			of_era = (int) (shifted - era * ERA_DAYS);
	int			year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int			of_march = of_era - (365 * year + year / 4 - year / 100);
	/* January and February belong to the next year by the civil calendar */
	int			civil = of_march >= 306 ? year + 1 : year;
	bool		leap = civil % 4 == 0 && (civil % 100 != 0 || civil % 400 == 0);

	*days = leap ? 366 : 365;
	return of_march >= 306 ? of_march - 306 : of_march + 59 + leap;
}

int
ml_date_nparts(ml_type type)
{
	switch (type)
	{
		case ML_TYPE_DATE:
			return 5;
		case ML_TYPE_TIME:
			return 3;
		case ML_TYPE_TIMESTAMP:
		case ML_TYPE_TIMESTAMPTZ:
			return 7;
		default:
			return 0;
	}
}

int
ml_date_parts(ml_type type, double seconds, double *parts)
{
	int			n = ml_date_nparts(type);
	int			i = 0;
	int			days;
	double		day;
	int64_t		number;
	int			weekday;
	int			yearday;

	if (!(fabs(seconds) <= SECONDS_MAX))
	{
		/* missing, infinite or no date */
		for (i = 0; i < n; i++)
			parts[i] = isnan(seconds) ? seconds : copysign(INFINITY, seconds);
		return n;
	}
	day = floor(seconds / DAY_SECONDS);
	parts[i++] = type == ML_TYPE_TIME ? seconds : seconds / DAY_SECONDS;
	if (type != ML_TYPE_DATE)
	{
		ml_sincos((seconds - day * DAY_SECONDS) / DAY_SECONDS, &parts[i], &parts[i + 1]);
		i += 2;
	}
	if (type == ML_TYPE_TIME)
		return i;
	number = (int64_t) day;
	weekday = (int) ((number % 7 + 7 + SATURDAY) % 7);
	yearday = day_of_year(number, &days);
	ml_sincos(weekday / 7.0, &parts[i], &parts[i + 1]);
	ml_sincos((double) yearday / days, &parts[i + 2], &parts[i + 3]);
	return i + 4;
}

const char *
ml_date_part_name(ml_type type, int part)
{
	static const char *const names[ML_DATE_PARTS_MAX] = {
		"day", "sin of hour", "cos of hour", "sin of weekday", "cos of weekday",
		"sin of day of year", "cos of day of year"
	};

	if (part == 0 && type == ML_TYPE_TIME)
		return "seconds";
	return names[type == ML_TYPE_DATE && part > 0 ? part + 2 : part];
}
