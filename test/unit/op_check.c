/*-------------------------------------------------------------------------
 *
 * op_check.c
 *	  Harness of the tests of ops; see op_check.h.
 *
 *-------------------------------------------------------------------------
 */
#include "op_machine.h"

#include <math.h>

/* ---- drawing values ---- */

static double
draw(op_checks *checks, const op_input *in, size_t i, const int *places)
{
	bool		standard = in->low == 0 && in->high == 0;
	double		low = standard ? -1 : in->low;
	double		high = standard ? 1 : in->high;

	if (in->draw == OP_GIVEN)
		return in->values[i];
	if (in->dtype == ML_BOOL && standard)
		return (double) op_pick(checks, 0, 1);
	if (in->dtype != ML_F64)
		return (double) op_pick(checks, (int64_t) low, (int64_t) high);
	if (in->draw == OP_APART)
		return (float) ((places[i] + 0.5) * 0.02 * (ml_rng_double(&checks->rng) < 0.5 ? -1 : 1));
	return (float) (low + (high - low) * ml_rng_double(&checks->rng));
}

/* Places 0 .. n - 1 in random order; of inputs that must differ, one permutation of all. */
static int *
permutation(op_checks *checks, int n)
{
	int		   *p = malloc(sizeof(int) * (n + 1));

	for (int i = 0; i < n; i++)
		p[i] = i;
	for (int i = n - 1; i > 0; i--)
	{
		int			j = (int) op_pick(checks, 0, i);
		int			kept = p[i];

		p[i] = p[j];
		p[j] = kept;
	}
	return p;
}

static void
draw_inputs(op_checks *checks, const op_case *c, values *v)
{
	int			apart = 0;
	int		   *places;

	*v = (values) {.rows = c->rows};
	memcpy(v->lengths, c->lengths, sizeof(v->lengths));
	for (int i = 0; i < c->nin; i++)
		apart += c->in[i].draw == OP_APART ? (int) op_elements(&c->in[i], v) : 0;
	places = permutation(checks, apart);
	for (int i = 0, at = 0; i < c->nin; i++)
	{
		const op_input *in = &c->in[i];
		size_t		n = op_elements(in, v);
		int64_t		offset = 0;

		v->in[i] = malloc(n * sizeof(double) + 1);
		for (size_t k = 0; k < n; k++)
			if (in->role == OP_OFFSETS || in->role == OP_OFFSETS_2)
			{
				v->in[i][k] = (double) offset;
				offset += (int64_t) k < v->rows ? v->lengths[op_set(in->role)][k] : 0;
			}
			else
				v->in[i][k] = draw(checks, in, k, places + at);
		at += in->draw == OP_APART ? (int) n : 0;
	}
	free(places);
}

static void
draw_weights(op_checks *checks, const machine *m, values *v)
{
	for (int i = 0; i < m->c->op->nout; i++)
		if (m->weights[i] != ML_NO_VALUE)
		{
			int64_t		dims[ML_MAX_DIMS];
			size_t		n = 1;

			op_numbers(&m->graph->values[m->weights[i]].shape, m, dims);
			for (int d = 0; d < m->graph->values[m->weights[i]].shape.ndims; d++)
				n *= (size_t) dims[d];
			v->weights[i] = malloc(n * sizeof(double) + 1);
			for (size_t k = 0; k < n; k++)
				v->weights[i][k] = (float) (2 * ml_rng_double(&checks->rng) - 1);
		}
}

/* ---- checks ---- */

static bool
fail(op_checks *checks, const op_case *c, int kind, const char *what)
{
	if (checks->failed[kind]++ < 5)
	{
		unit_note("%s: case %d of %s: %s", checks->name, checks->cases, c->op->name, what);
		for (int i = 0; i < c->nin; i++)
			unit_note("  in%d: %s%s%s dims %d: %lld %lld %lld %lld", i, c->in[i].absent ? "absent " : "",
					  c->in[i].strided ? "strided " : "", ml_dtypes[c->in[i].dtype].name, c->in[i].ndims,
					  (long long) c->in[i].dims[0], (long long) c->in[i].dims[1],
					  (long long) c->in[i].dims[2], (long long) c->in[i].dims[3]);
	}
	return false;
}

/* The sum of weighted outputs. */
static double
weighted_sum(const machine *m, const values *v)
{
	double		sum = 0;

	for (int i = 0; i < m->c->op->nout; i++)
		if (m->weights[i] != ML_NO_VALUE)
		{
			size_t		n;
			double	   *out = op_read_out(m, m->out[i], &n);

			for (size_t k = 0; k < n; k++)
				sum += out[k] * v->weights[i][k];
			free(out);
		}
	return sum;
}

static double
sum_at(machine *m, values *v, int i, size_t k, double value)
{
	double		kept = v->in[i][k];

	v->in[i][k] = value;
	op_feed(m, i, m->fed[i], v->in[i], m->c->in[i].strided);
	v->in[i][k] = kept;
	if (ml_runner_run(m->ctx, m->runner, false) != ML_OK)
		return NAN;
	return weighted_sum(m, v);
}

/* Differences of fourth order at some elements of each input. */
static bool
check_gradients(op_checks *checks, machine *m, values *v)
{
	const op_case *c = m->c;
	double		h = c->step == 0 ? 1e-3 : c->step;
	double	   *gradients[OP_INPUTS] = {0};
	size_t		n[OP_INPUTS];
	double		worst = 0;

	for (int i = 0; i < c->nin; i++)
		if (m->din[i] != ML_NO_VALUE)
			gradients[i] = op_read_out(m, m->din[i], &n[i]);
		else if (c->op->backward != NULL && !c->in[i].absent && !c->in[i].fixed && c->in[i].dtype == ML_F64)
		{
			/* a rule that gives none says that it is 0 */
			n[i] = ml_view_elements(ml_runner_view(m->runner, m->fed[i]));
			gradients[i] = calloc(n[i] + 1, sizeof(double));
		}
	for (int i = 0; i < c->nin; i++)
	{
		double		largest = 1e-4;

		if (gradients[i] == NULL)
			continue;
		for (size_t k = 0; k < n[i]; k++)
			largest = fmax(largest, fabs(gradients[i][k]));
		for (int probe = 0; probe < 8 && n[i] > 0; probe++)
		{
			size_t		k = n[i] <= 8 ? (size_t) probe : (size_t) op_pick(checks, 0, (int64_t) n[i] - 1);
			double		x;
			double		slope;

			if (k >= n[i])
				break;
			x = v->in[i][k];
			slope = (8 * (sum_at(m, v, i, k, x + h) - sum_at(m, v, i, k, x - h)) -
					 (sum_at(m, v, i, k, x + 2 * h) - sum_at(m, v, i, k, x - 2 * h))) / (12 * h);
			/* differences of what doesn't change are not quite 0 */
			x = m->din[i] == ML_NO_VALUE && fabs(slope) < 1e-9 ? 0 :
				fabs(slope - gradients[i][k]) / fmax(fabs(slope), 0.01 * largest);
			worst = isnan(x) ? INFINITY : fmax(worst, x);
			checks->gradients++;
		}
		op_feed(m, i, m->fed[i], v->in[i], c->in[i].strided);
	}
	for (int i = 0; i < c->nin; i++)
		free(gradients[i]);
	checks->worst_gradient = fmax(checks->worst_gradient, worst);
	return worst <= 1e-6;
}

/* Outputs and gradients of two machines. */
static double
compare(const machine *a, const machine *b, bool outputs_only)
{
	double		worst = 0;

	for (int i = 0; i < OP_INPUTS + a->c->op->nout; i++)
	{
		int			o = i - OP_INPUTS;
		int32_t		value = i < OP_INPUTS ? a->din[i] : a->out[o];
		size_t		n;
		double	   *x;
		double	   *y;

		if (value == ML_NO_VALUE || (i < OP_INPUTS && outputs_only) ||
			(o >= 0 && (a->c->hidden >> o & 1) != 0))
			continue;
		x = op_read_out(a, value, &n);
		y = op_read_out(b, i < OP_INPUTS ? b->din[i] : b->out[o], &n);
		worst = fmax(worst, op_difference(x, y, n));
		free(x);
		free(y);
	}
	return worst;
}

/* Levels that this machine has, other than ref. */
static const ml_level levels[] = {ML_LEVEL_AVX2, ML_LEVEL_AVX512};

static bool
check_levels(op_checks *checks, const op_case *c, const machine *ref, const values *v)
{
	machine		at[ML_LENGTH(levels)];
	int			n = 0;
	bool		right = true;

	for (size_t l = 0; l < ML_LENGTH(levels); l++)
	{
		const ml_kernel *kernel = ml_kernel_select(levels[l]);
		ml_status	status;

		if (kernel->level != levels[l])
			continue;
		status = op_machine_open(ref->ctx, c, ML_F32, kernel, true, &at[n]);
		status = status == ML_OK ? op_machine_bind(&at[n], v) : status;
		if (status == ML_OK)
			op_feed_all(&at[n], v);
		status = status == ML_OK ? ml_runner_run(ref->ctx, at[n].runner, false) : status;
		n++;
		if (status != ML_OK)
		{
			right = fail(checks, c, OP_FAILED_LEVEL, ref->ctx->error.text);
			break;
		}
		if (compare(&at[n - 1], ref, true) > (c->rounded > 0 ? c->rounded : c->inexact ? 1e-5 : 0) ||
			compare(&at[n - 1], ref, false) > ML_MAX(c->rounded, 1e-4))
			right = fail(checks, c, OP_FAILED_LEVEL, kernel->name);
		if (n == 2 && right && c->rounded == 0 && compare(&at[0], &at[1], true) > 0)
			right = fail(checks, c, OP_FAILED_LEVEL, "avx2 and avx512 differ");
	}
	while (n > 0)
		op_machine_close(&at[--n]);
	return right;
}

/* ---- rows alone and in another order ---- */

static int64_t
row_begin(const values *v, op_role role, int64_t row)
{
	int64_t		begin = 0;

	if (role == OP_ROWS)
		return row;
	for (int64_t r = 0; r < row; r++)
		begin += v->lengths[op_set(role)][r];
	return begin;
}

static int64_t
row_size(const values *v, op_role role, int64_t row)
{
	return role == OP_ROWS ? 1 : v->lengths[op_set(role)][row];
}

/* The values of some rows, in this order. */
static void
take_rows(const op_case *c, const values *from, const int64_t *order, int64_t n, values *to)
{
	*to = (values) {.rows = n};
	for (int set = 0; set < 2; set++)
		for (int64_t r = 0; r < n; r++)
			to->lengths[set][r] = from->lengths[set][order[r]];
	for (int i = 0; i < c->nin; i++)
	{
		const op_input *in = &c->in[i];
		size_t		size = op_elements(in, to);
		size_t		at = 0;
		size_t		width = 1;

		to->in[i] = malloc(size * sizeof(double) + 1);
		for (int d = 1; d < in->ndims; d++)
			width *= (size_t) in->dims[d];
		if (in->role == OP_WHOLE)
			memcpy(to->in[i], from->in[i], size * sizeof(double));
		else if (in->role == OP_OFFSETS || in->role == OP_OFFSETS_2)
			for (int64_t r = 0; r <= n; r++)
				to->in[i][r] = (double) row_begin(to, in->role, r);
		else
			for (int64_t r = 0; r < n; r++)
			{
				size_t		elements = (size_t) row_size(from, in->role, order[r]) * width;

				memcpy(to->in[i] + at, from->in[i] + (size_t) row_begin(from, in->role, order[r]) * width,
					   elements * sizeof(double));
				at += elements;
			}
	}
}

/* Do rows order[] of "all" have the bits of rows 0 .. n - 1 of "some"? */
static bool
same_rows(const machine *all, const values *all_values, const machine *some, const values *some_values,
		  const int64_t *order, int64_t n)
{
	bool		same = true;

	for (int o = 0; o < all->c->op->nout; o++)
	{
		op_role		role = all->c->out[o];
		size_t		total;
		size_t		width;
		size_t		ignored;
		double	   *a;
		double	   *b;

		if (role == OP_WHOLE || (all->c->unread >> o & 1) != 0)
			continue;
		a = op_read_out(all, all->out[o], &total);
		b = op_read_out(some, some->out[o], &ignored);
		width = total / (size_t) ML_MAX(op_first_dim(all_values, role), 1);
		for (int64_t r = 0; r < n; r++)
			same &= memcmp(a + (size_t) row_begin(all_values, role, order[r]) * width,
						   b + (size_t) row_begin(some_values, role, r) * width,
						   (size_t) row_size(some_values, role, r) * width * sizeof(double)) == 0;
		free(a);
		free(b);
	}
	return same;
}

static bool
check_rows_at(op_checks *checks, const op_case *c, const values *v, const ml_kernel *kernel)
{
	machine		all;
	machine		some;
	int64_t		order[OP_ROWS_MAX];
	ml_status	status = op_machine_open(&checks->host->ctx, c, ML_F32, kernel, false, &all);
	bool		right = true;

	status = status == ML_OK ? op_machine_bind(&all, v) : status;
	if (status == ML_OK)
		op_feed_all(&all, v);
	status = status == ML_OK ? ml_runner_run(&checks->host->ctx, all.runner, false) : status;
	for (int64_t first = -1; first < v->rows && status == ML_OK && right; first++)
	{
		int64_t		n = first < 0 ? v->rows : 1;
		values		part;

		for (int64_t r = 0; r < n; r++)
			order[r] = first < 0 ? v->rows - 1 - r : first;
		take_rows(c, v, order, n, &part);
		status = op_machine_open(&checks->host->ctx, c, ML_F32, kernel, false, &some);
		status = status == ML_OK ? op_machine_bind(&some, &part) : status;
		if (status == ML_OK)
			op_feed_all(&some, &part);
		status = status == ML_OK ? ml_runner_run(&checks->host->ctx, some.runner, false) : status;
		if (status == ML_OK && !same_rows(&all, v, &some, &part, order, n))
			right = fail(checks, c, OP_FAILED_ROWS, kernel->name);
		op_machine_close(&some);
		op_values_free(&part);
	}
	op_machine_close(&all);
	return status == ML_OK ? right : fail(checks, c, OP_FAILED_ROWS, checks->host->ctx.error.text);
}

static bool
check_rows(op_checks *checks, const op_case *c, const values *v)
{
	bool		compared = false;
	bool		right = true;

	for (int o = 0; o < c->op->nout; o++)
		compared |= c->out[o] != OP_WHOLE && (c->unread >> o & 1) == 0;
	if (!compared)
		return true;
	checks->row_cases++;
	right = check_rows_at(checks, c, v, &ml_kernel_ref);
	for (size_t l = 0; l < ML_LENGTH(levels); l++)
		if (ml_kernel_select(levels[l])->level == levels[l])
			right &= check_rows_at(checks, c, v, ml_kernel_select(levels[l]));
	return right;
}

/* ---- kernels that add ---- */

/* The op's kernel once more, adding to a copy of its own result: twice that. */
static bool
check_add(op_checks *checks, const machine *m)
{
	const op_case *c = m->c;
	ml_view		in[OP_INPUTS] = {{0}};
	ml_view		out = *ml_runner_view(m->runner, m->out[0]);
	const ml_shape *shapes[OP_INPUTS] = {0};
	const ml_shape *to = &m->graph->values[m->out[0]].shape;
	ml_op_run	run = {
		.ctx = m->ctx, .kernel = m->runner->kernel, .attributes = &c->attributes, .nin = c->nin, .nout = 1,
		.in = in, .out = &out, .add = true, .seed = m->runner->seed
	};
	size_t		bytes = ml_storage_bytes(out.dtype, out.layout, out.ndims, out.dims);
	size_t		elements = bytes / ml_dtypes[out.dtype].block_bytes;
	void	   *once = malloc(bytes + 1);
	void	   *workspace = NULL;
	const ml_op_kernel *kernel;
	bool		right = true;

	for (int i = 0; i < c->nin; i++)
		if (m->fed[i] != ML_NO_VALUE)
		{
			shapes[i] = &m->graph->values[m->fed[i]].shape;
			in[i] = *ml_runner_view(m->runner, m->fed[i]);
			in[i].data = m->storage[i];
		}
	kernel = &c->op->kernels[ml_op_choose(c->op, c->nin, shapes, 1, &to)];
	if (kernel->workspace != NULL)
		run.workspace = workspace = aligned_alloc(64, ml_size_align(kernel->workspace(&run) + 1, 64));
	memcpy(once, out.data, bytes);
	checks->add_cases++;
	if (kernel->run(&run) != ML_OK)
		right = fail(checks, c, OP_FAILED_ADD, m->ctx->error.text);
	for (size_t i = 0; i < elements && right; i++)
	{
		double		first = op_get(once, out.dtype, i);
		double		both = op_get(out.data, out.dtype, i);

		if (!(fabs(both - 2 * first) <= 1e-12 * fabs(first) + 1e-13) && isfinite(first))
			right = fail(checks, c, OP_FAILED_ADD, "adding to a result is not twice the result");
	}
	free(once);
	free(workspace);
	return right;
}

/* ---- a case ---- */

static bool
is_strided(const op_case *c)
{
	for (int i = 0; i < c->nin; i++)
		if (c->in[i].strided)
			return true;
	return false;
}

/* F64 with gradients, F32 with gradients by ref, the other levels, rows. */
static bool
check_values(op_checks *checks, const op_case *c, values *v)
{
	machine		wide;
	machine		narrow = {0};
	ml_context *ctx = &checks->host->ctx;
	ml_status	status = op_machine_open(ctx, c, ML_F64, &ml_kernel_ref, true, &wide);
	bool		right = true;

	status = status == ML_OK ? op_machine_bind(&wide, v) : status;
	if (status == ML_OK)
	{
		draw_weights(checks, &wide, v);
		op_feed_all(&wide, v);
		status = ml_runner_run(ctx, wide.runner, false);
	}
	if (status == ML_OK && c->op->backward != NULL && !check_gradients(checks, &wide, v))
		right = fail(checks, c, OP_FAILED_GRADIENT, "the gradient is not that of differences");
	status = status == ML_OK ? ml_runner_run(ctx, wide.runner, false) : status;
	status = status == ML_OK ? op_machine_open(ctx, c, ML_F32, &ml_kernel_ref, true, &narrow) : status;
	status = status == ML_OK ? op_machine_bind(&narrow, v) : status;
	if (status == ML_OK)
	{
		op_feed_all(&narrow, v);
		status = ml_runner_run(ctx, narrow.runner, false);
	}
	if (status == ML_OK)
	{
		double		error = compare(&narrow, &wide, false);

		checks->worst_f32 = fmax(checks->worst_f32, error);
		if (error > ML_MAX(c->rounded, 1e-4))
			right = fail(checks, c, OP_FAILED_F32, "F32 is not what F64 is");
		right &= check_levels(checks, c, &narrow, v);
		if ((c->op->flags & ML_OP_ADDS) != 0 && !is_strided(c))
			right &= check_add(checks, &wide);
	}
	else
		right = fail(checks, c, OP_FAILED_ERROR, ctx->error.text);
	if (narrow.ctx != NULL)
		op_machine_close(&narrow);
	op_machine_close(&wide);
	return right && check_rows(checks, c, v);
}

bool
op_check(op_checks *checks, const op_case *c)
{
	values		v;
	bool		right;

	checks->cases++;
	draw_inputs(checks, c, &v);
	right = check_values(checks, c, &v);
	op_values_free(&v);
#ifdef ML_MUTATE
	if (!right)
		exit(1);				/* found: ../mutate.sh */
#endif
	return right;
}

/* ---- drawing cases ---- */

int64_t
op_pick(op_checks *checks, int64_t low, int64_t high)
{
	return low + (int64_t) (ml_rng_next(&checks->rng) % (uint64_t) (high - low + 1));
}

int64_t
op_dim(op_checks *checks)
{
	static const int64_t dims[] = {1, 2, 3, 4, 5, 7, 13, 16, 17, 31, 32, 33};

	return dims[op_pick(checks, 0, ML_LENGTH(dims) - 1)];
}

void
op_pick_rows(op_checks *checks, op_case *c, int most_rows, int most_words)
{
	c->rows = (int) op_pick(checks, 1, most_rows);
	for (int set = 0; set < 2; set++)
		for (int r = 0; r < c->rows; r++)
			c->lengths[set][r] = op_pick(checks, 0, 4) == 0 ? 0 : op_pick(checks, 1, most_words);
}

op_input
op_floats(int ndims, const int64_t *dims)
{
	op_input	in = {.dtype = ML_F64, .ndims = ndims};

	for (int d = 0; d < ndims; d++)
		in.dims[d] = dims[d];
	return in;
}

/* ---- all cases ---- */

void
op_checks_open(op_checks *checks, unit_host *host, const char *name)
{
	*checks = (op_checks) {.host = host, .name = name};
	ml_rng_seed(&checks->rng, ml_hash(name, strlen(name), 1));
}

void
op_checks_close(op_checks *checks, int least)
{
	const char *name = checks->name;
	const int  *failed = checks->failed;

	if (checks->cases > 0)
	{
		unit_note("%s: %d cases, %d gradients to %.1e, F32 to %.1e, %d by rows, %d that add", name,
				  checks->cases, checks->gradients, checks->worst_gradient, checks->worst_f32,
				  checks->row_cases, checks->add_cases);
		unit_ok(checks->cases >= least && failed[OP_FAILED_ERROR] == 0, "%s: at least %d cases run", name, least);
		unit_is_int(failed[OP_FAILED_F32], 0, "%s: F32 gives what F64 gives", name);
		unit_is_int(failed[OP_FAILED_LEVEL], 0, "%s: all levels give what ref gives", name);
	}
	if (checks->gradients > 0)
		unit_is_int(failed[OP_FAILED_GRADIENT], 0, "%s: gradients are those of differences", name);
	if (checks->row_cases > 0)
		unit_is_int(failed[OP_FAILED_ROWS], 0, "%s: rows don't depend on others", name);
	if (checks->add_cases > 0)
		unit_is_int(failed[OP_FAILED_ADD], 0, "%s: gradients are added to others", name);
	if (checks->recorded > 0)
		unit_note("%s: %d cases recorded, to %.1e", name, checks->recorded, checks->worst_recorded);
	if (checks->recorded > 0 || failed[OP_FAILED_RECORDED] > 0)
		unit_is_int(failed[OP_FAILED_RECORDED], 0, "%s: what PyTorch gave", name);
}
