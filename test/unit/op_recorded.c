/*-------------------------------------------------------------------------
 *
 * op_recorded.c
 *	  Harness of the tests of ops: cases recorded with PyTorch.
 *
 * A file of test/data/ops.py is safetensors whose metadata "cases" is a list of
 * {"name", "op", "inputs": how many, "ints": {name: value}, "reals": {..}, "dims":
 * [..], "roles": a letter for each input (. whole, r rows, w words, o offsets, W and
 * O of the second set), "panels": [inputs in panels], "fixed": [inputs], "lengths":
 * [[..], [..]]}, and whose tensors are NAME.inI, NAME.outI, NAME.weightsI (the
 * gradient that comes to output I) and NAME.dinI.  What is missing is absent, or not
 * compared.
 *
 *-------------------------------------------------------------------------
 */
#include "op_machine.h"

#include "format/safetensors.h"

#include <math.h>

typedef struct recording
{
	op_checks  *checks;
	ml_safetensors file;
	const ml_json *json;		/* of the case */
	char		name[128];
	op_case		c;
	values		v;
} recording;

static const ml_tensor *
tensor_of(const recording *r, const char *part, int i)
{
	char		name[200];

	snprintf(name, sizeof(name), "%s.%s%d", r->name, part, i);
	return ml_safetensors_tensor(&r->file, name);
}

static double *
doubles_of(const ml_tensor *tensor)
{
	size_t		n = ml_tensor_elements(tensor);
	double	   *result = malloc(n * sizeof(double) + 1);

	for (size_t i = 0; i < n; i++)
		result[i] = op_get(tensor->data, tensor->dtype, i);
	return result;
}

static bool
listed(const ml_json *list, int i)
{
	if (list != NULL)
		for (const ml_json *item = list->first; item != NULL; item = item->next)
			if (item->number == i)
				return true;
	return false;
}

/* The op and its attributes; false: no such op, or an attribute that it lacks. */
static bool
read_op(recording *r)
{
	const ml_json *name = ml_json_get(r->json, "op");
	const ml_json *dims = ml_json_get(r->json, "dims");
	size_t		found = 0;
	size_t		given = 0;

	r->c.op = ml_op_find(name->string);
	if (r->c.op == NULL)
		return false;
	r->c.attributes = ml_op_standard(r->c.op);
	for (int real = 0; real < 2; real++)
	{
		const ml_json *values_of = ml_json_get(r->json, real ? "reals" : "ints");
		int			slot = 0;

		given += values_of == NULL ? 0 : values_of->count;
		for (const ml_attribute *a = r->c.op->attributes; a != NULL && a->name != NULL; a++)
		{
			const ml_json *value = values_of == NULL || a->is_real != real ? NULL : ml_json_get(values_of, a->name);

			if (value != NULL && real)
				r->c.attributes.reals[slot] = value->number;
			else if (value != NULL)
				r->c.attributes.ints[slot] = (int64_t) value->number;
			found += value != NULL;
			slot += a->is_real == real;
		}
	}
	if (dims != NULL)
		for (const ml_json *dim = dims->first; dim != NULL; dim = dim->next)
			r->c.attributes.dims[r->c.attributes.ndims++] = (ml_dim) dim->number;
	return found == given;
}

static void
read_lengths(recording *r)
{
	const ml_json *lengths = ml_json_get(r->json, "lengths");
	const ml_json *rows = ml_json_get(r->json, "rows");
	int			set = 0;

	r->c.rows = rows == NULL ? 0 : (int) rows->number;
	if (lengths != NULL)
		for (const ml_json *list = lengths->first; list != NULL && set < 2; list = list->next, set++)
		{
			int			row = 0;

			for (const ml_json *length = list->first; length != NULL && row < OP_ROWS_MAX; length = length->next)
				r->c.lengths[set][row++] = (int64_t) length->number;
			r->c.rows = row;
		}
	r->v.rows = r->c.rows;
	memcpy(r->v.lengths, r->c.lengths, sizeof(r->v.lengths));
}

static void
read_input(recording *r, int i)
{
	static const char letters[] = ".rwoWO";
	const ml_json *roles = ml_json_get(r->json, "roles");
	const ml_tensor *tensor = tensor_of(r, "in", i);
	op_input   *in = &r->c.in[i];

	if (tensor == NULL)
	{
		in->absent = true;
		return;
	}
	in->dtype = tensor->dtype == ML_F32 ? ML_F64 : tensor->dtype;
	in->ndims = tensor->ndims;
	for (int d = 0; d < tensor->ndims; d++)
		in->dims[d] = (int64_t) tensor->dims[d];
	in->fixed = listed(ml_json_get(r->json, "fixed"), i);
	in->layout = listed(ml_json_get(r->json, "panels"), i) ? ML_PANELS : ML_PLAIN;
	if (roles != NULL && i < (int) roles->string.size)
		in->role = (op_role) (strchr(letters, roles->string.data[i]) - letters);
	r->v.in[i] = doubles_of(tensor);
}

/* Outputs and gradients of a run against the recorded ones; the largest difference. */
static double
error_of(const recording *r, const machine *m)
{
	double		worst = 0;

	for (int i = 0; i < OP_INPUTS + r->c.op->nout; i++)
	{
		bool		gradient = i < OP_INPUTS;
		int			k = gradient ? i : i - OP_INPUTS;
		const ml_tensor *tensor = tensor_of(r, gradient ? "din" : "out", k);
		int32_t		value = gradient ? m->din[k] : m->out[k];
		size_t		n;
		double	   *got;
		double	   *expected;

		if (tensor == NULL)
			continue;
		expected = doubles_of(tensor);
		if (value == ML_NO_VALUE)
		{
			/* no gradient flows: zeros */
			n = ml_tensor_elements(tensor);
			got = calloc(n + 1, sizeof(double));
		}
		else
			got = op_read_out(m, value, &n);
		worst = fmax(worst, n == ml_tensor_elements(tensor) ? op_difference(got, expected, n) : INFINITY);
		free(got);
		free(expected);
	}
	return worst;
}

static double
run_at(recording *r, ml_dtype dtype, const ml_kernel *kernel)
{
	ml_context *ctx = &r->checks->host->ctx;
	machine		m;
	ml_status	status = op_machine_open(ctx, &r->c, dtype, kernel, true, &m);
	double		worst = INFINITY;

	status = status == ML_OK ? op_machine_bind(&m, &r->v) : status;
	if (status == ML_OK)
	{
		op_feed_all(&m, &r->v);
		status = ml_runner_run(ctx, m.runner, false);
	}
	if (status == ML_OK)
		worst = error_of(r, &m);
	else
		unit_note("  %s", ctx->error.text);
	op_machine_close(&m);
	return worst;
}

static void
check_recording(recording *r)
{
	const ml_json *inputs = ml_json_get(r->json, "inputs");
	static const ml_level levels[] = {ML_LEVEL_REF, ML_LEVEL_AVX2, ML_LEVEL_AVX512};
	double		error;
	bool		right = true;

	r->checks->recorded++;
	if (!read_op(r))
	{
		unit_note("%s: no such op or attribute", r->name);
		r->checks->failed[OP_FAILED_RECORDED]++;
		return;
	}
	r->c.nin = (int) inputs->number;
	read_lengths(r);
	for (int i = 0; i < r->c.nin; i++)
		read_input(r, i);
	for (int i = 0; i < r->c.op->nout; i++)
	{
		const ml_tensor *tensor = tensor_of(r, "weights", i);

		r->c.unread |= tensor == NULL ? 1u << i : 0;
		r->v.weights[i] = tensor == NULL ? NULL : doubles_of(tensor);
	}
	if (r->c.unread == (1u << r->c.op->nout) - 1)
		for (int i = 0; i < r->c.nin; i++)
			r->c.in[i].fixed = true;
	error = run_at(r, ML_F64, &ml_kernel_ref);
	r->checks->worst_recorded = fmax(r->checks->worst_recorded, error);
	right = error <= 1e-9;
	for (size_t l = 0; l < ML_LENGTH(levels); l++)
		right &= run_at(r, ML_F32, ml_kernel_select(levels[l])) <= 1e-4;
	if (!right)
	{
		unit_note("%s: differs from PyTorch's by %g in F64", r->name, error);
		r->checks->failed[OP_FAILED_RECORDED]++;
	}
	op_values_free(&r->v);
}

void
op_check_recorded(op_checks *checks, const char *file)
{
	ml_context *ctx = &checks->host->ctx;
	recording	r = {.checks = checks};
	ml_arena	arena = {0};
	size_t		size;
	char	   *bytes = unit_data(file, &size);
	const ml_json *cases = NULL;
	ml_status	status = bytes == NULL ? ML_IO : ml_safetensors_read(ctx, &arena, bytes, size, &r.file);

	if (status == ML_OK)
		status = ml_json_parse(ctx, &arena, ml_safetensors_metadata(&r.file, "cases"), ML_BAD_MODEL, &cases);
	if (status != ML_OK)
	{
		unit_note("%s can't be read: %s", file, ctx->error.text);
		checks->failed[OP_FAILED_RECORDED]++;
	}
	else
		for (const ml_json *c = cases->first; c != NULL; c = c->next)
		{
			const ml_json *name = ml_json_get(c, "name");

			r.json = c;
			r.c = (op_case) {0};
			r.v = (values) {0};
			snprintf(r.name, sizeof(r.name), "%.*s", (int) name->string.size, name->string.data);
			check_recording(&r);
		}
	ml_arena_free(ctx, &arena);
	free(bytes);
}
