/*-------------------------------------------------------------------------
 *
 * test_metric.c
 *	  Confusion, ROC AUC and log loss: against scikit-learn's recorded figures
 *	  (test/data/metric.py), their limits, merging, memory.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "base/hash.h"
#include "learn/metric.h"

#include <math.h>

#define TOLERANCE 1e-12

/* One case of metric.txt while it is read. */
typedef struct figures
{
	unit_host	host;
	char		name[64];
	ml_confusion *confusion;
	size_t		confusion_size;
	ml_auc	   *auc;
	size_t		auc_size;
	ml_log_loss loss;
	ml_mean		brier;
	ml_regression regression;
} figures;

static void
tally(figures *f, const char *actual, const char *predicted)
{
	if (ml_confusion_tally(&f->host.ctx, &f->confusion, &f->confusion_size,
						   unit_text(actual), unit_text(predicted), 1) != ML_OK)
		unit_ok(false, "%s: a row is counted", f->name);
}

static double
regression_figure(figures *f, const char *what)
{
	ml_metric	metrics[ML_METRICS_MAX];
	int			n = ml_regression_metrics(&f->regression, f->auc, metrics);

	for (int i = 0; i < n; i++)
		if (strcmp(metrics[i].name, what) == 0)
			return metrics[i].value;
	return NAN;
}

static double
figure(figures *f, const char *what, const char *label)
{
	ml_text		of = label == NULL ? (ml_text) {NULL, 0} : unit_text(label);
	ml_average	average = strstr(what, "_weighted") != NULL ? ML_WEIGHTED : ML_MACRO;

	if (strcmp(what, "accuracy") == 0)
		return ml_confusion_accuracy(f->confusion);
	if (f->regression.count > 0)
		return regression_figure(f, what);
	if (strcmp(what, "balanced_accuracy") == 0)
		return ml_confusion_balanced_accuracy(f->confusion);
	if (strcmp(what, "mcc") == 0)
		return ml_confusion_mcc(f->confusion);
	if (strcmp(what, "pr_auc") == 0)
		return ml_auc_pr_value(f->auc);
	if (strcmp(what, "brier") == 0)
		return ml_mean_value(&f->brier);
	if (strcmp(what, "roc_auc") == 0)
		return ml_auc_value(f->auc);
	if (strcmp(what, "log_loss") == 0)
		return ml_log_loss_value(&f->loss);
	if (strncmp(what, "precision", 9) == 0)
		return ml_confusion_precision(f->confusion, of, average);
	if (strncmp(what, "recall", 6) == 0)
		return ml_confusion_recall(f->confusion, of, average);
	return ml_confusion_f1(f->confusion, of, average);
}

static void
start_case(figures *f, const char *name)
{
	ml_release(&f->host.ctx, f->confusion);
	ml_release(&f->host.ctx, f->auc);
	f->confusion = NULL;
	f->auc = NULL;
	f->confusion_size = 0;
	f->auc_size = 0;
	memset(&f->loss, 0, sizeof(f->loss));
	memset(&f->brier, 0, sizeof(f->brier));
	memset(&f->regression, 0, sizeof(f->regression));
	snprintf(f->name, sizeof(f->name), "%s", name);
}

static void
read_line(figures *f, char *line)
{
	char	   *kind = strtok(line, " ");
	char	   *first = strtok(NULL, " ");
	char	   *second = strtok(NULL, " ");
	char	   *third = strtok(NULL, " ");

	if (strcmp(kind, "case") == 0)
		start_case(f, first);
	else if (strcmp(kind, "row") == 0)
		tally(f, first, second);
	else if (strcmp(kind, "score") == 0)
	{
		bool		actual = first[0] == '1';
		double		score = strtod(second, NULL);

		if (ml_auc_tally(&f->host.ctx, &f->auc, &f->auc_size, actual, score) != ML_OK)
			unit_ok(false, "%s: a score is counted", f->name);
		ml_log_loss_add(&f->loss, actual ? score : 1 - score);
		ml_mean_add(&f->brier, ml_brier_of((double[]) {1 - score, score}, 2, actual));
	}
	else if (strcmp(kind, "number") == 0)
	{
		double		actual = strtod(first, NULL);
		double		predicted = strtod(second, NULL);
		ml_regression one = {0};

		/* half of the rows by themselves, half merged */
		if (f->regression.count % 2 == 0)
			ml_regression_add(&f->regression, actual, predicted);
		else
		{
			ml_regression_add(&one, actual, predicted);
			ml_regression_merge(&f->regression, &one);
		}
		if (ml_auc_tally(&f->host.ctx, &f->auc, &f->auc_size, true, fabs(actual - predicted)) != ML_OK)
			unit_ok(false, "%s: an error is counted", f->name);
	}
	else
		unit_is_near(figure(f, first, third), strtod(second, NULL), TOLERANCE, "%s: %s%s%s is scikit-learn's",
					 f->name, first, third == NULL ? "" : " of ", third == NULL ? "" : third);
}

static void
test_recorded(void)
{
	figures		f = {0};
	size_t		size;
	char	   *text = unit_data("metric.txt", &size);
	char	   *line = text;

	unit_open(&f.host);
	while (line != NULL && *line != '\0')
	{
		char	   *end = strchr(line, '\n');

		*end = '\0';
		read_line(&f, line);
		line = end + 1;
	}
	start_case(&f, "");
	unit_close(&f.host, "recorded figures");
	free(text);
}

/*
 * Confusion.
 */
static void
test_empty(unit_host *host)
{
	ml_text		none = {NULL, 0};
	size_t		need = ml_confusion_init(NULL, 0);
	ml_confusion *c = malloc(need);

	unit_is_int(ml_confusion_init(c, need - 1), need, "a block too small is told the size it needs");
	unit_is_int(ml_confusion_init(c, need), 0, "an empty confusion is made");
	unit_ok(isnan(ml_confusion_accuracy(c)), "without rows there is no accuracy");
	unit_ok(isnan(ml_confusion_f1(c, none, ML_MACRO)), "nor an F1");
	unit_ok(isnan(ml_confusion_f1(c, unit_text("a"), ML_MACRO)), "nor one of a label");
	unit_is_int(ml_confusion_add(c, need, unit_text(""), unit_text("a"), 2), 0, "an empty label is a label");
	unit_is_int(ml_confusion_nlabels(c), 2, "different from others");
	unit_ok(isnan(ml_confusion_f1(c, unit_text("b"), ML_MACRO)), "a label never seen has no F1");
	unit_is_near(ml_confusion_f1(c, unit_text(""), ML_MACRO), 0, 0, "one never predicted has F1 0");
	unit_is_int(ml_confusion_add(c, need, unit_text("a"), unit_text("a"), INT64_MAX), 0, "a count may be huge");
	unit_is_int(ml_confusion_total(c), INT64_MAX, "and saturates");
	unit_ok(ml_confusion_check(c, need), "the block is sound");
	unit_ok(!ml_confusion_check(c, need - 1), "but not when cut");
	*(char *) c ^= 1;
	unit_ok(!ml_confusion_check(c, need), "nor with another beginning");
	free(c);
}

static ml_text
numbered(char *buffer, uint64_t i)
{
	snprintf(buffer, 32, "label %llu", (unsigned long long) i);
	return unit_text(buffer);
}

/* Rows first..last of a fixed sequence with many labels. */
static ml_status
count_rows(ml_context *ctx, uint64_t first, uint64_t last, ml_confusion **c, size_t *size)
{
	char		actual[32];
	char		predicted[32];

	for (uint64_t i = first; i < last; i++)
	{
		uint64_t	random = ml_hash(&i, sizeof(i), 1);

		ML_TRY(ml_confusion_tally(ctx, c, size, numbered(actual, random % 300),
								  numbered(predicted, (random >> 32) % 200), (int64_t) (i % 3) + 1));
	}
	return ML_OK;
}

static bool
same_cells(const ml_confusion *a, const ml_confusion *b)
{
	bool		same = ml_confusion_ncells(a) == ml_confusion_ncells(b) &&
		ml_confusion_nlabels(a) == ml_confusion_nlabels(b);

	for (uint32_t i = 0; same && i < ml_confusion_ncells(a); i++)
	{
		uint32_t	actual;
		uint32_t	predicted;
		int64_t		count = ml_confusion_cell(a, i, &actual, &predicted);
		bool		found = false;

		for (uint32_t j = 0; !found && j < ml_confusion_ncells(b); j++)
		{
			uint32_t	x;
			uint32_t	y;

			found = ml_confusion_cell(b, j, &x, &y) == count &&
				ml_text_equal(ml_confusion_label(a, actual), ml_confusion_label(b, x)) &&
				ml_text_equal(ml_confusion_label(a, predicted), ml_confusion_label(b, y));
		}
		same = found;
	}
	return same;
}

static void
test_merge(unit_host *host)
{
	ml_confusion *whole = NULL;
	ml_confusion *parts[2] = {NULL, NULL};
	size_t		whole_size = 0;
	size_t		sizes[2] = {0, 0};
	size_t		need;
	ml_text		none = {NULL, 0};

	unit_is_int(count_rows(&host->ctx, 0, 3000, &whole, &whole_size), ML_OK, "3,000 rows are counted");
	unit_is_int(count_rows(&host->ctx, 0, 1000, &parts[0], &sizes[0]) +
				count_rows(&host->ctx, 1000, 3000, &parts[1], &sizes[1]), ML_OK, "in two parts as well");
	need = ml_confusion_merge(parts[0], sizes[0], parts[1]);
	unit_ok(need > sizes[0], "a merge says what room it needs");
	unit_is_int(ml_resize(&host->ctx, (void **) &parts[0], need), ML_OK, "it gets it");
	unit_is_int(ml_confusion_merge(parts[0], need, parts[1]), 0, "and is done");
	unit_ok(same_cells(parts[0], whole), "merged parts are the whole");
	unit_ok(ml_confusion_f1(parts[0], none, ML_MACRO) == ml_confusion_f1(whole, none, ML_MACRO) ||
				fabs(ml_confusion_f1(parts[0], none, ML_MACRO) - ml_confusion_f1(whole, none, ML_MACRO)) < 1e-15,
			"with the same F1");
	unit_is_int(ml_confusion_total(parts[0]), ml_confusion_total(whole), "and as many rows");
	unit_ok(ml_confusion_check(parts[0], need), "in a sound block");
	ml_release(&host->ctx, whole);
	ml_release(&host->ctx, parts[0]);
	ml_release(&host->ctx, parts[1]);
}

static void
test_long_label(unit_host *host)
{
	ml_confusion *c = NULL;
	size_t		size = 0;
	char	   *letters = malloc(1000000);
	ml_text		label = {letters, 1000000};

	memset(letters, 'x', 1000000);
	unit_is_int(ml_confusion_tally(&host->ctx, &c, &size, label, unit_text("x"), 1), ML_OK,
				"a label of a million characters is counted");
	unit_ok(ml_text_equal(ml_confusion_label(c, 0), label), "and kept");
	unit_ok(size < 2500000, "once");
	ml_release(&host->ctx, c);
	free(letters);
}

static ml_status
tally_scenario(ml_context *ctx, void *argument)
{
	ml_confusion *c = NULL;
	ml_auc	   *auc = NULL;
	size_t		size = 0;
	size_t		auc_size = 0;
	ml_status	status = count_rows(ctx, 0, 300, &c, &size);

	for (int i = 0; status == ML_OK && i < 300; i++)
		status = ml_auc_tally(ctx, &auc, &auc_size, i % 2 == 0, i * 0.37);
	ml_release(ctx, c);
	ml_release(ctx, auc);
	return status;
}

/*
 * ROC AUC.
 */
typedef struct scored
{
	double		score;
	bool		actual;
} scored;

static int
compare_scored(const void *a, const void *b)
{
	double		x = ((const scored *) a)->score;
	double		y = ((const scored *) b)->score;

	return (x > y) - (x < y);
}

/* By its definition on sorted rows; ties count one half. */
static double
exact_auc(scored *rows, size_t n)
{
	double		below = 0;
	double		negatives = 0;
	double		sum = 0;
	size_t		i = 0;

	qsort(rows, n, sizeof(scored), compare_scored);
	while (i < n)
	{
		double		positive = 0;
		double		negative = 0;
		size_t		j = i;

		for (; j < n && rows[j].score == rows[i].score; j++)
			rows[j].actual ? positive++ : negative++;
		sum += positive * (below + negative / 2);
		below += negative;
		negatives += negative;
		i = j;
	}
	return sum / (negatives * (double) (n - (size_t) negatives));
}

static double
random_normal(ml_rng *rng)
{
	double		sum = -6;

	for (int i = 0; i < 12; i++)
		sum += ml_rng_double(rng);
	return sum;
}

/* Calibrated probabilities, most of them close to 0 or 1. */
static scored *
confident_rows(size_t n)
{
	scored	   *rows = malloc(n * sizeof(scored));
	ml_rng		rng;

	ml_rng_seed(&rng, 7);
	for (size_t i = 0; i < n; i++)
	{
		double		logit = 8 * random_normal(&rng);

		rows[i].score = 1 / (1 + exp(-logit));
		rows[i].actual = ml_rng_double(&rng) < 1 / (1 + exp(-logit / 4));
	}
	return rows;
}

static ml_auc *
add_scores(unit_host *host, const scored *rows, size_t first, size_t last, size_t *size)
{
	ml_auc	   *auc = NULL;

	*size = 0;
	for (size_t i = first; i < last; i++)
		if (ml_auc_tally(&host->ctx, &auc, size, rows[i].actual, rows[i].score) != ML_OK)
			unit_ok(false, "a score is counted");
	return auc;
}

#define AUC_ROWS 400000

static void
test_bins(unit_host *host)
{
	scored	   *rows = confident_rows(AUC_ROWS);
	size_t		sizes[3];
	ml_auc	   *whole = add_scores(host, rows, 0, AUC_ROWS, &sizes[0]);
	ml_auc	   *left = add_scores(host, rows, 0, AUC_ROWS / 3, &sizes[1]);
	ml_auc	   *right = add_scores(host, rows, AUC_ROWS / 3, AUC_ROWS, &sizes[2]);
	double		value = ml_auc_value(whole);
	double		bound = ml_auc_bound(whole);
	double		exact;

	unit_ok(sizes[0] < 2200000, "a state of %d scores has %zu bytes", AUC_ROWS, sizes[0]);
	unit_ok(ml_auc_check(whole, sizes[0]), "and is sound");
	unit_is_int(ml_auc_merge(left, sizes[1], right), 0, "two of them merge");
	unit_ok(ml_auc_value(left) == value, "to the value of one");
	unit_ok(ml_auc_shift(left) == ml_auc_shift(whole) && ml_auc_nbins(left) == ml_auc_nbins(whole),
			"with the same bins");
	exact = exact_auc(rows, AUC_ROWS);	/* sorts the rows */
	ml_release(&host->ctx, left);
	left = add_scores(host, rows, 0, AUC_ROWS, &sizes[1]);
	unit_ok(ml_auc_value(left) == value, "in whatever order the scores come");
	unit_ok(ml_auc_shift(whole) > 0 && bound > 0, "so many scores don't stay apart");
	unit_ok(fabs(value - exact) <= bound, "the value is off by %.2g, at most %.2g", value - exact, bound);
	unit_ok(bound < 1e-4, "which is little");
	ml_release(&host->ctx, whole);
	ml_release(&host->ctx, left);
	ml_release(&host->ctx, right);
	free(rows);
}

/* The order of scores, from one end of the doubles to the other. */
static void
test_order(unit_host *host)
{
	static const double scores[] = {
		-INFINITY, -1.7976931348623157e308, -1e300, -2, -1, -0.75, -0.5, -1e-300, -5e-324, 0, 5e-324, 1.5e-323,
		1e-310, 1e-290, 5.6e-278, 5.7e-277, 1e-200, 1e-16, 1e-9, 0.25, 0.49999999999999994, 0.5, 0.5000000000000001,
		0.75, 0.9, 0.999999, 0.9999999999999998, 0.9999999999999999, 1, 1.0000000000000002, 2, 1e10, 1e300,
		1.7976931348623157e308, INFINITY
	};
	int			wrong = 0;
	size_t		size = 0;
	ml_auc	   *auc = NULL;

	for (size_t i = 0; i < ML_LENGTH(scores); i++)
		for (size_t j = 0; j < i; j++)
		{
			ml_auc	   *pair = NULL;

			size = 0;
			ml_auc_tally(&host->ctx, &pair, &size, true, scores[i]);
			ml_auc_tally(&host->ctx, &pair, &size, false, scores[j]);
			wrong += ml_auc_value(pair) != 1 || ml_auc_bound(pair) != 0;
			ml_release(&host->ctx, pair);
		}
	unit_is_int(wrong, 0, "every score is above all smaller ones");
	size = 0;
	ml_auc_tally(&host->ctx, &auc, &size, true, -0.0);
	unit_ok(isnan(ml_auc_value(auc)), "one class has no area");
	ml_auc_tally(&host->ctx, &auc, &size, false, 0.0);
	unit_is_near(ml_auc_value(auc), 0.5, 0, "0 and -0 are equal");
	ml_release(&host->ctx, auc);
}

static void
test_pieces(unit_host *host)
{
	ml_auc_bin	bin = {0xFFFF, 1, 0};

	unit_ok(ml_auc_bin_valid(48, &bin), "a key that has lost 48 bits has 16");
	unit_ok(!ml_auc_bin_valid(49, &bin), "not 17");
	unit_ok(!ml_auc_bin_valid(64, &bin), "64 can't be lost");
	bin.positives = 0;
	unit_ok(!ml_auc_bin_valid(0, &bin), "nobody is in no bin");
	bin.negatives = -1;
	unit_ok(!ml_auc_bin_valid(0, &bin), "nor fewer than that");
}

/* A block as release 1.0 laid it out: bins in no order, a hash table behind them. */
static uint64_t *
old_block(size_t *size)
{
	static const ml_auc_bin bins[] = {{9, 2, 0}, {3, 0, 1}, {7, 1, 1}};
	uint32_t	header[4] = {0x31554141, 60, 3, 4};
	uint64_t   *block = calloc(1, 4096);

	*size = 48 + 4 * (24 + 8);
	memcpy(block, header, sizeof(header));
	block[2] = *size;
	block[3] = 3;				/* positives */
	block[4] = 2;
	memcpy(block + 6, bins, sizeof(bins));
	memset((char *) block + *size - 32, 1, 32);
	return block;
}

static void
test_old_blocks(void)
{
	size_t		need;
	size_t		size;
	uint64_t   *block = old_block(&size);
	uint64_t   *other = old_block(&size);
	ml_auc	   *auc = (ml_auc *) block;
	ml_auc_bin	bin = {1, 0, 1};

	unit_ok(ml_auc_check(block, size) && !ml_auc_check(block, size - 1), "a block of release 1.0 is one");
	unit_is_near(ml_auc_value(auc), (2 * 2 + 1 + 0.5) / 6, 1e-15, "and has its value");
	unit_ok(ml_auc_check(block, size), "still");
	unit_is_int(ml_auc_get(auc, 0).key, 3, "in order now");
	unit_is_int(ml_auc_add_bin(auc, size, 60, &bin), 0, "what still fits is added");
	need = ml_auc_merge(auc, size, (ml_auc *) other);
	unit_ok(need > size && ml_auc_merge(auc, need, (ml_auc *) other) == 0, "another one needs more room");
	unit_is_near(ml_auc_value(auc), 2 * (2 * 5 + 1 * 3 + 1) / 30.0, 1e-15, "to the value of both");
	unit_is_int(ml_auc_positives(auc) + ml_auc_negatives(auc), 11, "with all rows");
	unit_ok(ml_auc_check(block, need) && ml_auc_nbins(auc) == 4, "in four bins");
	free(block);
	free(other);
}

static void
test_log_loss(void)
{
	ml_log_loss loss = {0};
	ml_log_loss other = {0};

	unit_ok(isnan(ml_log_loss_value(&loss)), "no rows, no loss");
	ml_log_loss_add(&loss, 0);
	unit_is_near(ml_log_loss_value(&loss), 52 * log(2), 1e-12, "certainly wrong is 52 bits wrong");
	ml_log_loss_add(&other, 1);
	ml_log_loss_merge(&loss, &other);
	unit_is_near(ml_log_loss_value(&loss), 26 * log(2), 1e-12, "merged with certainly right: half of it");
	memset(&loss, 0, sizeof(loss));
	for (int i = 0; i < 1000000; i++)
		ml_log_loss_add(&loss, 0.9);
	unit_is_near(ml_log_loss_value(&loss), -log(0.9), 1e-16, "a million equal terms don't drift");
}

/* The points of a curve are those of its definition, few or thinned; thresholds are scores. */
static void
test_curve(unit_host *host)
{
	static const double scores[] = {-2.5, -0.0, 1e-200, 0.25, 0.5, 0.75, 1 - 0x1p-53, 1, 1e10};
	ml_curve_point points[50];
	ml_auc	   *auc = NULL;
	size_t		size = 0;
	uint32_t	n;
	int			wrong = 0;

	for (int i = 0; i < 9; i++)
		(void) ml_auc_tally(&host->ctx, &auc, &size, i % 3 != 0, scores[i]);
	n = ml_auc_curve(auc, points, 50);
	unit_is_int(n, 10, "a point for each score, and one before");
	for (int i = 0; i < 9; i++)
		wrong += points[9 - i].threshold != scores[i];
	unit_is_int(wrong, 0, "thresholds are the scores");
	unit_ok(isinf(points[0].threshold) && points[9].true_positives == 6 && points[9].false_positives == 3,
			"from none to all");
	unit_ok(ml_auc_rates(auc, &points[0]).precision == 1 && ml_auc_rates(auc, &points[0]).true_positive_rate == 0,
			"no row: nothing is found, and nothing is wrong");
	unit_is_near(ml_auc_rates(auc, &points[4]).true_positive_rate, 3.0 / 6, 1e-15, "three of six");
	unit_is_near(ml_auc_rates(auc, &points[4]).false_positive_rate, 1.0 / 3, 1e-15, "one of three");
	unit_is_near(ml_auc_rates(auc, &points[4]).precision, 3.0 / 4, 1e-15, "three of four");
	unit_is_near(ml_auc_median(auc), 0.5, 0, "the middle score");
	(void) ml_auc_tally(&host->ctx, &auc, &size, true, 3);
	unit_is_near(ml_auc_median(auc), 0.625, 0, "the mean of the two in the middle");
	for (int i = 0; i < 200000; i++)
		(void) ml_auc_tally(&host->ctx, &auc, &size, i % 2, (double) ml_hash(&i, sizeof(i), 7) * 0x1p-64);
	n = ml_auc_curve(auc, points, 50);
	unit_ok(n > 30 && n <= 50 && points[n - 1].true_positives == ml_auc_positives(auc), "many scores, few points");
	unit_is_near(ml_auc_median(auc), 0.5, 0.005, "the middle of many");
	ml_release(&host->ctx, auc);
}

int
main(void)
{
	unit_host	host;

	test_recorded();
	unit_open(&host);
	test_empty(&host);
	test_merge(&host);
	test_long_label(&host);
	test_order(&host);
	test_bins(&host);
	test_pieces(&host);
	test_old_blocks();
	test_log_loss();
	test_curve(&host);
	unit_close(&host, "metrics");
	unit_every_allocation_fails("tallies", tally_scenario, NULL);
	return unit_done();
}
