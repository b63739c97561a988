/*-------------------------------------------------------------------------
 *
 * test_stored_table.c
 *	  The stored layout of a table's model: what was written is read, and
 *	  every way in which bytes can be wrong is said.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "toy_stored.h"

#define METADATA_MAX	10
#define TENSORS_MAX		18

/* Read, all but gaps, which those who decode them check (test_session_table.c). */
static ml_status
use(ml_context *ctx, const void *stored, size_t size)
{
	ml_buffer	json = {0};
	ml_status	status = ml_stored_describe(ctx, stored, size, &json);

	ml_buffer_free(ctx, &json);
	return status;
}

static ml_status
make_scenario(ml_context *ctx, void *argument)
{
	toy			t;
	ml_status	status = toy_open(ctx, &t, *(const toy_kind *) argument);

	if (status == ML_OK)
		status = use(ctx, t.file.data, t.file.size);
	toy_close(&t);
	return status;
}

/* ---------- what was written is read ---------- */

static bool
same_doubles(const ml_tensor *tensor, const double *expected, size_t n)
{
	return tensor != NULL && ml_tensor_bytes(tensor) == n * sizeof(double) &&
		memcmp(tensor->data, expected, n * sizeof(double)) == 0;
}

static bool
same_floats(const ml_tensor *tensor, const float *expected, size_t n)
{
	return tensor != NULL && ml_tensor_bytes(tensor) == n * sizeof(float) &&
		memcmp(tensor->data, expected, n * sizeof(float)) == 0;
}

static bool
same_weights(const toy *t, const ml_table_file *file)
{
	bool		same = true;

	for (uint32_t c = 0; c < file->head.nscores; c++)
		same &= memcmp((const char *) file->weights->data + (size_t) c * file->width * sizeof(double),
					   t->solution.weights + (size_t) c * t->solution.nfeatures, file->width * sizeof(double)) == 0;
	return same && ml_tensor_elements(file->weights) == (size_t) file->head.nscores * file->width;
}

/* Every second feature was too rare. */
static bool
same_texts(const toy *t, const ml_table_file *file)
{
	uint32_t	kept = 0;
	bool		same = true;

	for (uint32_t i = 0; i < t->texts.nfeatures; i++)
	{
		float		got;

		if (t->texts.idf[i] == 0)
			continue;
		for (uint32_t c = 0; c < file->head.nscores; c++)
		{
			memcpy(&got, (const float *) file->text_weights->data + (size_t) c * file->ntext + kept, sizeof(got));
			same &= got == (float) t->solution.weights[(size_t) c * t->solution.nfeatures + file->width + i];
		}
		same &= file->idf_code[kept++] == t->texts.idf_code[i];
	}
	return same && kept == file->ntext && kept > 5;
}

static void
test_read(unit_host *host, const toy *t, const char *name)
{
	ml_arena	arena = {0};
	ml_safetensors content;
	ml_table_file file;
	const ml_solution *s = &t->solution;
	bool		machine = toy_is_machine(t->kind);

	if (ml_safetensors_read(&host->ctx, &arena, t->file.data, t->file.size, &content) != ML_OK ||
		ml_stored_read_table(&host->ctx, &arena, &content, &file) != ML_OK)
	{
		unit_ok(false, "%s: read (%s)", name, host->ctx.error.text);
		ml_arena_free(&host->ctx, &arena);
		return;
	}
	unit_ok(file.head.task == t->model.task && file.head.nlabels == t->model.nlabels && file.head.nscores == s->nscores &&
			ml_text_equal(file.head.algorithm, t->model.algorithm), "%s: task, algorithm, labels", name);
	unit_ok(memcmp(file.bias, s->bias, s->nscores * sizeof(double)) == 0 && file.slope == t->model.slope &&
			file.offset == t->model.offset, "%s: intercepts, calibration", name);
	unit_ok(file.head.nlabels != 2 || file.head.positive == t->model.positive, "%s: the positive label", name);
	unit_ok(file.head.tabular.ndense == t->table.tabular.ndense && file.head.tabular.nhot == t->table.tabular.nhot &&
				memcmp(file.head.tabular.scaling, t->table.tabular.scaling, file.head.tabular.ndense * sizeof(ml_scaling)) == 0,
			"%s: scalings", name);
	unit_ok(machine == (file.weights == NULL) && (machine || same_weights(t, &file)), "%s: weights", name);
	unit_ok((file.std_error != NULL) == s->has_errors &&
			(!s->has_errors || (same_doubles(file.std_error, s->std_error, file.width) &&
								file.bias_std_error == s->bias_std_error && file.freedom == s->freedom)),
			"%s: statistics", name);
	unit_ok((file.dropped != NULL) == (t->kind == TOY_REGRESSION), "%s: dropped features", name);
	unit_ok(!toy_has_text(t->kind) ? file.ntext == 0 : same_texts(t, &file), "%s: texts", name);
	unit_ok(file.kind == s->machine.kind && (!machine || (same_floats(file.vectors, s->machine.vectors,
																	  TOY_VECTORS * file.width) &&
														  same_floats(file.coefficients, s->machine.coefficients,
																	  TOY_VECTORS * file.head.nscores))),
			"%s: support vectors", name);
	ml_arena_free(&host->ctx, &arena);
}

static void
test_describe(unit_host *host, const toy *t, const char *name)
{
	ml_buffer	json = {0};
	ml_arena	arena = {0};
	const ml_json *value;
	bool		regression = t->model.task == ML_REGRESSION;

	unit_ok(ml_stored_describe(&host->ctx, t->file.data, t->file.size, &json) == ML_OK, "%s: described", name);
	unit_ok(ml_json_parse(&host->ctx, &arena, (ml_text) {json.data, json.size}, ML_BAD_DATA, &value) == ML_OK, "%s: as JSON", name);
	unit_ok(strncmp(json.data, regression ? "{\"format\":2,\"task\":\"regression\",\"algorithm\":\"" :
					"{\"format\":2,\"task\":\"classification\",\"algorithm\":\"", regression ? 45 : 49) == 0,
			"%s: format, task, algorithm", name);
	unit_ok(strstr(json.data, "\"columns\":[\"distance\",\"x\",\"time_hour\",\"carrier\"") != NULL &&
			strstr(json.data, "\"role\":\"category\"") != NULL, "%s: columns with roles", name);
	unit_ok((strstr(json.data, "\"labels\":[\"early\",\"late\"") != NULL) == !regression, "%s: labels", name);
	unit_ok((strstr(json.data, t->model.positive == 0 ? "\"positive\":\"early\"" : "\"positive\":\"late\"") != NULL) ==
			(t->model.nlabels == 2), "%s: the positive label", name);
	unit_ok((strstr(json.data, "\"recipe\":{") != NULL && strstr(json.data, "\"unicode\":\"15.0\"") != NULL) ==
			toy_has_text(t->kind), "%s: the recipe of texts", name);
	unit_ok((strstr(json.data, "\"support_vectors\":37") != NULL) == toy_is_machine(t->kind),
			"%s: support vectors", name);
	ml_arena_free(&host->ctx, &arena);
	ml_buffer_free(&host->ctx, &json);
}

/* Numbers that are none don't get into a file. */
static void
test_refuses(unit_host *host, toy *t, const char *name)
{
	static const double bad[] = {NAN, INFINITY, -INFINITY};
	ml_buffer	file = {0};
	double	   *bias = t->solution.bias;

	for (size_t i = 0; i < ML_LENGTH(bad); i++)
	{
		double		kept = *bias;

		*bias = bad[i];
		unit_fails(host, ml_stored_write_table(&host->ctx, &t->model, &file), ML_BAD_DATA, "not finite",
				   "%s: intercept %g", name, bad[i]);
		*bias = kept;
		if (toy_is_machine(t->kind))
		{
			float	   *number = i == 0 ? t->solution.machine.vectors : t->solution.machine.coefficients;
			float		before = *number;

			*number = (float) bad[i];
			unit_fails(host, ml_stored_write_table(&host->ctx, &t->model, &file), ML_BAD_DATA, "not finite",
					   "%s: vectors %g", name, bad[i]);
			*number = before;
		}
		else
		{
			double	   *number = &t->solution.weights[t->solution.nfeatures - 1 - toy_has_text(t->kind)];
			double		before = *number;

			*number = bad[i];
			unit_fails(host, ml_stored_write_table(&host->ctx, &t->model, &file), ML_BAD_DATA, "not finite",
					   "%s: weight %g", name, bad[i]);
			*number = before;
		}
	}
	ml_buffer_free(&host->ctx, &file);
}

/* ---------- damage ---------- */

/* One tensor or metadata value is replaced, dropped (no data) or added. */
typedef struct change
{
	const char *name;
	const char *value;			/* metadata */
	const void *data;			/* tensor */
	bool		tensor;
	uint64_t	dims[2];
	ml_dtype	dtype;
} change;

static ml_status
rewrite(ml_context *ctx, const ml_buffer *file, const change *c, ml_buffer *changed)
{
	ml_arena	arena = {0};
	ml_safetensors content;
	ml_metadata metadata[METADATA_MAX];
	ml_tensor	tensors[TENSORS_MAX];
	uint32_t	nmetadata = 0;
	uint32_t	ntensors = 0;
	bool		done = false;
	ml_status	status = ml_safetensors_read(ctx, &arena, file->data, file->size, &content);

	for (uint32_t i = 0; i < content.nmetadata; i++)
	{
		bool		it = !c->tensor && ml_text_equal(content.metadata[i].key, unit_text(c->name));

		done |= it;
		if (it && c->value == NULL)
			continue;
		metadata[nmetadata] = content.metadata[i];
		if (it)
			metadata[nmetadata].value = unit_text(c->value);
		nmetadata++;
	}
	if (!c->tensor && !done)
		metadata[nmetadata++] = (ml_metadata) {unit_text(c->name), unit_text(c->value)};
	for (uint32_t i = 0; i < content.ntensors; i++)
	{
		bool		it = c->tensor && ml_text_equal(content.tensors[i].name, unit_text(c->name));

		done |= it;
		if (it && c->data == NULL)
			continue;
		tensors[ntensors] = content.tensors[i];
		if (it)
			tensors[ntensors] = (ml_tensor)
		{
			content.tensors[i].name, c->dtype, c->dims[1] > 0 ? 2 : 1, {c->dims[0], c->dims[1]}, c->data
		};
		ntensors++;
	}
	if (c->tensor && !done)
		tensors[ntensors++] = (ml_tensor) {unit_text(c->name), c->dtype, 1, {c->dims[0]}, c->data};
	if (status == ML_OK)
		status = ml_safetensors_write(ctx, metadata, nmetadata, tensors, ntensors, changed);
	ml_arena_free(ctx, &arena);
	return status;
}

static void
refuse(unit_host *host, const toy *t, change c, const char *message, const char *what)
{
	ml_buffer	changed = {0};

	if (rewrite(&host->ctx, &t->file, &c, &changed) != ML_OK)
		abort();
	unit_fails(host, use(&host->ctx, changed.data, changed.size), ML_BAD_MODEL, message,
			   "%s: \"%s\" %s", toy_names[t->kind], c.name, what);
	ml_buffer_free(&host->ctx, &changed);
}

static void
refuse_metadata(unit_host *host, const toy *t, const char *name, const char *value, const char *message)
{
	refuse(host, t, (change) {.name = name, .value = value}, message, value == NULL ? "missing" : value);
}

static ml_tensor
find(unit_host *host, const toy *t, const char *name)
{
	ml_arena	arena = {0};
	ml_safetensors content;
	ml_tensor	tensor;

	if (ml_safetensors_read(&host->ctx, &arena, t->file.data, t->file.size, &content) != ML_OK ||
		ml_safetensors_tensor(&content, name) == NULL)
		abort();
	tensor = *ml_safetensors_tensor(&content, name);
	ml_arena_free(&host->ctx, &arena);
	return tensor;
}

/* Element i of a tensor of F64 or F32 is another number. */
static void
refuse_number(unit_host *host, const toy *t, const char *name, size_t i, double number, const char *message)
{
	ml_tensor	tensor = find(host, t, name);
	size_t		size = ml_tensor_bytes(&tensor);
	char	   *copy = malloc(size + 1);
	float		single = (float) number;
	char		what[64];

	memcpy(copy, tensor.data, size);
	if (tensor.dtype == ML_F64)
		memcpy(copy + i * sizeof(number), &number, sizeof(number));
	else
		memcpy(copy + i * sizeof(single), &single, sizeof(single));
	snprintf(what, sizeof(what), "[%zu] = %g", i, number);
	refuse(host, t, (change)
		   {
			   .name = name, .tensor = true, .data = copy, .dtype = tensor.dtype,
			   .dims = {tensor.dims[0], tensor.ndims == 2 ? tensor.dims[1] : 0}
		   }, message, what);
	free(copy);
}

/* A tensor of another shape or type, with the bytes that it needs. */
static void
refuse_shapes(unit_host *host, const toy *t, const char *name)
{
	static const char zeros[1 << 16];
	ml_tensor	tensor = find(host, t, name);
	uint64_t	rows = tensor.dims[0];
	uint64_t	columns = tensor.ndims == 2 ? tensor.dims[1] : 0;
	ml_dtype	other = tensor.dtype == ML_F64 ? ML_F32 : ML_F64;

	refuse(host, t, (change) {.name = name, .tensor = true}, "", "missing");
	refuse(host, t, (change)
		   {
			   .name = name, .tensor = true, .data = zeros, .dtype = other, .dims = {rows, columns}
		   }, name, "of another type");
	/* these have the length that they have, and are seen to lack something else */
	if (strcmp(name, "features.gaps") != 0)
		refuse(host, t, (change)
			   {
				   .name = name, .tensor = true, .data = zeros, .dtype = tensor.dtype, .dims = {rows + 1, columns}
			   }, "", "longer");
	if (rows > 0 && strcmp(name, "features.gaps") != 0)
		refuse(host, t, (change)
			   {
				   .name = name, .tensor = true, .data = zeros, .dtype = tensor.dtype, .dims = {rows - 1, columns}
			   }, "", "shorter");
	if (columns > 0)
		refuse(host, t, (change)
			   {
				   .name = name, .tensor = true, .data = zeros, .dtype = tensor.dtype, .dims = {columns + 1, rows}
			   }, "", "turned");
}

static void
refuse_numbers(unit_host *host, const toy *t, const char *name, size_t i)
{
	refuse_number(host, t, name, i, NAN, "out of range");
	refuse_number(host, t, name, i, INFINITY, "out of range");
	refuse_number(host, t, name, i, -INFINITY, "out of range");
}

static void
test_metadata(unit_host *host, const toy *t)
{
	refuse_metadata(host, t, "task", NULL, "\"task\" is missing");
	refuse_metadata(host, t, "task", "guessing", "task");
	refuse_metadata(host, t, "algorithm", NULL, "\"algorithm\" is missing");
	refuse_metadata(host, t, "algorithm", "", "algorithm's name");
	refuse_metadata(host, t, "table", NULL, "\"table\" is missing");
	refuse_metadata(host, t, "table", "{}", "");
	refuse_metadata(host, t, "table", "[", "");
	refuse_metadata(host, t, "more", "of it", "metadata entries");
	refuse_metadata(host, t, "kernel", "sigmoid", "");
	if (t->model.task == ML_REGRESSION)
	{
		refuse_metadata(host, t, "task", "classification", "\"labels\" is missing");
		refuse_metadata(host, t, "labels", "[\"a\",\"b\"]", "");
		return;
	}
	refuse_metadata(host, t, "task", "regression", "");
	refuse_metadata(host, t, "labels", NULL, "\"labels\" is missing");
	refuse_metadata(host, t, "labels", "[\"a\"]", "labels");
	refuse_metadata(host, t, "labels", "[\"b\",\"a\"]", "ascending");
	refuse_metadata(host, t, "labels", "[\"a\",\"b\",\"c\",\"d\"]", "");
	refuse_metadata(host, t, "positive", "nobody", t->model.nlabels == 2 ? "positive label" : "metadata entries");
	if (t->model.nlabels == 2)
		refuse_metadata(host, t, "positive", NULL, "\"positive\" is missing");
	if (toy_has_text(t->kind))
	{
		refuse_metadata(host, t, "recipe", NULL, "\"recipe\" is missing");
		refuse_metadata(host, t, "recipe", "{}", "");
	}
	else
		refuse_metadata(host, t, "recipe", "{}", "metadata entries");
}

static void
test_tensors(unit_host *host, const toy *t)
{
	ml_arena	arena = {0};
	ml_safetensors content;
	char		name[32];

	if (ml_safetensors_read(&host->ctx, &arena, t->file.data, t->file.size, &content) != ML_OK)
		abort();
	for (uint32_t i = 0; i < content.ntensors; i++)
	{
		snprintf(name, sizeof(name), "%.*s", (int) content.tensors[i].name.size, content.tensors[i].name.data);
		/* a tensor that need not be there takes others with it */
		if (strcmp(name, "dropped") != 0)
			refuse_shapes(host, t, name);
	}
	ml_arena_free(&host->ctx, &arena);
	refuse(host, t, (change)
		   {
			   .name = "more", .tensor = true, .data = "1", .dtype = ML_U8, .dims = {1}
		   }, "tensors instead", "added");
	refuse_number(host, t, "scaling", 1, 0, "");
	refuse_number(host, t, "scaling", 1, -1, "");
	for (size_t i = 0; i < 5; i++)
		refuse_number(host, t, "scaling", i, NAN, "");
	refuse_number(host, t, "scaling", 3, INFINITY, "");
	refuse_number(host, t, "scaling", 4, -INFINITY, "");
	refuse_numbers(host, t, "bias", 0);
}

static void
test_numbers(unit_host *host, const toy *t)
{
	static const uint8_t twos[64] = {[0 ... 63] = 2};

	if (t->model.task == ML_CLASSIFICATION)
	{
		refuse_numbers(host, t, "calibration", 0);
		refuse_numbers(host, t, "calibration", 1);
		refuse_number(host, t, "calibration", 0, 0, "out of range");
		refuse_number(host, t, "calibration", 0, -1, "out of range");
	}
	if (t->model.nlabels > 2)
		refuse_number(host, t, "calibration", 1, 0.5, "out of range");
	if (toy_is_machine(t->kind))
	{
		refuse_numbers(host, t, "vectors", 3);
		refuse_numbers(host, t, "coefficients", 2);
		refuse_numbers(host, t, "kernel", 0);
		refuse_number(host, t, "kernel", 0, 0, "out of range");
		refuse_number(host, t, "kernel", 0, 1e200, "out of range");
		refuse_number(host, t, "kernel", 0, 1e-200, "out of range");
	}
	else
		refuse_numbers(host, t, "weights", t->solution.nfeatures / 3);
	if (t->kind == TOY_POLYNOMIAL)
	{
		refuse_numbers(host, t, "kernel", 1);
		refuse_numbers(host, t, "kernel", 2);
		refuse_number(host, t, "kernel", 2, 0, "out of range");
		refuse_number(host, t, "kernel", 2, 2.5, "out of range");
		refuse_number(host, t, "kernel", 2, 1e9, "out of range");
	}
	if (toy_has_text(t->kind))
	{
		static const uint16_t zeros[ML_IDF_LEVELS];

		refuse_numbers(host, t, "text.weights", 1);
		refuse(host, t, (change)
			   {
				   .name = "idf_levels", .tensor = true, .data = zeros, .dtype = ML_U16, .dims = {ML_IDF_LEVELS}
			   }, "idf of feature", "0");
	}
	if (t->solution.has_errors)
	{
		uint32_t	width = t->table.tabular.ndense + t->table.tabular.nhot;

		refuse_number(host, t, "std_error", 0, -1, "out of range");
		refuse_number(host, t, "std_error", 0, INFINITY, "out of range");
		refuse_number(host, t, "inference", 0, -1, "out of range");
		refuse_number(host, t, "inference", 1, -1, "out of range");
		refuse_number(host, t, "inference", 1, NAN, "out of range");
		refuse(host, t, (change)
			   {
				   .name = "dropped", .tensor = true, .data = twos, .dtype = ML_U8, .dims = {width}
			   }, "out of range", "2");
	}
}

/* Levels that are not UTF-8, not in order, or run out of their bytes. */
static void
test_levels(unit_host *host, const toy *t)
{
	ml_tensor	ends = find(host, t, "level_end");
	ml_tensor	levels = find(host, t, "levels");
	uint64_t	copy[16];
	char		bytes[256];

	for (size_t i = 0; i < ends.dims[0]; i++)
	{
		static const uint64_t bad[] = {0, 1, UINT64_MAX, 1 << 20};

		for (size_t k = 0; k < ML_LENGTH(bad); k++)
		{
			memcpy(copy, ends.data, ml_tensor_bytes(&ends));
			/* the first level may be the empty one, or a shorter one */
			if (i == 0 && bad[k] <= copy[i])
				continue;
			copy[i] = bad[k];
			refuse(host, t, (change)
				   {
					   .name = "level_end", .tensor = true, .data = copy, .dtype = ML_U64, .dims = {ends.dims[0]}
				   }, "", "elsewhere");
		}
	}
	for (size_t i = 0; i < levels.dims[0]; i++)
	{
		static const char bad[] = {'\0', '\xff', '\x80'};

		for (size_t k = 0; k < ML_LENGTH(bad); k++)
		{
			memcpy(bytes, levels.data, ml_tensor_bytes(&levels));
			bytes[i] = bad[k];
			refuse(host, t, (change)
				   {
					   .name = "levels", .tensor = true, .data = bytes, .dtype = ML_U8, .dims = {levels.dims[0]}
				   }, "", "other bytes");
		}
	}
}

/* Any bytes: an error or a model, never a crash (the sanitizers watch). */
static void
test_damage(unit_host *host, const toy *t)
{
	char	   *copy = malloc(t->file.size);
	size_t		refused = 0;
	size_t		taken = 0;
	bool		sound = true;
	ml_rng		rng;

	for (size_t size = 0; size < t->file.size; size += 1 + size / 64)
	{
		char	   *cut = malloc(size); /* exactly, so that reading on is seen */

		memcpy(cut, t->file.data, size);
		sound &= use(&host->ctx, cut, size) == ML_BAD_MODEL;
		free(cut);
	}
	unit_ok(sound, "%s: cut anywhere: refused", toy_names[t->kind]);
	ml_rng_seed(&rng, 17);
	for (int i = 0; i < 4000; i++)
	{
		ml_status	status;

		memcpy(copy, t->file.data, t->file.size);
		for (uint64_t k = ml_rng_below(&rng, 3); k < 3; k++)
			copy[ml_rng_below(&rng, t->file.size)] ^= (char) (1 << ml_rng_below(&rng, 8));
		status = use(&host->ctx, copy, t->file.size);
		refused += status == ML_BAD_MODEL || status == ML_NEWER_FORMAT;
		taken += status == ML_OK;
	}
	unit_is_int(refused + taken, 4000, "%s: bits flipped: %zu refused, %zu taken for another model",
				toy_names[t->kind], refused, taken);
	free(copy);
}

static void
test_kind(unit_host *host, toy_kind kind)
{
	const char *name = toy_names[kind];
	toy			t;
	toy			again;

	if (toy_open(&host->ctx, &t, kind) != ML_OK)
	{
		unit_ok(false, "%s: made (%s)", name, host->ctx.error.text);
		toy_close(&t);
		return;
	}
	unit_ok(toy_open(&host->ctx, &again, kind) == ML_OK && again.file.size == t.file.size &&
			memcmp(again.file.data, t.file.data, t.file.size) == 0, "%s: the same bytes again", name);
	toy_close(&again);
	test_read(host, &t, name);
	test_describe(host, &t, name);
	test_refuses(host, &t, name);
	test_metadata(host, &t);
	test_tensors(host, &t);
	test_numbers(host, &t);
	if (kind == TOY_BINARY)
		test_levels(host, &t);
	test_damage(host, &t);
	toy_close(&t);
	unit_every_allocation_fails(name, make_scenario, &kind);
}

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	for (toy_kind kind = 0; kind < TOY_KINDS; kind++)
		test_kind(&host, kind);
	unit_close(&host, "stored tables");
	return unit_done();
}
