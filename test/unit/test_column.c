/*-------------------------------------------------------------------------
 *
 * test_column.c
 *	  Types and roles of columns, what decides between category and text, the
 *	  levels of categories, the parts of dates.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "feature/roles.h"
#include "feature/tabular.h"

#include <math.h>

#define TEXT_MAX	32

static void
test_names(void)
{
	int			wrong = 0;

	for (int i = 0; i < ML_TYPE_COUNT; i++)
		wrong += ml_type_find(unit_text(ml_type_name(i))) != i;
	for (int i = 0; i < ML_ROLE_COUNT; i++)
		wrong += ml_role_find(unit_text(ml_role_name(i))) != i;
	unit_is_int(wrong, 0, "each type and role is found by its name");
	unit_is_int(ml_type_find(unit_text("Text")), ML_TYPE_COUNT, "names are spelled exactly");
	unit_is_int(ml_role_find(unit_text("")), ML_ROLE_COUNT, "and not empty");
	unit_is_text(unit_text(ml_type_name(ML_TYPE_TIMESTAMPTZ)), "timestamptz", "a type's name");
}

static void
test_roles(void)
{
	unit_ok(!ml_role_fits(ML_TYPE_TEXT, ML_ROLE_NUMBER) && !ml_role_fits(ML_TYPE_ENUM, ML_ROLE_NUMBER) &&
				!ml_role_fits(ML_TYPE_TEXT, ML_ROLE_DATE), "words are neither numbers nor dates");
	unit_ok(ml_role_fits(ML_TYPE_INTEGER, ML_ROLE_CATEGORY) && ml_role_fits(ML_TYPE_BOOLEAN, ML_ROLE_CATEGORY) &&
				ml_role_fits(ML_TYPE_DATE, ML_ROLE_CATEGORY) && ml_role_fits(ML_TYPE_NUMBER, ML_ROLE_TEXT),
			"any scalar can be a category or a text");
	unit_ok(!ml_role_fits(ML_TYPE_ARRAY, ML_ROLE_CATEGORY) && !ml_role_fits(ML_TYPE_ARRAY, ML_ROLE_TEXT) &&
				ml_role_fits(ML_TYPE_ARRAY, ML_ROLE_NUMBER), "an array is a block of numbers");
	unit_ok(!ml_role_fits(ML_TYPE_NUMBER, ML_ROLE_DATE) && ml_role_fits(ML_TYPE_TIME, ML_ROLE_DATE) &&
				ml_role_fits(ML_TYPE_TIMESTAMP, ML_ROLE_NUMBER), "dates are dates or seconds, numbers are no dates");
	unit_is_int(ml_role_of_type(ML_TYPE_TEXT), ML_ROLE_AUTO, "rows decide about text");
	unit_is_int(ml_role_of_type(ML_TYPE_BOOLEAN), ML_ROLE_NUMBER, "a boolean is a number");
	unit_is_int(ml_role_of_type(ML_TYPE_TIME), ML_ROLE_DATE, "a time is a date");
	for (int type = 0; type < ML_TYPE_COUNT; type++)
		if (!ml_role_fits(type, ml_role_of_type(type)) || !ml_role_fits(type, ML_ROLE_IGNORE))
			unit_ok(false, "the role of %s fits", ml_type_name(type));
	unit_is_int(ml_column_form(ML_TYPE_ARRAY, ML_ROLE_AUTO), ML_FORM_ITEMS, "items");
	unit_is_int(ml_column_form(ML_TYPE_DATE, ML_ROLE_CATEGORY), ML_FORM_TEXT, "a category is text");
	unit_is_int(ml_column_form(ML_TYPE_DATE, ML_ROLE_AUTO), ML_FORM_NUMBER, "a date is seconds");
	unit_is_int(ml_column_form(ML_TYPE_TEXT, ML_ROLE_AUTO), ML_FORM_TEXT, "text is text");
	unit_is_int(ml_column_form(ML_TYPE_BOOLEAN, ML_ROLE_IGNORE), ML_FORM_NUMBER, "whatever becomes of it");
}

/* The role that n values get of which that many are distinct; every third place is used. */
static ml_role
decide(unit_host *host, size_t n, size_t distinct, size_t length)
{
	ml_text    *values = calloc(3 * n + 1, sizeof(ml_text));
	char	   *bytes = malloc((n + 1) * (length + 1));
	ml_role		role = ML_ROLE_COUNT;

	for (size_t i = 0; i < n; i++)
	{
		char	   *at = bytes + i * (length + 1);

		memset(at, 'x', length);
		snprintf(at, length + 1, "%0*d", (int) length, (int) (i % distinct));
		values[3 * i] = (ml_text) {at, length};
	}
	unit_is_int(ml_role_decide(&host->ctx, values, n, 3, &role), ML_OK, "%zu values are looked at", n);
	free(values);
	free(bytes);
	return role;
}

static void
test_decide(unit_host *host)
{
	ml_text		nulls[5] = {{NULL, 0}, {"a", 1}, {NULL, 0}, {"a", 1}, {NULL, 0}};
	ml_role		role;

	unit_is_int(decide(host, 1000, 7, 5), ML_ROLE_CATEGORY, "few distinct short values: category");
	unit_is_int(decide(host, 1000, 500, 5), ML_ROLE_CATEGORY, "half of them distinct: category");
	unit_is_int(decide(host, 1000, 501, 5), ML_ROLE_TEXT, "more than half: text");
	unit_is_int(decide(host, 7, 3, 5), ML_ROLE_CATEGORY, "three of seven");
	unit_is_int(decide(host, 7, 4, 5), ML_ROLE_TEXT, "four of seven");
	unit_is_int(decide(host, 100, 2, ML_ROLE_BYTES), ML_ROLE_CATEGORY, "64 bytes are short");
	unit_is_int(decide(host, 100, 2, ML_ROLE_BYTES + 1), ML_ROLE_TEXT, "65 are not");
	unit_is_int(decide(host, 1, 1, 1), ML_ROLE_TEXT, "one value says nothing");
	unit_is_int(decide(host, 20000, 2048, 5), ML_ROLE_CATEGORY, "only the first 4096 count");
	unit_is_int(decide(host, 20000, 2049, 5), ML_ROLE_TEXT, "all of them");
	unit_is_int(ml_role_decide(&host->ctx, nulls, 5, 1, &role), ML_OK, "with nulls");
	unit_is_int(role, ML_ROLE_CATEGORY, "nulls are no values");
	unit_is_int(ml_role_decide(&host->ctx, nulls, 0, 1, &role), ML_OK, "no values at all");
}

static ml_text
level_name(char *buffer, uint32_t i)
{
	snprintf(buffer, TEXT_MAX, "level %u", i);
	return unit_text(buffer);
}

static ml_status
add_levels(ml_context *ctx, ml_levels *levels, uint32_t rows, uint32_t distinct)
{
	for (uint32_t i = 0; i < rows; i++)
	{
		char		name[TEXT_MAX];
		uint32_t	number;

		ML_TRY(ml_levels_add(ctx, levels, level_name(name, i % distinct), &number));
		if (number != i % distinct)
			return ml_fail(ctx, ML_INTERNAL, "level %u got number %u", i % distinct, number);
	}
	return ML_OK;
}

static void
test_levels(unit_host *host)
{
	ml_levels	levels = {0};
	ml_context *ctx = &host->ctx;
	uint32_t	number;
	int			wrong = 0;
	char	   *letters = malloc(ML_LEVEL_BYTES + 1);

	unit_is_int(add_levels(ctx, &levels, 700000, 300000), ML_OK, "300,000 levels are numbered as they come");
	for (uint32_t i = 0; i < levels.n; i++)
	{
		char		name[TEXT_MAX];

		wrong += !ml_text_equal(levels.values[i], level_name(name, i)) ||
			levels.counts[i] != (i < 100000 ? 3 : 2);
	}
	unit_is_int(wrong, 0, "kept and counted");
	unit_ok(ml_levels_memory(&levels) == host->live_bytes, "memory is what was taken");
	unit_ok(ml_levels_memory(&levels) < 300000 * 72, "%zu bytes a level", ml_levels_memory(&levels) / 300000);
	memset(letters, 'x', ML_LEVEL_BYTES + 1);
	unit_is_int(ml_levels_add(ctx, &levels, (ml_text) {letters, ML_LEVEL_BYTES}, &number), ML_OK, "1,024 bytes");
	unit_fails(host, ml_levels_add(ctx, &levels, (ml_text) {letters, ML_LEVEL_BYTES + 1}, &number), ML_BAD_DATA,
			   "1025 bytes", "one byte more is too much");
	unit_is_int(ml_levels_add(ctx, &levels, (ml_text) {letters, 0}, &number), ML_OK, "an empty value");
	unit_is_int(number, 300001, "is a level");
	unit_is_int(ml_levels_add(ctx, &levels, (ml_text) {"\0", 1}, &number), ML_OK, "and so is a zero byte");
	unit_is_int(number, 300002, "another one");
	ml_levels_free(ctx, &levels);
	unit_is_int(host->live_bytes, 0, "all is given back");
	free(letters);
}

static ml_status
levels_scenario(ml_context *ctx, void *argument)
{
	ml_levels	levels = {0};
	ml_status	status = add_levels(ctx, &levels, argument == NULL ? 400 : 70000, argument == NULL ? 300 : 66000);

	if (status == ML_OK)
	{
		ml_role		role;

		status = ml_role_decide(ctx, levels.values, levels.n, 1, &role);
	}
	ml_levels_free(ctx, &levels);
	return status;
}

/* Days since 2000-01-01 by counting one after the other. */
static void
test_calendar(void)
{
	static const int lengths[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int			days = -730485; /* 0000-01-01 */
	int			wrong = 0;

	for (int year = 0; year < 4000; year++)
	{
		bool		leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
		int			of_year = 0;

		for (int month = 0; month < 12; month++)
			for (int day = 0; day < lengths[month] + (leap && month == 1); day++, of_year++, days++)
			{
				double		parts[ML_DATE_PARTS_MAX];
				double		angle = 2 * M_PI * of_year / (leap ? 366 : 365);

				wrong += ml_date_parts(ML_TYPE_DATE, 86400.0 * days, parts) != 5 || parts[0] != days ||
					fabs(parts[3] - sin(angle)) > 1e-14 || fabs(parts[4] - cos(angle)) > 1e-14 ||
					fabs(parts[1] - sin(2 * M_PI * ((days % 7 + 12) % 7) / 7.0)) > 1e-14;
			}
	}
	unit_is_int(days, -730485 + 10 * 146097, "4,000 years pass");
	unit_is_int(wrong, 0, "each day of them is where it belongs");
}

static void
test_dates(void)
{
	double		parts[ML_DATE_PARTS_MAX];
	static const ml_type types[3] = {ML_TYPE_DATE, ML_TYPE_TIME, ML_TYPE_TIMESTAMPTZ};
	static const double seconds[5] = {1e300, -1e16, INFINITY, -INFINITY, NAN};
	int			wrong = 0;

	unit_is_int(ml_date_parts(ML_TYPE_TIMESTAMP, 6 * 3600, parts), 7, "a timestamp has seven parts");
	unit_ok(parts[0] == 0.25 && parts[1] == 1 && parts[2] == 0, "at six the hour's sine is 1, exactly");
	unit_is_int(ml_date_parts(ML_TYPE_TIMESTAMP, -6 * 3600, parts), 7, "the day before");
	unit_ok(parts[0] == -0.25 && parts[1] == -1 && parts[2] == 0, "at eighteen it is -1");
	unit_is_int(ml_date_parts(ML_TYPE_TIME, 43200, parts), 3, "a time has three parts");
	unit_ok(parts[0] == 43200 && parts[1] == 0 && parts[2] == -1, "its noon");
	unit_is_int(ml_date_parts(ML_TYPE_TIME, 86400, parts), 3, "24:00 is a time as well");
	unit_ok(parts[0] == 86400 && parts[1] == 0 && parts[2] == 1, "at the place of midnight");
	for (int t = 0; t < 3; t++)
		for (int s = 0; s < 5; s++)
		{
			int			n = ml_date_parts(types[t], seconds[s], parts);

			for (int i = 0; i < n; i++)
				wrong += isnan(seconds[s]) ? !isnan(parts[i]) : !isinf(parts[i]);
		}
	unit_is_int(wrong, 0, "no seconds, no parts; too many, infinite ones");
	wrong = 0;
	for (double s = -1e15; s <= 1e15; s += 1.7e11)
		for (int i = ml_date_parts(ML_TYPE_TIMESTAMP, s, parts) - 1; i > 0; i -= 2)
			wrong += !(fabs(parts[i] * parts[i] + parts[i - 1] * parts[i - 1] - 1) < 1e-15);
	unit_is_int(wrong, 0, "all others are on their circles");
	unit_is_int(ml_date_nparts(ML_TYPE_NUMBER), 0, "a number has none");
}

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	test_names();
	test_roles();
	test_decide(&host);
	test_levels(&host);
	test_calendar();
	test_dates();
	unit_close(&host, "columns");
	unit_every_allocation_fails("levels", levels_scenario, NULL);
	unit_every_poll_cancels("levels", levels_scenario, &host);
	return unit_done();
}
