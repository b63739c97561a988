/*-------------------------------------------------------------------------
 *
 * test_rows.c
 *	  Training rows in memory and spilled: same words, same weights, same
 *	  solution; splits.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "feature/weight.h"
#include "learn/linear.h"
#include "learn/split.h"

#include <math.h>

#define ROWS	6000

static ml_recipe recipe;

/* Row i, the same every time: Zipf-like keys, counts 1..255, some rows empty. */
static void
make_row(uint32_t i, uint32_t *words, ml_features *features)
{
	ml_rng		rng;
	bool		taken[1024] = {false};
	size_t		n = i % 97 == 0 ? 0 : 40;

	ml_rng_seed(&rng, i);
	*features = (ml_features){0, words};
	for (size_t k = 0; k < n; k++)
	{
		uint32_t	key = (uint32_t) (1023 * pow(ml_rng_double(&rng), 3));
		uint32_t	count;

		if (taken[key])
			continue;
		taken[key] = true;
		count = ml_rng_below(&rng, 50) == 0 ? ML_COUNTED_MAX : 1 + (uint32_t) ml_rng_below(&rng, 3);
		words[features->n++] = count << ML_COUNTED_KEY_BITS | key;
	}
}

static ml_status
make_rows(ml_context *ctx, size_t memory, ml_rows **rows)
{
	uint32_t	words[64];

	*rows = NULL;
	ML_TRY(ml_rows_open(ctx, memory, &recipe, 1, ml_kernel_select(ML_LEVEL_AUTO), rows));
	for (uint32_t i = 0; i < ROWS; i++)
	{
		ml_features features;

		make_row(i, words, &features);
		ML_TRY(ml_rows_add(ctx, *rows, &features, i * 7 % 3, 1));
		ml_rows_get(*rows)->part[i] = i % 5 == 0 ? 0 : 1 + i % 4;
	}
	ML_TRY(ml_rows_make_index(ctx, *rows, recipe.min_df));
	return ml_rows_weigh(ctx, *rows, ML_PARTS_ALL);
}

/* Sums over one pass: of each row's number times its words. */
static ml_status
fingerprint(ml_context *ctx, ml_rows *rows, uint32_t parts, ml_rng *rng, uint64_t *sum,
			uint32_t *nrows, uint32_t *first)
{
	const ml_row *group;
	uint32_t	n;

	*sum = 0;
	*nrows = 0;
	*first = UINT32_MAX;
	ML_TRY(ml_rows_begin(ctx, rows, parts, rng));
	for (;;)
	{
		ML_TRY(ml_rows_next(ctx, rows, &group, &n));
		if (n == 0)
			return ML_OK;
		if (*first == UINT32_MAX)
			*first = group[0].number;
		*nrows += n;
		for (uint32_t i = 0; i < n; i++)
			*sum += ml_hash(group[i].words, group[i].n * 4, group[i].number);
	}
}

/* Document frequencies, idf and lengths as one would write them down. */
static void
test_weights(unit_host *host, ml_rows *rows, uint32_t parts, const char *name)
{
	const ml_rows_index *index = ml_rows_indexed(rows);
	ml_rows_data *data = ml_rows_get(rows);
	static uint32_t df[1024];
	uint32_t	words[64];
	uint64_t	n = 0;
	int			wrong = 0;

	memset(df, 0, sizeof(df));
	for (uint32_t i = 0; i < ROWS; i++)
	{
		ml_features features;

		if ((parts >> data->part[i] & 1) == 0)
			continue;
		n++;
		make_row(i, words, &features);
		for (size_t k = 0; k < features.n; k++)
			df[ML_COUNTED_KEY(words[k])]++;
	}
	unit_ok(ml_rows_weigh(&host->ctx, rows, parts) == ML_OK, "%s: weighed", name);
	for (uint32_t i = 0; i < ROWS; i++)
	{
		ml_features features;
		double		square = 0;

		make_row(i, words, &features);
		for (size_t k = 0; k < features.n; k++)
		{
			uint32_t	key = ML_COUNTED_KEY(words[k]);
			uint32_t	id = ml_vocabulary_find(index->vocabulary, key);
			double		tf = (double) ml_tf_weight(recipe.sublinear_tf, ML_COUNTED_COUNT(words[k])) / ML_TF_ONE;
			double		idf = 1 + log((1.0 + (double) n) / (1.0 + df[key]));

			if (id == ML_NO_FEATURE)
				continue;
			if (df[key] < (uint32_t) recipe.min_df)
			{
				wrong += index->idf[id] != 0;
				continue;
			}
			/* large document frequencies share levels */
			if (fabs(index->idf[id] - idf) > (df[key] <= 192 ? 0.0003 : 0.08))
				wrong++;
			square += tf * index->idf[id] * tf * index->idf[id];
		}
		if (fabs(data->length[i] - sqrt(square)) > 1e-4 * sqrt(square))
			wrong++;
	}
	unit_is_int(wrong, 0, "%s: idf and lengths", name);
}

static void
test_spilled(unit_host *host)
{
	ml_rows    *memory;
	ml_rows    *file;
	uint64_t	sum[2];
	uint32_t	n[2];
	uint32_t	first[2];
	ml_rng		rng;

	unit_ok(make_rows(&host->ctx, 64 << 20, &memory) == ML_OK && ml_rows_spilled(memory) == 0,
			"rows that fit stay in memory");
	unit_ok(make_rows(&host->ctx, 900 << 10, &file) == ML_OK, "others");
	unit_ok(ml_rows_spilled(file) > 0, "are spilled (%d kB)", (int) (ml_rows_spilled(file) >> 10));
	unit_ok(ml_rows_memory(file) < 1500 << 10, "%d kB stay in memory",
			(int) (ml_rows_memory(file) >> 10));
	unit_ok(fingerprint(&host->ctx, memory, ML_PARTS_ALL, NULL, &sum[0], &n[0], &first[0]) == ML_OK &&
				fingerprint(&host->ctx, file, ML_PARTS_ALL, NULL, &sum[1], &n[1], &first[1]) == ML_OK &&
			sum[0] == sum[1] && n[0] == ROWS && n[1] == ROWS, "a pass sees the same rows");
	unit_ok(first[0] == 0 && first[1] == 0, "in the source's order");
	ml_rng_seed(&rng, 1);
	unit_ok(fingerprint(&host->ctx, file, ML_PART(0) | ML_PART(2), &rng, &sum[0], &n[0], &first[0]) == ML_OK &&
				fingerprint(&host->ctx, memory, ML_PART(0) | ML_PART(2), &rng, &sum[1], &n[1], &first[1]) == ML_OK &&
				sum[0] == sum[1] && n[0] == n[1] &&
			n[0] == ml_rows_count(file, ML_PART(0) | ML_PART(2)), "shuffled, and of some parts, too");
	unit_ok(first[1] != 0, "and in another order");
	unit_ok(memcmp(ml_rows_indexed(memory)->idf, ml_rows_indexed(file)->idf,
				   ml_rows_indexed(file)->nfeatures * sizeof(float)) == 0 &&
				memcmp(ml_rows_get(memory)->length, ml_rows_get(file)->length, ROWS * sizeof(float)) == 0,
			"same idf, same lengths");
	test_weights(host, memory, ML_PARTS_ALL & ~ML_PART(0), "in memory");
	test_weights(host, file, ML_PARTS_ALL & ~ML_PART(0), "spilled");
	test_weights(host, file, ML_PARTS_ALL, "all parts again");

	/* solutions of both agree where they are determined */
	for (int k = 0; k < 2; k++)
	{
		ml_linear  *linear[2] = {NULL, NULL};
		ml_arena	arena = {0};
		ml_options	options;
		double		worst = 0;
		ml_status	status = ml_options_read(&host->ctx, &arena,
											 k == 0 ? ML_TEXT("svm") : ML_TEXT("logistic_regression"),
											 ML_TEXT("{\"c\": 0.1, \"tolerance\": 1e-5}"), &options);

		for (int m = 0; m < 2 && status == ML_OK; m++)
		{
			ml_rows    *rows = m == 0 ? memory : file;

			status = ml_rows_weigh(&host->ctx, rows, ML_PARTS_ALL);
			if (status == ML_OK)
				status = ml_linear_open(&host->ctx, ml_kernel_select(ML_LEVEL_AUTO), &options, rows, 3,
										NULL, &linear[m]);
			if (status == ML_OK)
				status = ml_linear_fit(&host->ctx, linear[m], ML_PARTS_ALL, 0, 200, NULL);
		}
		for (size_t i = 0; status == ML_OK && i < ml_rows_indexed(file)->nfeatures * 4; i++)
			worst = fmax(worst, fabsf(linear[0]->u[i] - linear[1]->u[i]));
		unit_ok(status == ML_OK && worst < 5e-3, "%s: the same solution from a file (%.2g)",
				k == 0 ? "svm" : "logistic", worst);
		ml_linear_close(&host->ctx, linear[0]);
		ml_linear_close(&host->ctx, linear[1]);
		ml_arena_free(&host->ctx, &arena);
	}
	ml_rows_close(&host->ctx, memory);
	ml_rows_close(&host->ctx, file);
}

/* The order of a shuffled pass over 144 MB of rows, as a hash. */
static ml_status
shuffled_order(ml_context *ctx, size_t memory, uint64_t *order, bool *spilled)
{
	static uint32_t words[2000];
	ml_features features = {ML_LENGTH(words), words};
	ml_recipe	wide = recipe;
	ml_rows    *rows;
	const ml_row *group;
	ml_rng		rng;
	uint32_t	n;
	ml_status	status;

	wide.hash_bits = 16;
	status = ml_rows_open(ctx, memory, &wide, 1, ml_kernel_select(ML_LEVEL_AUTO), &rows);

	for (uint32_t i = 0; status == ML_OK && i < 24000; i++)
	{
		features.n = i % 1000 == 0 ? ML_LENGTH(words) : ML_LENGTH(words) - i % 1000;
		for (uint32_t k = 0; k < features.n; k++)
			words[k] = UINT32_C(1) << ML_COUNTED_KEY_BITS | ((i * 7 + k) & 0xFFFF);
		status = ml_rows_add(ctx, rows, &features, i % 2, 1);
		if (status == ML_OK)
			ml_rows_get(rows)->part[i] = 0;
	}
	if (status == ML_OK)
		status = ml_rows_make_index(ctx, rows, 1);
	ml_rng_seed(&rng, 5);
	if (status == ML_OK)
		status = ml_rows_begin(ctx, rows, ML_PARTS_ALL, &rng);
	*order = 0;
	for (n = 1; status == ML_OK && n > 0;)
	{
		status = ml_rows_next(ctx, rows, &group, &n);
		for (uint32_t i = 0; status == ML_OK && i < n; i++)
			*order = ml_hash_join(*order, ml_hash(group[i].words, group[i].n * 4, group[i].number));
	}
	*spilled = ml_rows_spilled(rows) > 0;
	ml_rows_close(ctx, rows);
	return status;
}

static void
test_order(unit_host *host)
{
	uint64_t	order[2];
	bool		spilled[2];

	host->spilled = host->ctx.spilled = 0;
	unit_ok(shuffled_order(&host->ctx, ML_ROWS_MEMORY, &order[0], &spilled[0]) == ML_OK && spilled[0],
			"144 MB of rows in 128 MB");
	unit_ok(shuffled_order(&host->ctx, 4 * ML_ROWS_MEMORY, &order[1], &spilled[1]) == ML_OK && !spilled[1],
			"and in 512 MB");
	unit_ok(order[0] == order[1], "have the same order");
	host->spilled = host->ctx.spilled = 0;
}

static void
test_failures(unit_host *host)
{
	ml_rows    *rows;
	ml_features none = {0};

	host->spill_fails = true;
	unit_fails(host, make_rows(&host->ctx, 500 << 10, &rows), ML_IO, "temporary file",
			   "a spill that fails");
	ml_rows_close(&host->ctx, rows);
	host->spill_fails = false;
	recipe.min_df = 2;
	unit_ok(ml_rows_open(&host->ctx, 1 << 20, &recipe, 1, ml_kernel_select(ML_LEVEL_AUTO), &rows) == ML_OK &&
			ml_rows_add(&host->ctx, rows, &none, 0, 1) == ML_OK, "an empty row");
	unit_fails(host, ml_rows_make_index(&host->ctx, rows, 2), ML_BAD_DATA, "no word occurs",
			   "no features at all");
	ml_rows_close(&host->ctx, rows);
}

static ml_status
scenario(ml_context *ctx, void *argument)
{
	ml_rows    *rows;
	uint64_t	sum;
	uint32_t	n;
	uint32_t	first;
	ml_status	status = make_rows(ctx, *(size_t *) argument, &rows);

	if (status == ML_OK)
		status = fingerprint(ctx, rows, ML_PARTS_ALL, NULL, &sum, &n, &first);
	ml_rows_close(ctx, rows);
	return status;
}

static void
test_split(unit_host *host, uint32_t n, uint32_t nclasses, double holdout)
{
	uint32_t   *labels = calloc(n + 1, sizeof(uint32_t));
	uint8_t    *parts = calloc(n + 1, 1);
	uint8_t    *again = calloc(n + 1, 1);
	uint32_t   *learning = calloc(nclasses + 1, sizeof(uint32_t));
	uint32_t   *total = calloc(nclasses + 1, sizeof(uint32_t));
	uint32_t	sizes[ML_FOLDS + 1] = {0};
	bool		each = true;
	bool		even = true;

	for (uint32_t i = 0; i < n; i++)
		labels[i] = (uint32_t) (nclasses * pow((double) (i * 7919 % n) / n, 2));
	unit_ok(ml_split(&host->ctx, labels, n, nclasses, holdout, 3, parts) == ML_OK &&
				ml_split(&host->ctx, labels, n, nclasses, holdout, 3, again) == ML_OK &&
			memcmp(parts, again, n) == 0, "split of %u rows, %u labels: repeatable", n, nclasses);
	for (uint32_t i = 0; i < n; i++)
	{
		sizes[parts[i]]++;
		total[labels[i]]++;
		learning[labels[i]] += parts[i] != ML_PART_HOLDOUT;
	}
	for (uint32_t c = 0; c < nclasses; c++)
	{
		each &= total[c] == 0 || learning[c] > 0;
		/* within one row of its share */
		even &= fabs((double) (total[c] - learning[c]) - holdout * total[c]) <= 1.5;
	}
	unit_ok(each, "  each label learns");
	unit_ok(even || nclasses > n / 4, "  each label is held out by its share");
	unit_ok(nclasses > n / 4 || fabs(sizes[0] - holdout * n) <= 1, "  %u held out", sizes[0]);
	for (int f = 2; f <= ML_FOLDS; f++)
		each &= sizes[f] + 1 >= sizes[1] && sizes[f] <= sizes[1] + 1;
	unit_ok(each, "  even folds");
	free(labels);
	free(parts);
	free(again);
	free(learning);
	free(total);
}

int
main(void)
{
	unit_host	host;
	size_t		small = 600 << 10;

	unit_open(&host);
	ml_recipe_default(&recipe);
	recipe.hash_bits = 10;
	recipe.min_df = 2;
	test_spilled(&host);
	test_order(&host);
	recipe.min_df = 40;
	test_spilled(&host);
	recipe.min_df = 2;
	unit_close(&host, "rows");
	unit_open(&host);
	test_failures(&host);
	test_split(&host, 1000, 3, 0.2);
	test_split(&host, 10, 2, 0.2);
	test_split(&host, 2, 2, 0.5);
	test_split(&host, 1000, 1000, 0.2);
	test_split(&host, 5000, 40, 0);
	test_split(&host, 0, 2, 0.2);
	unit_close(&host, "splits");
	unit_every_allocation_fails("spilled rows", scenario, &small);
	unit_every_poll_cancels("spilled rows", scenario, &small);
	return unit_done();
}
