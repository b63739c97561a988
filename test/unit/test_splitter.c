/*-------------------------------------------------------------------------
 *
 * test_splitter.c
 *	  Splitters that tell parts row by row: exact shares, the same after each
 *	  restart, every choice equally likely, groups whole and folds alike.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "learn/split.h"

#include <math.h>

#define NROWS	10000
#define NLABELS	5
#define FOLDS	7

static uint32_t labels[NROWS];
static uint8_t parts[NROWS];
static uint64_t label_rows[NLABELS];

/* Label c has about half as many rows as the one before; the last has one. */
static void
fill(void)
{
	ml_rng		rng;

	ml_rng_seed(&rng, 11);
	for (int i = 0; i < NROWS; i++)
	{
		labels[i] = i == 4321 ? NLABELS - 1 : 0;
		while (labels[i] < NLABELS - 2 && ml_rng_below(&rng, 2) == 0)
			labels[i]++;
		label_rows[labels[i]]++;
	}
}

static bool
tell(ml_context *ctx, ml_splitter *splitter, const double *split)
{
	bool		same = true;

	splitter->nlabels = NLABELS;
	splitter->label_rows = label_rows;
	if (ml_splitter_open(ctx, splitter) != ML_OK)
		return false;
	for (int i = 0; i < NROWS; i++)
		parts[i] = ml_splitter_next(splitter, labels[i], split == NULL ? 0 : split[i]);
	ml_splitter_restart(splitter);
	for (int i = 0; i < NROWS; i++)
		same &= parts[i] == ml_splitter_next(splitter, labels[i], split == NULL ? 0 : split[i]);
	return same;
}

static uint64_t
count(uint32_t label, uint8_t part)
{
	uint64_t	n = 0;

	for (int i = 0; i < NROWS; i++)
		n += labels[i] == label && parts[i] == part;
	return n;
}

static void
test_random(ml_context *ctx, double holdout, int folds)
{
	ml_splitter splitter = {.by = ML_SPLIT_RANDOM, .holdout = holdout, .seed = 5, .folds = folds};
	uint64_t	held = 0;
	int			wrong = 0;

	unit_ok(tell(ctx, &splitter, NULL), "%g held out, %d folds: the same after a restart", holdout, folds);
	for (uint32_t c = 0; c < NLABELS; c++)
	{
		uint64_t	of_label = count(c, 0);
		uint64_t	least = UINT64_MAX;
		uint64_t	most = 0;

		held += of_label;
		wrong += fabs((double) of_label - holdout * (double) label_rows[c]) > 1 && of_label + 1 < label_rows[c];
		wrong += of_label >= label_rows[c];
		for (int fold = 1; fold <= folds; fold++)
		{
			least = ML_MIN(least, count(c, (uint8_t) fold));
			most = ML_MAX(most, count(c, (uint8_t) fold));
		}
		wrong += most - least > 1;
	}
	unit_ok(wrong == 0, "  each label has its share, learns, and is spread over the folds evenly");
	unit_ok(fabs((double) held - ML_MIN(holdout * NROWS, NROWS - NLABELS)) <= 1, "  %llu rows are held out",
			(unsigned long long) held);
	for (int i = 0; i < NROWS; i++)
		wrong += parts[i] > folds;
	unit_ok(wrong == 0, "  no other parts");
	ml_splitter_close(ctx, &splitter);
}

/* Of five rows two are held out: each of the ten choices as often as any. */
static void
test_choices(ml_context *ctx)
{
	static const uint64_t five[] = {5};
	int			times[32] = {0};
	double		chi = 0;
	int			choices = 0;

	for (uint64_t seed = 0; seed < 10000; seed++)
	{
		ml_splitter splitter = {.by = ML_SPLIT_RANDOM, .holdout = 0.4, .seed = seed, .folds = 1, .nlabels = 1,
		.label_rows = five};
		int			choice = 0;

		(void) ml_splitter_open(ctx, &splitter);
		for (int i = 0; i < 5; i++)
			choice |= (ml_splitter_next(&splitter, 0, 0) == 0) << i;
		times[choice]++;
		ml_splitter_close(ctx, &splitter);
	}
	for (int choice = 0; choice < 32; choice++)
	{
		choices += times[choice] > 0;
		if (times[choice] > 0)
			chi += (times[choice] - 1000.0) * (times[choice] - 1000.0) / 1000.0;
	}
	/* 9 degrees of freedom: beyond 27.9 once in a thousand */
	unit_ok(choices == 10 && chi < 27.9, "each choice of rows is equally likely (%d choices, chi square %g)", choices,
			chi);
}

static void
test_folds(ml_context *ctx)
{
	ml_splitter splitter = {.by = ML_SPLIT_FOLDS, .holdout = 0.3, .seed = 2, .folds = FOLDS};
	int			wrong = 0;

	unit_ok(tell(ctx, &splitter, NULL), "folds: the same after a restart");
	for (uint32_t c = 0; c < NLABELS; c++)
	{
		wrong += count(c, 0) != 0;
		for (uint8_t fold = 1; fold <= FOLDS; fold++)
			wrong += fabs((double) count(c, fold) - (double) label_rows[c] / FOLDS) >= 1;
	}
	unit_ok(wrong == 0, "  each label is spread over them evenly, nothing is held out");
	ml_splitter_close(ctx, &splitter);
	splitter.folds = 32;
	unit_ok(ml_splitter_open(ctx, &splitter) == ML_BAD_OPTION, "more than 31 folds");
	ml_splitter_close(ctx, &splitter);
	splitter.folds = 0;
	unit_ok(ml_splitter_open(ctx, &splitter) == ML_BAD_OPTION, "less than one");
	ml_splitter_close(ctx, &splitter);
}

static void
test_flags(ml_context *ctx)
{
	static double split[NROWS];
	ml_splitter splitter = {.by = ML_SPLIT_FLAG, .folds = 3};
	int			wrong = 0;

	for (int i = 0; i < NROWS; i++)
		split[i] = i % 10 == 0 ? 1 : i % 10 == 1 ? NAN : 0;
	unit_ok(tell(ctx, &splitter, split), "flags: the same after a restart");
	for (int i = 0; i < NROWS; i++)
		wrong += (parts[i] == 0) != (i % 10 == 0);
	unit_ok(wrong == 0, "  rows that are flagged are held out, missing flags learn");
	ml_splitter_close(ctx, &splitter);
}

/* What find_time would have found is given. */
static void
test_times(ml_context *ctx)
{
	static double split[NROWS];
	ml_splitter splitter = {.by = ML_SPLIT_TIME, .folds = 1, .threshold = 70, .ties = 30, .nties = 100};
	int			held = 0;
	int			wrong = 0;

	for (int i = 0; i < NROWS; i++)
		split[i] = i % 101 == 100 ? NAN : i % 101;
	splitter.nties = 99;
	unit_ok(tell(ctx, &splitter, split), "times: the same after a restart");
	for (int i = 0; i < NROWS; i++)
	{
		wrong += split[i] > 70 && parts[i] != 0;
		wrong += !(split[i] >= 70) && parts[i] == 0;
		held += split[i] == 70 && parts[i] == 0;
		wrong += split[i] == 70 && parts[i] == 0 && i < 60 * 101;
	}
	unit_ok(wrong == 0 && held == 30, "  later rows are held out, and the last of those at the threshold (%d)", held);
	ml_splitter_close(ctx, &splitter);
}

/* ngroups groups of sizes that differ; -0 is 0, all NaN are one. */
static void
test_groups(ml_context *ctx, int ngroups, double most, const char *name)
{
	static double split[NROWS];
	ml_splitter splitter = {.by = ML_SPLIT_GROUPS, .seed = 9, .folds = FOLDS};
	uint64_t	rows[FOLDS + 1] = {0};
	int			wrong = 0;
	ml_status	status = ML_OK;

	for (int i = 0; i < NROWS; i++)
	{
		double		u = (double) (i * 7919 % NROWS) / NROWS;

		split[i] = floor(u * u * ngroups);
		if (split[i] == 1)
			split[i] = NAN;
		if (split[i] == 0 && i % 2 == 0)
			split[i] = -0.0;
	}
	for (int i = 0; i < NROWS && status == ML_OK; i++)
		status = ml_splitter_count_group(ctx, &splitter, split[i]);
	unit_ok(status == ML_OK && ml_splitter_deal_groups(ctx, &splitter) == ML_OK, "%s: dealt", name);
	unit_ok(tell(ctx, &splitter, split), "  the same after a restart");
	for (int i = 0; i < NROWS; i++)
	{
		rows[parts[i]]++;
		for (int j = i - 300; j < i; j++)
			wrong += j >= 0 && parts[i] != parts[j] && (split[i] == split[j] || (isnan(split[i]) && isnan(split[j])));
	}
	unit_ok(wrong == 0 && rows[0] == 0, "  whole");
	for (int fold = 1; fold <= FOLDS; fold++)
		wrong += fabs((double) rows[fold] * FOLDS / NROWS - 1) > most;
	unit_ok(wrong == 0, "  folds alike");
	ml_splitter_close(ctx, &splitter);
}

static void
test_few_groups(unit_host *host)
{
	ml_splitter splitter = {.by = ML_SPLIT_GROUPS, .folds = 3};

	unit_fails(host, ml_splitter_deal_groups(&host->ctx, &splitter), ML_BAD_DATA, "there are 0", "no group");
	for (int i = 0; i < 10; i++)
		(void) ml_splitter_count_group(&host->ctx, &splitter, i % 2);
	unit_fails(host, ml_splitter_deal_groups(&host->ctx, &splitter), ML_BAD_DATA, "there are 2", "fewer groups than folds");
	ml_splitter_close(&host->ctx, &splitter);
}

/* More than are remembered: they go where their hash says. */
static void
test_many_groups(ml_context *ctx)
{
	ml_splitter splitter = {.by = ML_SPLIT_GROUPS, .seed = 4, .folds = FOLDS, .nlabels = NLABELS,
	.label_rows = label_rows};
	uint64_t	rows[FOLDS + 1] = {0};
	ml_status	status = ML_OK;
	int			wrong = 0;

	for (int i = 0; i < 40000 && status == ML_OK; i++)
		status = ml_splitter_count_group(ctx, &splitter, i % 20000 * 0.5);
	unit_ok(status == ML_OK && ml_splitter_deal_groups(ctx, &splitter) == ML_OK &&
			ml_splitter_open(ctx, &splitter) == ML_OK, "20000 groups");
	for (int i = 0; i < 20000; i++)
	{
		uint8_t		part = ml_splitter_next(&splitter, 0, i * 0.5);

		wrong += part < 1 || part > FOLDS || part != ml_splitter_next(&splitter, 1, i * 0.5);
		rows[part % (FOLDS + 1)]++;
	}
	for (int fold = 1; fold <= FOLDS; fold++)
		wrong += fabs((double) rows[fold] * FOLDS / 20000 - 1) > 0.08;
	unit_ok(wrong == 0, "  whole, in folds that are alike");
	ml_splitter_close(ctx, &splitter);
}

static ml_status
run_groups(ml_context *ctx, void *argument)
{
	ml_splitter splitter = {.by = ML_SPLIT_GROUPS, .folds = 3, .nlabels = NLABELS, .label_rows = label_rows};
	ml_status	status = ML_OK;

	for (int i = 0; i < 1000 && status == ML_OK; i++)
		status = ml_splitter_count_group(ctx, &splitter, i);
	if (status == ML_OK)
		status = ml_splitter_deal_groups(ctx, &splitter);
	if (status == ML_OK)
		status = ml_splitter_open(ctx, &splitter);
	ml_splitter_close(ctx, &splitter);
	return status;
}

int
main(void)
{
	unit_host	host;

	fill();
	unit_open(&host);
	test_random(&host.ctx, 0.2, 1);
	test_random(&host.ctx, 0.25, 10);
	test_random(&host.ctx, 0, 3);
	test_random(&host.ctx, 0.999, 2);
	test_choices(&host.ctx);
	test_folds(&host.ctx);
	test_flags(&host.ctx);
	test_times(&host.ctx);
	/* the largest has 29 % of the rows, twice the share of a fold */
	test_groups(&host.ctx, 12, 1.05, "12 groups of all sizes");
	test_groups(&host.ctx, 300, 0.01, "300 groups");
	test_many_groups(&host.ctx);
	test_few_groups(&host);
	unit_every_allocation_fails("groups", run_groups, NULL);
	unit_every_poll_cancels("groups", run_groups, NULL);
	unit_close(&host, "splitters");
	return unit_done();
}
