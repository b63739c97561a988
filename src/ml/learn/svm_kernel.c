/*-------------------------------------------------------------------------
 *
 * svm_kernel.c
 *	  Support vector classifiers with a kernel: gathering the rows, a machine
 *	  for each class against the rest, the support vectors that are left.
 *
 *	  max over alpha: sum alpha_i - 1/2 sum_ij alpha_i alpha_j y_i y_j K(x_i, x_j)
 *	  0 <= alpha_i <= C s_i, sum y_i alpha_i = 0			(Boser, Guyon, Vapnik 1992)
 *
 * by sequential minimal optimisation (smo.c).  All features of the rows lie in
 * memory as floats, one-hot ones too, so their number is limited; the intercept
 * is the dual's multiplier and not penalised.
 *
 * The solution of a fit is kept by row: the next fit, on more rows, starts
 * from it, and from its gradient if the kernel is the same.  So fitting without
 * a fold, to calibrate, and then with it costs little more than one fit.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/machine.h"
#include "learn/smo.h"
#include "learn/svm_internal.h"

#include <math.h>

#define FEATURES_MAX	4096
#define CACHE_BYTES		((size_t) 64 << 20)
#define TOLERANCE		1e-3	/* LIBSVM's */
#define ITERATIONS		UINT64_C(10000000)
#define PARTS			32

typedef struct kernel_machine
{
	uint32_t	width;
	uint64_t	nrows;			/* of all parts */
	uint64_t	first_of[PARTS];	/* number of the first row of each part */
	float	   *kept;			/* [nscores][nrows]: beta of the fit before, and its f */
	float	   *kept_f;
	bool		has_kept;
	uint32_t	kept_parts;
	double		kept_gamma;

	/* of the fit under way, by number of the vector */
	uint64_t   *number;			/* of its row among all */
	float	   *bound;			/* C s_i */
	uint32_t   *label;
	float	   *coefficients;	/* [nscores][n]: beta of the classes done */
	ml_smo		smo;
	uint32_t	nknown;			/* the first so many were all there is in the fit before */
} kernel_machine;

static ml_status
refuse_memory(ml_context *ctx, const ml_problem *problem, size_t need)
{
	ml_fail(ctx, ML_MEMORY_LIMIT,
			"a kernel machine keeps its rows in memory: %llu rows of %u features need %zu MB, and %zu MB are allowed",
			(unsigned long long) ml_design_count(problem->design, ML_PARTS_ALL), problem->nfeatures,
			(need >> 20) + 1, problem->memory >> 20);
	return ml_hint(ctx, "Raise maintenance_work_mem to about %zu MB, train on a sample, or use the linear kernel.",
				   (need >> 20) * 3 / 2 + 1);
}

static ml_status
check_problem(ml_context *ctx, const ml_problem *problem)
{
	uint64_t	nrows = ml_design_count(problem->design, ML_PARTS_ALL);
	size_t		need;

	if (problem->task != ML_CLASSIFICATION)
	{
		ml_fail(ctx, ML_UNSUPPORTED, "svm with a kernel classifies only");
		return ml_hint(ctx, "For regression use {\"kernel\": \"linear\"} or linear_regression.");
	}
	if (problem->options->loss != ML_LOSS_HINGE && problem->options->has_loss)
		return ml_fail(ctx, ML_BAD_OPTION, "a kernel machine minimises the hinge loss");
	if (problem->nfeatures > FEATURES_MAX || ml_design_ntext(problem->design) > 0)
	{
		ml_fail(ctx, ML_UNSUPPORTED, "a kernel machine takes at most %d features and no texts, there are %u features",
				FEATURES_MAX, problem->nfeatures);
		return ml_hint(ctx, "Use {\"kernel\": \"linear\"}, or leave wide columns out: "
					   "{\"columns\": {\"name\": \"ignore\"}}.");
	}
	need = ml_smo_memory(nrows, problem->nfeatures);
	need = ml_size_add(need, ml_size_mul(nrows, 16 + 3 * sizeof(float) * problem->nscores));
	/* a few rows of the kernel have to fit, too */
	need = ml_size_add(need, ml_size_mul(nrows, 16 * sizeof(float)));
	if (need > problem->memory || nrows >= INT32_MAX)
		return refuse_memory(ctx, problem, need);
	return ML_OK;
}

ml_status
ml_svm_kernel_open(ml_context *ctx, const ml_problem *problem, void **state)
{
	kernel_machine *machine;
	ml_status	status;

	*state = NULL;
	ML_TRY(check_problem(ctx, problem));
	ML_TRY(ml_alloc_zero(ctx, sizeof(*machine), (void **) &machine));
	machine->width = problem->nfeatures;
	for (int part = 0; part < PARTS; part++)
	{
		machine->first_of[part] = machine->nrows;
		machine->nrows += ml_design_count(problem->design, ML_PART(part));
	}
	status = ml_alloc_zero(ctx, ml_size_mul(ml_size_mul(problem->nscores, machine->nrows), 2 * sizeof(float)),
						   (void **) &machine->kept);
	machine->kept_f = machine->kept + problem->nscores * machine->nrows;
	if (status != ML_OK)
		ml_svm_kernel_close(ctx, machine);
	else
		*state = machine;
	return status;
}

static void
forget_rows(ml_context *ctx, kernel_machine *machine)
{
	ml_smo_close(ctx, &machine->smo);
	ml_release(ctx, machine->number);
	ml_release(ctx, machine->bound);
	ml_release(ctx, machine->label);
	ml_release(ctx, machine->coefficients);
	machine->number = NULL;
	machine->bound = NULL;
	machine->label = NULL;
	machine->coefficients = NULL;
}

void
ml_svm_kernel_close(ml_context *ctx, void *state)
{
	kernel_machine *machine = state;

	if (machine == NULL)
		return;
	forget_rows(ctx, machine);
	ml_release(ctx, machine->kept);
	ml_release(ctx, machine);
}

/* ---------- gathering rows ---------- */

static void
gather_block(kernel_machine *machine, const ml_problem *problem, const ml_block *block, uint32_t at)
{
	uint32_t	ndense = ml_design_ndense(problem->design);
	uint32_t	ncategories = ml_design_ncategories(problem->design);

	for (uint32_t j = 0; j < ndense; j++)
		for (uint32_t i = 0; i < block->n; i++)
			*ml_smo_at(&machine->smo, at + i, j) = (float) block->dense[(size_t) j * block->stride + i];
	for (uint32_t k = 0; k < ncategories; k++)
		for (uint32_t i = 0; i < block->n; i++)
		{
			uint32_t	feature = block->hot[(size_t) k * block->stride + i];

			if (feature != ML_NO_TERM)
				*ml_smo_at(&machine->smo, at + i, feature) = 1;
		}
	for (uint32_t i = 0; i < block->n; i++)
	{
		machine->label[at + i] = block->label[i];
		machine->bound[at + i] = (float) (problem->options->c * block->weight[i]);
	}
}

/* All rows of the parts into the panels of machine->smo, from "at" on. */
static ml_status
gather(ml_context *ctx, kernel_machine *machine, const ml_problem *problem, uint32_t parts, uint32_t at)
{
	uint64_t	next[PARTS];
	const ml_block *block;

	memcpy(next, machine->first_of, sizeof(next));
	ML_TRY(ml_design_begin(ctx, problem->design, parts, NULL));
	for (;;)
	{
		ML_TRY(ml_design_next(ctx, problem->design, &block));
		if (block == NULL)
			return ML_OK;
		gather_block(machine, problem, block, at);
		for (uint32_t i = 0; i < block->n; i++)
			machine->number[at + i] = next[block->part]++;
		at += block->n;
		ML_TRY(ml_poll(ctx));
	}
}

/* Of the parts, all values of their features: sum of (value - mean), or of its square. */
static ml_status
sum_values(ml_context *ctx, const ml_problem *problem, uint32_t parts, double mean, bool squares, double *result)
{
	uint32_t	ndense = ml_design_ndense(problem->design);
	uint32_t	ncategories = ml_design_ncategories(problem->design);
	uint64_t	rows = 0;
	uint64_t	ones = 0;
	double		zeros;
	const ml_block *block;

	*result = 0;
	ML_TRY(ml_design_begin(ctx, problem->design, parts, NULL));
	for (;;)
	{
		ML_TRY(ml_design_next(ctx, problem->design, &block));
		if (block == NULL)
			break;
		for (uint32_t j = 0; j < ndense; j++)
			for (uint32_t i = 0; i < block->n; i++)
			{
				double		d = (float) block->dense[(size_t) j * block->stride + i] - mean;

				*result += squares ? d * d : d;
			}
		for (uint32_t k = 0; k < ncategories; k++)
			for (uint32_t i = 0; i < block->n; i++)
				ones += block->hot[(size_t) k * block->stride + i] != ML_NO_TERM;
		rows += block->n;
		ML_TRY(ml_poll(ctx));
	}
	zeros = (double) rows * (problem->nfeatures - ndense) - (double) ones;
	*result += (double) ones * (squares ? (1 - mean) * (1 - mean) : 1 - mean) + zeros * (squares ? mean * mean : -mean);
	return ML_OK;
}

/*
 * 1 / (features x variance of all their values), as scikit-learn's "scale".
 * Fits on some of the rows that are learnt from have the gamma of all of them.
 */
static ml_status
scale_gamma(ml_context *ctx, const ml_problem *problem, uint32_t parts, double *gamma)
{
	uint32_t	from = (parts & ~problem->learning) == 0 ? problem->learning : parts;
	double		n = (double) ml_design_count(problem->design, from) * problem->nfeatures;
	double		mean;
	double		squares;

	ML_TRY(sum_values(ctx, problem, from, 0, false, &mean));
	mean /= n;
	ML_TRY(sum_values(ctx, problem, from, mean, true, &squares));
	*gamma = squares > 0 ? 1 / (problem->nfeatures * (squares / n)) : 1;
	return ML_OK;
}

static ml_status
open_rows(ml_context *ctx, kernel_machine *machine, const ml_problem *problem, uint32_t parts)
{
	const ml_options *options = problem->options;
	uint32_t	n = (uint32_t) ml_design_count(problem->design, parts);
	size_t		cache = options->cache > 0 ? (size_t) options->cache << 20 : CACHE_BYTES;
	size_t		need = ml_size_add(ml_smo_memory(n, machine->width),
								   ml_size_mul(n, 16 + 3 * sizeof(float) * problem->nscores));
	double		gamma = options->gamma;

	machine->nknown = 0;
	cache = ML_MIN(cache, need < problem->memory ? problem->memory - need : 0);
	ML_TRY(ml_smo_open(ctx, &machine->smo, n, machine->width, cache));
	ML_TRY(ml_alloc(ctx, ml_size_mul(n, sizeof(uint64_t)), (void **) &machine->number));
	ML_TRY(ml_alloc(ctx, ml_size_mul(n, sizeof(float)), (void **) &machine->bound));
	ML_TRY(ml_alloc(ctx, ml_size_mul(n, sizeof(uint32_t)), (void **) &machine->label));
	ML_TRY(ml_alloc_zero(ctx, ml_size_mul(ml_size_mul(n, problem->nscores), sizeof(float)),
						 (void **) &machine->coefficients));
	if (gamma == 0)
		ML_TRY(scale_gamma(ctx, problem, parts, &gamma));
	/* rows of the fit before first, if it had none but these */
	if (machine->has_kept && (machine->kept_parts & ~parts) == 0 && machine->kept_gamma == gamma)
	{
		ML_TRY(gather(ctx, machine, problem, machine->kept_parts, 0));
		machine->nknown = (uint32_t) ml_design_count(problem->design, machine->kept_parts);
		parts &= ~machine->kept_parts;
	}
	machine->kept_gamma = gamma;
	ML_TRY(gather(ctx, machine, problem, parts, machine->nknown));
	machine->smo.kernel = problem->kernel;
	machine->smo.kind = options->svm_kernel == ML_SVM_RBF ? ML_MACHINE_RBF : ML_MACHINE_POLYNOMIAL;
	machine->smo.gamma = (float) gamma;
	machine->smo.coef0 = (float) options->coef0;
	machine->smo.degree = options->degree;
	return ml_smo_prepare(ctx, &machine->smo);
}

/* ---------- one class against the rest ---------- */

static void
begin_class(kernel_machine *machine, const ml_problem *problem, uint32_t score)
{
	uint32_t	own = problem->nscores == 1 ? 1 : score;
	const float *kept = machine->kept + (size_t) score * machine->nrows;
	ml_smo	   *smo = &machine->smo;

	for (uint32_t i = 0; i < smo->n; i++)
	{
		uint32_t	v = smo->row[i];
		bool		positive = machine->label[v] == own;

		smo->target[i] = positive ? 1 : -1;
		smo->low[i] = positive ? 0 : -machine->bound[v];
		smo->high[i] = positive ? machine->bound[v] : 0;
		smo->beta[i] = machine->has_kept ? kept[machine->number[v]] : 0;
		smo->f[i] = machine->kept_f[(size_t) score * machine->nrows + machine->number[v]];
	}
}

/*
 * Kept values may lie outside of this fit's rows: what is missing from their
 * sum is taken from those that have the other sign, largest first as they come.
 * True: all are as they were.
 */
static bool
balance(ml_smo *smo)
{
	double		sum = 0;
	double		size = 0;
	bool		same = true;

	for (uint32_t i = 0; i < smo->n; i++)
	{
		float		beta = ML_MAX(smo->low[i], ML_MIN(smo->high[i], smo->beta[i]));

		same &= beta == smo->beta[i];
		smo->beta[i] = beta;
		sum += beta;
		size += fabsf(beta);
	}
	/* rounding */
	if (same && fabs(sum) <= 1e-6 * size)
		return true;
	for (uint32_t i = 0; i < smo->n && sum != 0; i++)
	{
		double		beta = smo->beta[i];
		double		moved = sum > 0 ? ML_MIN(sum, ML_MAX(beta, 0)) : ML_MAX(sum, ML_MIN(beta, 0));

		smo->beta[i] = (float) (beta - moved);
		sum -= beta - smo->beta[i];
		if (fabs(sum) < 1e-6 * fabs(beta))
			break;
	}
	return false;
}

/* Do the rows known before still come first?  Solving for another class may have moved them. */
static bool
known_first(const kernel_machine *machine)
{
	for (uint32_t i = 0; i < machine->nknown; i++)
		if (machine->smo.row[i] >= machine->nknown)
			return false;
	return true;
}

/* Sum of s_i max(0, 1 - y_i score_i) over the fit's rows; f = y - score without bias. */
static double
hinge_loss(const kernel_machine *machine, double c, double bias, double *weight)
{
	const ml_smo *smo = &machine->smo;
	double		sum = 0;

	*weight = 0;
	for (uint32_t i = 0; i < smo->n; i++)
	{
		double		y = smo->target[i];
		double		margin = 1 - y * (y - smo->f[i] + bias);
		double		s = machine->bound[smo->row[i]] / c;

		sum += s * ML_MAX(margin, 0);
		*weight += s;
	}
	return sum;
}

static ml_status
fit_class(ml_context *ctx, kernel_machine *machine, const ml_problem *problem, uint32_t score,
		  ml_solution *solution, ml_linear_report *report, double *loss)
{
	const ml_options *options = problem->options;
	double		tolerance = ml_options_given(options, "tolerance") ? options->tolerance : TOLERANCE;
	float	   *kept = machine->kept + (size_t) score * machine->nrows;
	float	   *kept_f = machine->kept_f + (size_t) score * machine->nrows;
	float	   *coefficients = machine->coefficients + (size_t) score * machine->smo.n;
	ml_smo	   *smo = &machine->smo;
	double		weight;
	bool		converged;

	begin_class(machine, problem, score);
	smo->nknown = balance(smo) && known_first(machine) ? machine->nknown : 0;
	ML_TRY(ml_smo_solve(ctx, smo, tolerance, ML_MAX(ITERATIONS, (uint64_t) smo->n * 100), &solution->bias[score],
						&converged));
	for (uint32_t i = 0; i < smo->n; i++)
	{
		kept[machine->number[smo->row[i]]] = smo->beta[i];
		kept_f[machine->number[smo->row[i]]] = smo->f[i];
		coefficients[smo->row[i]] = smo->beta[i];
	}
	*loss += hinge_loss(machine, options->c, solution->bias[score], &weight);
	report->converged &= converged;
	report->epochs = (int) ML_MIN((uint64_t) report->epochs + smo->iterations, (uint64_t) INT32_MAX);
	if (weight > 0 && score == problem->nscores - 1)
		report->losses[report->nlosses++] = *loss / weight;
	return ML_OK;
}

/* ---------- what is left ---------- */

static bool
is_support(const kernel_machine *machine, uint32_t nscores, uint32_t v)
{
	for (uint32_t c = 0; c < nscores; c++)
		if (machine->coefficients[(size_t) c * machine->smo.n + v] != 0)
			return true;
	return false;
}

/* The machine: vectors with a coefficient that is not 0, in the order of the rows. */
static ml_status
collect(ml_context *ctx, kernel_machine *machine, uint32_t nscores, ml_solution *solution)
{
	const ml_smo *smo = &machine->smo;
	ml_machine *result = &solution->machine;
	uint32_t	n = 0;
	uint32_t	at = 0;
	uint32_t   *position = smo->order;	/* of each vector */

	for (uint32_t i = 0; i < smo->n; i++)
	{
		position[smo->row[i]] = i;
		n += is_support(machine, nscores, smo->row[i]);
	}
	*result = (ml_machine)
	{
		.kind = smo->kind, .gamma = smo->gamma, .coef0 = smo->coef0, .degree = smo->degree,
		.nvectors = n, .width = smo->width
	};
	ML_TRY(ml_arena_alloc(ctx, &solution->arena, ml_size_mul(n, ml_size_mul(smo->width, sizeof(float))),
						  (void **) &result->vectors));
	ML_TRY(ml_arena_alloc(ctx, &solution->arena, ml_size_mul(n, ml_size_mul(nscores, sizeof(float))),
						  (void **) &result->coefficients));
	for (uint32_t v = 0; v < smo->n; v++)
	{
		if (!is_support(machine, nscores, v))
			continue;
		for (uint32_t k = 0; k < smo->width; k++)
			result->vectors[(size_t) at * smo->width + k] = *ml_smo_at(smo, position[v], k);
		for (uint32_t c = 0; c < nscores; c++)
			result->coefficients[(size_t) c * n + at] = machine->coefficients[(size_t) c * smo->n + v];
		at++;
		if (at % 4096 == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ml_machine_pack(ctx, solution);
}

static ml_status
fit(ml_context *ctx, const ml_problem *problem, kernel_machine *machine, uint32_t parts,
	ml_solution *solution, ml_linear_report *report)
{
	double		loss = 0;

	ML_TRY(open_rows(ctx, machine, problem, parts));
	report->converged = true;
	for (uint32_t c = 0; c < problem->nscores; c++)
	{
		ml_linear_progress(ctx, ML_PHASE_FIT, machine->smo.n, (int) c + 1, NAN);
		ML_TRY(fit_class(ctx, machine, problem, c, solution, report, &loss));
	}
	machine->has_kept = true;
	machine->kept_parts = parts;
	report->best = report->epochs;
	ML_TRY(collect(ctx, machine, problem->nscores, solution));
	solution->fitted = true;
	return ML_OK;
}

ml_status
ml_svm_kernel_fit(ml_context *ctx, const ml_problem *problem, void *state, uint32_t parts,
				  ml_solution *solution, ml_linear_report *report)
{
	kernel_machine *machine = state;
	ml_status	status;

	memset(report, 0, sizeof(*report));
	report->stop_loss = NAN;
	status = fit(ctx, problem, machine, parts, solution, report);
	forget_rows(ctx, machine);
	return status;
}
