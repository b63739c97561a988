/*-------------------------------------------------------------------------
 *
 * test_layers.c
 *	  Networks of each layer against PyTorch (test/data/layers.py): parameters by
 *	  name and shape, outputs, losses, gradients, states; in double, and in single
 *	  precision at all CPU levels; trained and in inference.
 *
 *-------------------------------------------------------------------------
 */
#include "toy_network.h"

#include "base/json.h"
#include "format/safetensors.h"

#define ROWS_MAX	16

typedef struct recording
{
	ml_context *ctx;
	ml_safetensors file;
	const ml_json *json;		/* of the case */
	ml_text		spec;
	int			rows;
	int			nfeeds;
	ml_feed		feeds[ML_FEEDS_MAX];
	int32_t		ends[ML_FEEDS_MAX][ROWS_MAX + 1];
	const int32_t *offsets[ML_FEEDS_MAX];
	void	   *inputs[ML_FEEDS_MAX + 3];	/* in the type of the graph; malloc'ed */
	bool		bf16;			/* factors of products in training */
	double		worst;			/* difference, relative to the largest number of its tensor */
	char		where[64];
} recording;

static const ml_tensor *
tensor_of(const recording *r, const char *kind, const char *name)
{
	char		path[200];
	ml_text		number = ml_json_get(r->json, "name")->string;

	snprintf(path, sizeof(path), "%.*s.%s%s%s", (int) number.size, number.data, kind, name[0] ? "." : "", name);
	return ml_safetensors_tensor(&r->file, path);
}

/* The numbers of a tensor in a type; malloc'ed. */
static void *
numbers_of(const ml_tensor *tensor, ml_dtype dtype)
{
	size_t		n = ml_tensor_elements(tensor);
	char	   *result = malloc(n * 8 + 8);

	for (size_t i = 0; i < n; i++)
		if (tensor->dtype == ML_I32)
			((int32_t *) (void *) result)[i] = ((const int32_t *) tensor->data)[i];
		else if (dtype == ML_F64)
			((double *) (void *) result)[i] = ((const float *) tensor->data)[i];
		else
			((float *) (void *) result)[i] = ((const float *) tensor->data)[i];
	return result;
}

static void
compare(recording *r, const char *kind, const char *name, ml_dtype dtype, const void *got)
{
	const ml_tensor *tensor = tensor_of(r, kind, name);
	size_t		n = tensor == NULL ? 0 : ml_tensor_elements(tensor);
	double		largest = 1e-2;

	if (tensor == NULL)
		r->worst = INFINITY;
	for (size_t i = 0; i < n; i++)
		largest = fmax(largest, fabs((double) ((const float *) tensor->data)[i]));
	for (size_t i = 0; i < n; i++)
	{
		double		number = dtype == ML_F64 ? ((const double *) got)[i] : (double) ((const float *) got)[i];
		double		difference = fabs(number - (double) ((const float *) tensor->data)[i]) / largest;

		if (!(difference <= r->worst))
		{
			r->worst = isnan(difference) ? INFINITY : difference;
			snprintf(r->where, sizeof(r->where), "%s.%s[%zu]", kind, name, i);
		}
	}
}

/* ---- a case ---- */

static int64_t
integer(const ml_json *object, const char *name)
{
	int64_t		value = 0;

	(void) ml_json_integer(ml_json_get(object, name), 0, 1 << 20, &value);
	return value;
}

static void
read_feed(recording *r, const ml_json *node, int i)
{
	static const char *const kinds[] = {"numbers", "tokens", "image", "series"};
	ml_feed    *feed = &r->feeds[i];
	const ml_json *length = ml_json_get(r->json, "lengths")->first;

	*feed = (ml_feed) {
		.name = ml_json_get(node, "name")->string, .size = integer(node, "size"), .height = integer(node, "height"),
		.width = integer(node, "width"), .channels = integer(node, "channels"), .length = integer(node, "length")
	};
	for (int k = 0; k < 4; k++)
		if (ml_text_equal(ml_json_get(node, "kind")->string, unit_text(kinds[k])))
			feed->kind = (ml_feed_kind) k;
	r->rows = 0;
	for (; length != NULL; length = length->next, r->rows++)
		r->ends[i][r->rows + 1] = r->ends[i][r->rows] + (int32_t) (feed->length > 0 ? feed->length : (int64_t) length->number);
	r->offsets[i] = r->ends[i];
}

static void
read_case(recording *r, ml_buffer *spec)
{
	r->nfeeds = 0;
	memset(r->ends, 0, sizeof(r->ends));
	for (const ml_json *node = ml_json_get(r->json, "feeds")->first; node != NULL; node = node->next)
		read_feed(r, node, r->nfeeds++);
	spec->size = 0;
	(void) ml_json_write(r->ctx, spec, ml_json_get(r->json, "spec"));
	r->spec = (ml_text) {spec->data, spec->size};
	r->worst = 0;
	r->where[0] = '\0';
}

static ml_network_task
task_of(const recording *r, ml_dtype dtype, bool training)
{
	uint32_t	nlabels = (uint32_t) integer(r->json, "nlabels");

	return (ml_network_task) {
		.classification = nlabels > 0, .nlabels = nlabels, .nfeeds = r->nfeeds, .feeds = r->feeds, .dtype = dtype,
		.training = training, .bf16 = r->bf16
	};
}

/* Set parameters and states; true: all that the network has were recorded with these shapes, and no others. */
static bool
set_values(recording *r, toy_network *t)
{
	const ml_graph *graph = t->network.graph;
	uint32_t	n = 0;
	uint32_t	recorded = 0;
	bool		right = true;
	char		number[32];
	size_t		length;

	for (int32_t i = 0; i < graph->nvalues; i++)
	{
		bool		state = graph->values[i].kind == ML_VALUE_STATE;
		const ml_tensor *tensor;
		char		name[TOY_NAME];
		void	   *numbers;
		bool		same;

		if (!state && graph->values[i].kind != ML_VALUE_PARAMETER)
			continue;
		tensor = tensor_of(r, state ? "s" : "p", toy_network_name(t, i, name));
		same = tensor != NULL && tensor->ndims == graph->values[i].shape.ndims;
		for (int d = 0; same && d < tensor->ndims; d++)
			same = (int64_t) tensor->dims[d] == graph->values[i].shape.dims[d];
		if (!same)
		{
			unit_note("%s has another shape, or is unknown", name);
			right = false;
			continue;
		}
		numbers = numbers_of(tensor, graph->dtype);
		ml_layout_write(&graph->values[i], graph->dtype, toy_network_at(t, state ? 2 : 0, i), numbers);
		free(numbers);
		n++;
	}
	length = (size_t) snprintf(number, sizeof(number), "%.*s.", (int) ml_json_get(r->json, "name")->string.size,
							   ml_json_get(r->json, "name")->string.data);
	for (uint32_t i = 0; i < r->file.ntensors; i++)
	{
		ml_text		name = r->file.tensors[i].name;

		recorded += name.size > length + 2 && memcmp(name.data, number, length) == 0 &&
			(memcmp(name.data + length, "p.", 2) == 0 || memcmp(name.data + length, "s.", 2) == 0);
	}
	return right && n == recorded;
}

/* Inputs from now on; they live until free_inputs. */
static void
set_inputs(recording *r, toy_network *t, bool training)
{
	const ml_network *n = &t->network;
	ml_dtype	dtype = n->graph->dtype;
	const ml_tensor *weights = tensor_of(r, "weights", "");
	double		sum = 0;

	for (int i = 0; i < r->nfeeds; i++)
	{
		char		name[TOY_NAME];

		snprintf(name, sizeof(name), "%.*s", (int) r->feeds[i].name.size, r->feeds[i].name.data);
		r->inputs[i] = numbers_of(tensor_of(r, "feed", name), dtype);
		t->runner->inputs[n->feeds[i].data] = r->inputs[i];
	}
	if (!training)
		return;
	r->inputs[r->nfeeds] = numbers_of(tensor_of(r, "targets", ""), dtype);
	r->inputs[r->nfeeds + 1] = numbers_of(weights, dtype);
	r->inputs[r->nfeeds + 2] = malloc(8);
	for (int i = 0; i < r->rows; i++)
		sum += (double) ((const float *) weights->data)[i];
	if (dtype == ML_F64)
		*(double *) r->inputs[r->nfeeds + 2] = 1 / sum;
	else
		*(float *) r->inputs[r->nfeeds + 2] = (float) (1 / sum);
	t->runner->inputs[n->targets] = r->inputs[r->nfeeds];
	t->runner->inputs[n->weights] = r->inputs[r->nfeeds + 1];
	t->runner->inputs[n->scale] = r->inputs[r->nfeeds + 2];
}

static void
free_inputs(recording *r)
{
	for (int i = 0; i < ML_FEEDS_MAX + 3; i++)
	{
		free(r->inputs[i]);
		r->inputs[i] = NULL;
	}
}

static void
compare_values(recording *r, toy_network *t)
{
	const ml_graph *graph = t->network.graph;

	for (int32_t i = 0; i < graph->nvalues; i++)
	{
		const ml_graph_value *value = &graph->values[i];
		bool		state = value->kind == ML_VALUE_STATE;
		size_t		n = 1;
		char		name[TOY_NAME];
		void	   *plain;

		if (!state && value->kind != ML_VALUE_PARAMETER)
			continue;
		for (int d = 0; d < value->shape.ndims; d++)
			n *= (size_t) value->shape.dims[d];
		plain = malloc(n * 8 + 8);
		ml_layout_read(value, graph->dtype, toy_network_at(t, state ? 2 : 1, i), plain);
		compare(r, state ? "t" : "g", toy_network_name(t, i, name), graph->dtype, plain);
		free(plain);
	}
}

/* Build, run, compare; *named: parameters have the names and shapes recorded. */
static ml_status
run_case(recording *r, ml_dtype dtype, const ml_kernel *kernel, bool training, bool *named)
{
	ml_network_task task = task_of(r, dtype, training);
	toy_network t;
	ml_status	status = toy_network_open(r->ctx, r->spec, &task, kernel, &t);

	if (status != ML_OK)
		return status;
	*named = set_values(r, &t);
	status = toy_network_bind(&t, r->rows, r->offsets, training);
	if (status == ML_OK && *named)
	{
		set_inputs(r, &t, training);
		status = ml_runner_run(r->ctx, t.runner, false);
	}
	if (status == ML_OK && *named)
	{
		compare(r, training ? "output" : "inference", "", dtype, ml_runner_view(t.runner, t.network.output)->data);
		if (training)
		{
			compare(r, "loss", "", dtype, ml_runner_view(t.runner, t.network.loss)->data);
			/* a rounded factor may choose another maximum: gradients in bf16 are looked at op by op */
			if (!r->bf16)
				compare_values(r, &t);
		}
	}
	free_inputs(r);
	toy_network_close(&t);
	return status;
}

/* All cases in one type at one level. */
static void
run_all(recording *r, const ml_json *cases, ml_dtype dtype, const ml_kernel *kernel, bool training)
{
	double		tolerance = r->bf16 ? 0.1 : dtype == ML_F64 ? 1e-6 : 1e-4;
	double		worst = 0;
	int			failed = 0;
	int			n = 0;
	ml_buffer	spec = {0};

	for (r->json = cases->first; r->json != NULL; r->json = r->json->next, n++)
	{
		bool		named = false;
		ml_status	status;

		read_case(r, &spec);
		status = run_case(r, dtype, kernel, training, &named);
		if (status != ML_OK || !named || !(r->worst < tolerance))
		{
			failed++;
			unit_note("case %d: %s %g at %s: %.*s", n, status != ML_OK ? r->ctx->error.text : named ? "" : "other parameters",
					  r->worst, r->where, (int) r->spec.size, r->spec.data);
			if (status != ML_OK && r->ctx->error.detail[0] != '\0')
				unit_note("   %s", r->ctx->error.detail);
		}
		worst = fmax(worst, r->worst);
	}
	ml_buffer_free(r->ctx, &spec);
	unit_ok(failed == 0, "%s, %s at %s: %d networks as PyTorch, to %.2g", training ? "training" : "inference",
			r->bf16 ? "bf16" : dtype == ML_F64 ? "double" : "float", kernel->name, n, worst);
}

/* ---- rows by themselves ---- */

/* Outputs of row "first" alone, or of all rows (first < 0), in inference; got[rows][outputs]. */
static ml_status
run_rows(recording *r, toy_network *t, int first, float *got)
{
	int			rows = first < 0 ? r->rows : 1;
	int			from = first < 0 ? 0 : first;
	int32_t		ends[ML_FEEDS_MAX][2];
	const int32_t *offsets[ML_FEEDS_MAX];
	ml_status	status;

	for (int i = 0; i < r->nfeeds; i++)
	{
		ends[i][0] = 0;
		ends[i][1] = r->ends[i][from + 1] - r->ends[i][from];
		offsets[i] = first < 0 ? r->ends[i] : ends[i];
	}
	ML_TRY(toy_network_bind(t, rows, offsets, false));
	set_inputs(r, t, false);
	for (int i = 0; i < r->nfeeds && first >= 0; i++)
	{
		const ml_feed *feed = &r->feeds[i];
		int64_t		before = feed->kind == ML_FEED_TOKENS ? r->ends[i][from] :
			feed->kind == ML_FEED_SERIES ? r->ends[i][from] * feed->size :
			feed->kind == ML_FEED_IMAGE ? from * feed->height * feed->width * feed->channels : from * feed->size;

		t->runner->inputs[t->network.feeds[i].data] = (const char *) r->inputs[i] + before * 4;
	}
	status = ml_runner_run(r->ctx, t->runner, false);
	if (status == ML_OK)
		memcpy(got, ml_runner_view(t->runner, t->network.output)->data,
			   (size_t) rows * (size_t) t->network.outputs * sizeof(float));
	free_inputs(r);
	return status;
}

/* At all levels a row's bits depend on no other row; with AVX2 and AVX-512 they are the same. */
static void
test_alone(recording *r, const ml_json *cases)
{
	int			differ = 0;
	int			levels = 0;
	int			failed = 0;
	int			n = 0;
	ml_buffer	spec = {0};

	for (r->json = cases->first; r->json != NULL; r->json = r->json->next, n++)
	{
		float		outputs[ML_LEVEL_COUNT][ROWS_MAX * 4];
		ml_network_task task;

		read_case(r, &spec);
		task = task_of(r, ML_F32, false);
		memset(outputs, 0, sizeof(outputs));
		for (ml_level level = ML_LEVEL_REF; level <= ml_kernel_best(); level++)
		{
			toy_network t;
			ml_status	status = toy_network_open(r->ctx, r->spec, &task, ml_kernel_select(level), &t);

			if (status != ML_OK)
			{
				failed++;
				continue;
			}
			failed += !set_values(r, &t) || run_rows(r, &t, -1, outputs[level]) != ML_OK;
			for (int row = 0; row < r->rows; row++)
			{
				size_t		bytes = (size_t) t.network.outputs * sizeof(float);
				float		alone[4] = {0};

				failed += run_rows(r, &t, row, alone) != ML_OK;
				if (memcmp(alone, (char *) outputs[level] + (size_t) row * bytes, bytes) == 0)
					continue;
				differ++;
				unit_note("case %d, row %d at %s: %.*s", n, row, ml_level_name(level), (int) r->spec.size, r->spec.data);
			}
			toy_network_close(&t);
		}
		if (ml_kernel_best() == ML_LEVEL_AVX512 &&
			memcmp(outputs[ML_LEVEL_AVX2], outputs[ML_LEVEL_AVX512], sizeof(outputs[0])) != 0)
		{
			levels++;
			unit_note("case %d differs by level: %.*s", n, (int) r->spec.size, r->spec.data);
		}
	}
	ml_buffer_free(r->ctx, &spec);
	unit_is_int(failed, 0, "%d networks run row by row", n);
	unit_is_int(differ, 0, "a row alone has the bits that it has among others");
	unit_is_int(levels, 0, "and with AVX2 those that it has with AVX-512");
}

/* ---- faults ---- */

static ml_status
scenario(ml_context *ctx, void *argument)
{
	recording  *r = argument;
	bool		named;

	r->ctx = ctx;
	return run_case(r, ML_F32, &ml_kernel_ref, true, &named);
}

/* A network of three feeds, one with state. */
static void
test_faults(recording *r, const ml_json *cases)
{
	ml_context *ctx = r->ctx;
	ml_buffer	spec = {0};

	for (r->json = cases->first; r->json != NULL; r->json = r->json->next)
	{
		read_case(r, &spec);
		if (r->nfeeds == 3)
			break;
	}
	if (!unit_ok(r->json != NULL, "a network of three feeds"))
		return;
	unit_every_allocation_fails("three feeds", scenario, r);
	unit_every_poll_cancels("three feeds", scenario, r);
	r->ctx = ctx;
	ml_buffer_free(ctx, &spec);
}

int
main(void)
{
	static recording r;
	unit_host	host;
	ml_arena	arena = {0};
	size_t		size;
	char	   *bytes = unit_data("layers.safetensors", &size);
	const ml_json *cases = NULL;

	unit_open(&host);
	r.ctx = &host.ctx;
	if (unit_ok(bytes != NULL && ml_safetensors_read(&host.ctx, &arena, bytes, size, &r.file) == ML_OK &&
				ml_json_parse(&host.ctx, &arena, ml_safetensors_metadata(&r.file, "cases"), ML_BAD_DATA, &cases) == ML_OK,
				"what PyTorch did"))
	{
		run_all(&r, cases, ML_F64, ml_kernel_select(ML_LEVEL_AUTO), true);
		run_all(&r, cases, ML_F64, ml_kernel_select(ML_LEVEL_AUTO), false);
		for (ml_level level = ML_LEVEL_REF; level <= ml_kernel_best(); level++)
		{
			run_all(&r, cases, ML_F32, ml_kernel_select(level), true);
			run_all(&r, cases, ML_F32, ml_kernel_select(level), false);
		}
		r.bf16 = true;
		run_all(&r, cases, ML_F32, ml_kernel_select(ML_LEVEL_AUTO), true);
		r.bf16 = false;
		test_alone(&r, cases);
		test_faults(&r, cases);
	}
	ml_arena_free(&host.ctx, &arena);
	unit_close(&host, "layers");
	free(bytes);
	return unit_done();
}
