/*-------------------------------------------------------------------------
 *
 * smo.c
 *	  Sequential minimal optimisation with second-order choice of the working
 *	  pair (Fan, Chen, Lin 2005), shrinking (Joachims 1998; Chang and Lin 2011)
 *	  and a bounded cache of kernel rows.
 *
 * f_i = y_i - sum_j beta_j K_ij is the gradient.  A step takes the i whose f_i
 * is largest among those that may rise and the j that promises most among
 * those that may sink, and moves
 *	  delta = (f_i - f_j) / (K_ii + K_jj - 2 K_ij), cut at the bounds:
 *	  beta_i += delta, beta_j -= delta, f -= delta (K_i - K_j).
 * The pass that updates f finds the next i; the pass that finds j sees how far
 * the optimum is.  Both run over whole arrays in lanes of sixteen floats.
 *
 * Shrinking moves variables that rest at a bound, and want to, behind the
 * active ones: panels, arrays and cached rows are permuted alike, so all loops
 * run over the front.  When the active ones are solved, f of the others is
 * computed anew, and if they violate the optimum all are active again.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/smo.h"

#include <math.h>

#define SHRINK_EVERY	1000	/* iterations */
#define SHRINK_LEAST	10		/* at least a tenth must go, since permuting costs */
#define POLL_EVERY		256		/* iterations, of small problems */
#define POLL_FLOATS		((size_t) 1 << 22)	/* products of a kernel row between two polls */
#define F_BYTES			((size_t) 512 << 10)	/* of panels that f is computed of at a time: about so many, ... */
#define F_PANELS		128		/* ... no more than these ... */
#define F_PANELS_LEAST	16		/* ... and no fewer */
#define NONE			UINT32_MAX

struct ml_smo_slot
{
	uint32_t	position;		/* NONE: free */
	uint32_t	newer;
	uint32_t	older;
};

static inline uint32_t
padded(uint32_t n)
{
	return (n + ML_SMO_LANES - 1) / ML_SMO_LANES * ML_SMO_LANES;
}

/* The float arrays of one element per position. */
static float **
arrays_of(ml_smo *smo, int i)
{
	float	  **arrays[] = {&smo->target, &smo->low, &smo->high, &smo->beta, &smo->f, &smo->upper, &smo->lower,
	&smo->diagonal, &smo->moved};

	return i < (int) ML_LENGTH(arrays) ? arrays[i] : NULL;
}

size_t
ml_smo_memory(size_t n, size_t width)
{
	/* nine arrays of floats; row, order, slot_of */
	return ml_size_mul(ml_size_add(n, ML_SMO_LANES), ml_size_mul(ml_size_add(width, 12), sizeof(float)));
}

static ml_status
allocate(ml_context *ctx, ml_smo *smo, size_t cache_size)
{
	size_t		n = padded(smo->n);
	void	   *memory;

	for (int i = 0; arrays_of(smo, i) != NULL; i++)
		ML_TRY(ml_alloc_zero(ctx, ml_size_mul(n, sizeof(float)), (void **) arrays_of(smo, i)));
	ML_TRY(ml_alloc_zero(ctx, ml_size_mul(n, ml_size_mul(smo->width, sizeof(float))), (void **) &smo->panels));
	ML_TRY(ml_alloc(ctx, ml_size_mul(smo->width, sizeof(float)), (void **) &smo->vector));
	ML_TRY(ml_alloc(ctx, n * sizeof(uint32_t), (void **) &smo->row));
	ML_TRY(ml_alloc(ctx, n * sizeof(uint32_t), (void **) &smo->order));
	ML_TRY(ml_alloc(ctx, n * sizeof(int32_t), (void **) &smo->slot_of));
	/* two rows at least: those of a pair */
	smo->cache_size = ML_MIN(cache_size, ml_size_mul(n, n * sizeof(float)));
	smo->cache_size = ML_MAX(smo->cache_size, 2 * n * sizeof(float));
	ML_TRY(ml_alloc(ctx, smo->cache_size, &memory));
	smo->cache = memory;
	/* shrunk rows are shorter and more of them fit; never more than there are vectors */
	return ml_alloc(ctx, ml_size_mul(n, sizeof(struct ml_smo_slot)), (void **) &smo->slots);
}

ml_status
ml_smo_open(ml_context *ctx, ml_smo *smo, uint32_t n, uint32_t width, size_t cache_size)
{
	smo->n = n;
	smo->width = width;
	ML_TRY(allocate(ctx, smo, cache_size));
	for (uint32_t i = 0; i < n; i++)
		smo->row[i] = i;
	return ML_OK;
}

void
ml_smo_close(ml_context *ctx, ml_smo *smo)
{
	for (int i = 0; arrays_of(smo, i) != NULL; i++)
		ml_release(ctx, *arrays_of(smo, i));
	ml_release(ctx, smo->panels);
	ml_release(ctx, smo->vector);
	ml_release(ctx, smo->row);
	ml_release(ctx, smo->order);
	ml_release(ctx, smo->slot_of);
	ml_release(ctx, smo->cache);
	ml_release(ctx, smo->slots);
	memset(smo, 0, sizeof(*smo));
}

/* ---------- kernel rows ---------- */

/* out[t] = K(x_position, x_t) for panels first .. last - 1; out begins at the first. */
static ml_status
compute_row(ml_context *ctx, ml_smo *smo, uint32_t position, uint32_t first, uint32_t last, float *out)
{
	size_t		step = ML_MAX(POLL_FLOATS / (ML_SMO_LANES * ML_MAX(smo->width, 1u)), (size_t) 1);
	const ml_smo_kernel *kernel = smo->kernel->smo;

	for (uint32_t k = 0; k < smo->width; k++)
		smo->vector[k] = *ml_smo_at(smo, position, k);
	for (size_t p = first; p < last; p += step)
	{
		size_t		n = ML_MIN(step, last - p);
		const float *panels = smo->panels + p * smo->width * ML_SMO_LANES;

		if (smo->kind == ML_MACHINE_RBF)
			kernel->rbf_row(out + (p - first) * ML_SMO_LANES, panels, n, smo->width, smo->vector, smo->gamma);
		else
			kernel->polynomial_row(out + (p - first) * ML_SMO_LANES, panels, n, smo->width, smo->vector,
								   smo->gamma, smo->coef0, smo->degree);
		if (last - first > step)
			ML_TRY(ml_poll(ctx));
	}
	return ML_OK;
}

/* ---------- the cache ---------- */

static void
unlink_slot(ml_smo *smo, uint32_t slot)
{
	struct ml_smo_slot *s = &smo->slots[slot];

	if (s->newer != NONE)
		smo->slots[s->newer].older = s->older;
	else
		smo->newest = s->older;
	if (s->older != NONE)
		smo->slots[s->older].newer = s->newer;
	else
		smo->oldest = s->newer;
}

static void
link_newest(ml_smo *smo, uint32_t slot)
{
	struct ml_smo_slot *s = &smo->slots[slot];

	s->newer = NONE;
	s->older = smo->newest;
	if (smo->newest != NONE)
		smo->slots[smo->newest].newer = slot;
	else
		smo->oldest = slot;
	smo->newest = slot;
}

/* Empty, with slots for rows over the active positions. */
static void
clear_cache(ml_smo *smo)
{
	smo->stride = padded(smo->nactive);
	smo->nslots = (uint32_t) ML_MIN(smo->cache_size / (smo->stride * sizeof(float)), (size_t) padded(smo->n));
	smo->newest = smo->oldest = NONE;
	for (uint32_t i = 0; i < smo->nslots; i++)
	{
		smo->slots[i].position = NONE;
		link_newest(smo, i);
	}
	for (uint32_t i = 0; i < smo->n; i++)
		smo->slot_of[i] = -1;
}

static ml_status
get_row(ml_context *ctx, ml_smo *smo, uint32_t position, const float **row)
{
	int32_t		slot = smo->slot_of[position];

	if (slot < 0)
	{
		slot = (int32_t) smo->oldest;
		if (smo->slots[slot].position != NONE)
			smo->slot_of[smo->slots[slot].position] = -1;
		smo->slots[slot].position = NONE;	/* until it is complete */
		ML_TRY(compute_row(ctx, smo, position, 0, smo->stride / ML_SMO_LANES,
						   smo->cache + (size_t) slot * smo->stride));
		smo->slots[slot].position = position;
		smo->slot_of[position] = slot;
	}
	unlink_slot(smo, (uint32_t) slot);
	link_newest(smo, (uint32_t) slot);
	*row = smo->cache + (size_t) slot * smo->stride;
	return ML_OK;
}

/* ---------- bounds ---------- */

static inline void
set_free(ml_smo *smo, uint32_t i)
{
	smo->upper[i] = smo->beta[i] < smo->high[i] ? 0 : -INFINITY;
	smo->lower[i] = smo->beta[i] > smo->low[i] ? 0 : INFINITY;
}

/* Positions behind n take part in loops over whole panels but are never chosen. */
static void
set_all_free(ml_smo *smo)
{
	for (uint32_t i = 0; i < smo->n; i++)
		set_free(smo, i);
	for (uint32_t i = smo->n; i < padded(smo->n); i++)
	{
		smo->f[i] = 0;
		smo->upper[i] = -INFINITY;
		smo->lower[i] = INFINITY;
	}
}

ml_status
ml_smo_prepare(ml_context *ctx, ml_smo *smo)
{
	float		lane[ML_SMO_LANES];

	for (uint32_t i = 0; i < smo->n; i++)
	{
		if (smo->kind == ML_MACHINE_RBF)
			smo->diagonal[i] = 1;
		else
		{
			ML_TRY(compute_row(ctx, smo, i, i / ML_SMO_LANES, i / ML_SMO_LANES + 1, lane));
			smo->diagonal[i] = lane[i % ML_SMO_LANES];
		}
		if (i % 4096 == 4095)
			ML_TRY(ml_poll(ctx));
	}
	smo->nactive = smo->n;
	clear_cache(smo);
	return ML_OK;
}

/* f of all positions of some panels. */
static ml_status
compute_panels(ml_context *ctx, ml_smo *smo, uint32_t panel, uint32_t npanels)
{
	static const float zeros[F_PANELS * ML_SMO_LANES];
	uint32_t	begin = panel * ML_SMO_LANES;
	uint32_t	size = npanels * ML_SMO_LANES;
	float		highest;

	memcpy(smo->f + begin, smo->target + begin, size * sizeof(float));
	for (uint32_t j = 0; j < smo->n; j++)
	{
		if (smo->beta[j] == 0)
			continue;
		ML_TRY(compute_row(ctx, smo, j, panel, panel + npanels, smo->moved));
		smo->kernel->smo->smo_update(smo->f + begin, smo->moved, zeros, smo->beta[j], zeros, size, &highest);
		if (j % 64 == 0)
			ML_TRY(ml_poll(ctx));
	}
	return ml_poll(ctx);
}

/* f of the positions from first on, from beta; some panels at a time, which stay in a cache. */
static ml_status
compute_f(ml_context *ctx, ml_smo *smo, uint32_t first)
{
	uint32_t	panel = first / ML_SMO_LANES;
	uint32_t	end = padded(smo->n) / ML_SMO_LANES;
	size_t		most = F_BYTES / (ML_SMO_LANES * sizeof(float)) / ML_MAX(smo->width, 1u);
	float		before[ML_SMO_LANES];

	if (first == smo->n)
		return ML_OK;
	most = ML_MIN(ML_MAX(most, (size_t) F_PANELS_LEAST), (size_t) F_PANELS);
	/* those that share a panel with the first have theirs */
	memcpy(before, smo->f + panel * ML_SMO_LANES, sizeof(before));
	for (uint32_t p = panel; p < end; p += most)
		ML_TRY(compute_panels(ctx, smo, p, (uint32_t) ML_MIN(most, end - p)));
	memcpy(smo->f + panel * ML_SMO_LANES, before, first % ML_SMO_LANES * sizeof(float));
	return ML_OK;
}

/* ---------- shrinking ---------- */

/* Array[position] = old array[order[position]] for the first n elements of four bytes. */
static void
permute(void *array, const uint32_t *order, uint32_t n, void *scratch)
{
	char	   *from = array;
	char	   *to = scratch;

	for (uint32_t i = 0; i < n; i++)
		memcpy(to + (size_t) i * 4, from + (size_t) order[i] * 4, 4);
	memcpy(array, scratch, (size_t) n * 4);
}

/*
 * Cached rows of positions that stay active, over the new positions, moved
 * together: slots are shorter and there are more of them.  order maps new
 * positions to old ones.
 */
static void
permute_cache(ml_smo *smo, uint32_t before)
{
	const uint32_t *order = smo->order;
	uint32_t	stride = padded(smo->nactive);
	uint32_t	used = 0;
	uint32_t   *place = (uint32_t *) smo->moved;	/* old position -> new */

	for (uint32_t i = 0; i < before; i++)
		place[order[i]] = i;
	for (uint32_t slot = 0; slot < smo->nslots; slot++)
	{
		const float *from = smo->cache + (size_t) slot * smo->stride;
		float	   *to = smo->cache + (size_t) used * stride;
		uint32_t	position = smo->slots[slot].position;

		if (position == NONE || place[position] >= smo->nactive)
			continue;
		/* order is ascending among those that stay, so this never overtakes itself */
		for (uint32_t i = 0; i < smo->nactive; i++)
			to[i] = from[order[i]];
		for (uint32_t i = smo->nactive; i < stride; i++)
			to[i] = 0;
		smo->slots[used++].position = place[position];
	}
	smo->stride = stride;
	smo->nslots = (uint32_t) ML_MIN(smo->cache_size / (stride * sizeof(float)), (size_t) padded(smo->n));
	for (uint32_t i = 0; i < smo->n; i++)
		smo->slot_of[i] = -1;
	smo->newest = smo->oldest = NONE;
	for (uint32_t i = 0; i < smo->nslots; i++)
	{
		if (i < used)
			smo->slot_of[smo->slots[i].position] = (int32_t) i;
		else
			smo->slots[i].position = NONE;
		link_newest(smo, i);
	}
	/* free slots are to be taken first */
	for (uint32_t i = 0; i < used; i++)
	{
		unlink_slot(smo, i);
		link_newest(smo, i);
	}
}

/* Everything by position follows smo->order, over the first "before" positions. */
static void
permute_positions(ml_smo *smo, uint32_t before)
{
	for (int i = 0; *arrays_of(smo, i) != smo->moved; i++)
		permute(*arrays_of(smo, i), smo->order, before, smo->moved);
	permute(smo->row, smo->order, before, smo->moved);
	for (uint32_t k = 0; k < smo->width; k++)
	{
		for (uint32_t i = 0; i < before; i++)
			smo->moved[i] = *ml_smo_at(smo, smo->order[i], k);
		for (uint32_t i = 0; i < before; i++)
			*ml_smo_at(smo, i, k) = smo->moved[i];
	}
}

/*
 * Variables at a bound that no pair would take, given the largest f of those
 * that may rise and the least of those that may sink, become inactive.
 */
static void
shrink(ml_smo *smo, float highest, float lowest)
{
	uint32_t	before = smo->nactive;
	uint32_t	stay = 0;
	uint32_t	go = 0;

	for (uint32_t i = 0; i < before; i++)
	{
		bool		rests = (smo->lower[i] > 0 && smo->f[i] < lowest) ||
			(smo->upper[i] < 0 && smo->f[i] > highest);

		go += rests;
	}
	if (go < before / SHRINK_LEAST || go == 0 || before - go < 2)
		return;
	go = before - go;
	for (uint32_t i = 0; i < before; i++)
	{
		bool		rests = (smo->lower[i] > 0 && smo->f[i] < lowest) ||
			(smo->upper[i] < 0 && smo->f[i] > highest);

		smo->order[rests ? go++ : stay++] = i;
	}
	smo->nactive = stay;
	permute_cache(smo, before);
	permute_positions(smo, before);
	/*
	 * the rest of the last active panel must not be chosen; unshrink sets it
	 * right
	 */
	for (uint32_t i = stay; i < padded(stay); i++)
	{
		smo->upper[i] = -INFINITY;
		smo->lower[i] = INFINITY;
	}
}

static ml_status
unshrink(ml_context *ctx, ml_smo *smo)
{
	uint32_t	first = smo->nactive;

	smo->nactive = smo->n;
	ML_TRY(compute_f(ctx, smo, first));
	set_all_free(smo);
	clear_cache(smo);
	return ML_OK;
}

/* ---------- solving ---------- */

/* The pair's step, cut at its bounds.  False: too small for floats to tell. */
static bool
move_pair(ml_smo *smo, uint32_t i, uint32_t j, float kij, float *step)
{
	float		before_i = smo->beta[i];
	float		before_j = smo->beta[j];
	float		curve = smo->diagonal[i] + smo->diagonal[j] - 2 * kij;
	float		delta = (smo->f[i] - smo->f[j]) / ML_MAX(curve, ML_SMO_FLAT);
	float		room_i = smo->high[i] - smo->beta[i];
	float		room_j = smo->beta[j] - smo->low[j];

	delta = ML_MIN(delta, ML_MIN(room_i, room_j));
	/* exactly on the bound, or it would never be seen to be there */
	smo->beta[i] = delta == room_i ? smo->high[i] : smo->beta[i] + delta;
	smo->beta[j] = delta == room_j ? smo->low[j] : smo->beta[j] - delta;
	set_free(smo, i);
	set_free(smo, j);
	*step = delta;
	return smo->beta[i] != before_i || smo->beta[j] != before_j;
}

/* The largest f that may rise, of the active ones. */
static uint32_t
find_highest(const ml_smo *smo, float *highest)
{
	uint32_t	best = 0;

	*highest = -INFINITY;
	for (uint32_t i = 0; i < smo->nactive; i++)
		if (smo->f[i] + smo->upper[i] > *highest)
		{
			best = i;
			*highest = smo->f[i];
		}
	return best;
}

/* Steps until the active variables are solved. */
static ml_status
solve_active(ml_context *ctx, ml_smo *smo, double tolerance, uint64_t max_iterations, float *highest,
			 float *lowest)
{
	const ml_smo_kernel *kernel = smo->kernel->smo;
	uint32_t	i = find_highest(smo, highest);
	uint64_t	shrink_at = smo->iterations + ML_MIN((uint64_t) smo->n, (uint64_t) SHRINK_EVERY);

	for (;;)
	{
		const float *ki;
		const float *kj;
		uint32_t	n = padded(smo->nactive);
		uint32_t	j;
		float		delta;

		*lowest = INFINITY;
		if (*highest == -INFINITY)
			return ML_OK;
		ML_TRY(get_row(ctx, smo, i, &ki));
		j = (uint32_t) kernel->smo_choose(smo->f, smo->lower, ki, smo->diagonal, smo->diagonal[i], *highest, n,
										  lowest);
		if (!(*highest - *lowest > tolerance) || smo->iterations >= max_iterations)
			return ML_OK;
		ML_TRY(get_row(ctx, smo, j, &kj));
		if (!move_pair(smo, i, j, ki[j], &delta))
			return ML_OK;
		i = (uint32_t) kernel->smo_update(smo->f, ki, kj, delta, smo->upper, n, highest);
		smo->iterations++;
		if (smo->iterations % POLL_EVERY == 0 || n > POLL_FLOATS / 16)
			ML_TRY(ml_poll(ctx));
		if (smo->iterations >= shrink_at)
		{
			shrink_at = smo->iterations + ML_MIN((uint64_t) smo->n, (uint64_t) SHRINK_EVERY);
			shrink(smo, *highest, *lowest);
			i = find_highest(smo, highest);
			ML_TRY(ml_poll(ctx));
		}
	}
}

/* Of the machine: where free variables agree, or the middle of what is allowed. */
static double
find_bias(const ml_smo *smo, float highest, float lowest)
{
	double		sum = 0;
	uint32_t	nfree = 0;

	for (uint32_t i = 0; i < smo->n; i++)
		if (smo->beta[i] > smo->low[i] && smo->beta[i] < smo->high[i])
		{
			sum += smo->f[i];
			nfree++;
		}
	if (nfree > 0)
		return sum / nfree;
	if (isfinite(highest) && isfinite(lowest))
		return ((double) highest + lowest) / 2;
	return isfinite(highest) ? highest : isfinite(lowest) ? lowest : 0;
}

ml_status
ml_smo_solve(ml_context *ctx, ml_smo *smo, double tolerance, uint64_t max_iterations, double *bias,
			 bool *converged)
{
	float		highest = 0;
	float		lowest = 0;

	smo->iterations = 0;
	smo->nactive = smo->n;
	ML_TRY(compute_f(ctx, smo, smo->nknown));
	smo->nknown = 0;
	set_all_free(smo);
	clear_cache(smo);
	for (;;)
	{
		ML_TRY(solve_active(ctx, smo, tolerance, max_iterations, &highest, &lowest));
		if (smo->nactive == smo->n)
			break;
		ML_TRY(unshrink(ctx, smo));
	}
	*converged = !(highest - lowest > tolerance);
	*bias = find_bias(smo, highest, lowest);
	return ML_OK;
}
