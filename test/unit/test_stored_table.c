/*-------------------------------------------------------------------------
 *
 * test_stored_table.c
 *	  Models of tables as files: round trip, and every way in which bytes can
 *	  be wrong.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "toy_table_model.h"

#include "model/image.h"

static const struct
{
	const char *name;
	toy_kind	kind;
}			kinds[] = {
	{"regression", {.errors = true, .dropped = true}},
	{"two labels", {.nlabels = 2, .positive = 0}},
	{"four labels", {.nlabels = 4}},
	{"with text", {.nlabels = 2, .positive = 1, .texts = true}},
	{"four labels with text", {.nlabels = 4, .texts = true}},
	{"rbf", {.nlabels = 2, .positive = 1, .machine = ML_MACHINE_RBF}},
	{"polynomial", {.nlabels = 4, .machine = ML_MACHINE_POLYNOMIAL}}
};

static ml_status
store_scenario(ml_context *ctx, void *argument)
{
	ml_buffer	file = {0};
	ml_status	status = toy_table_store(ctx, argument, &file);

	ml_buffer_free(ctx, &file);
	return status;
}

/* plan, build, open, predict or regress, explain, coefficients, describe; frees everything. */
static ml_status
use(ml_context *ctx, const void *stored, size_t size)
{
	ml_session *session = NULL;
	ml_buffer	json = {0};
	ml_arena	arena = {0};
	const ml_contribution *parts;
	const ml_coefficient *coefficients;
	double		items[2];
	ml_value	inputs[NCOLUMNS];
	double		values[64];
	size_t		image_size;
	size_t		n;
	ml_image   *image;
	uint32_t	label;
	ml_status	status = ml_image_plan(ctx, stored, size, &image_size);

	if (status != ML_OK)
		return status;
	image = aligned_alloc(ML_ALIGN, image_size);
	status = ml_image_build(ctx, stored, size, image, image_size);
	toy_row(3, items, inputs);
	if (status == ML_OK)
		status = ml_session_open(ctx, image, ml_kernel_select(ML_LEVEL_AUTO), &session);
	if (status == ML_OK)
		status = ml_image_task(image) == ML_REGRESSION ? ml_session_regress(ctx, session, 1, inputs, values) :
			ml_session_predict(ctx, session, 1, inputs, &label, values);
	if (status == ML_OK)
		status = ml_session_explain(ctx, session, inputs, -1, &label, &parts, &n);
	if (status == ML_OK)
		status = ml_stored_describe(ctx, stored, size, &json);
	if (status == ML_OK && ((ml_table_image *) image)->machine.kind == ML_MACHINE_NONE)
		status = ml_image_coefficients(ctx, &arena, image, &coefficients, &n);
	ml_arena_free(ctx, &arena);
	ml_buffer_free(ctx, &json);
	ml_session_close(ctx, session);
	free(image);
	return status;
}

static ml_status
use_scenario(ml_context *ctx, void *argument)
{
	const ml_buffer *file = argument;

	return use(ctx, file->data, file->size);
}

static void
test_round_trip(unit_host *host, const char *name, const toy_kind *kind)
{
	ml_buffer	file = {0};
	ml_buffer	again = {0};
	size_t		size = 0;
	ml_image   *image;
	char	   *other;

	unit_ok(toy_table_store(&host->ctx, kind, &file) == ML_OK, "%s: stored", name);
	unit_ok(toy_table_store(&host->ctx, kind, &again) == ML_OK && file.size == again.size &&
			memcmp(file.data, again.data, file.size) == 0, "%s: the same bytes again", name);
	unit_ok(ml_image_plan(&host->ctx, file.data, file.size, &size) == ML_OK && size % ML_ALIGN == 0,
			"%s: planned", name);
	image = aligned_alloc(ML_ALIGN, size);
	other = aligned_alloc(ML_ALIGN, size);
	memset(image, 0x55, size);
	memset(other, 0xAA, size);
	unit_ok(ml_image_build(&host->ctx, file.data, file.size, image, size) == ML_OK &&
			ml_image_build(&host->ctx, file.data, file.size, other, size) == ML_OK &&
			memcmp(image, other, size) == 0, "%s: built, every byte of it", name);
	unit_fails(host, ml_image_build(&host->ctx, file.data, file.size, image, size + ML_ALIGN),
			   ML_INTERNAL, "planned", "%s: wrong size", name);
	unit_is_int(ml_image_task(image), kind->nlabels == 0 ? ML_REGRESSION : ML_CLASSIFICATION, "%s: task", name);
	unit_is_int(ml_image_nlabels(image), kind->nlabels, "%s: labels", name);
	unit_is_text(ml_image_algorithm(image), "svm", "%s: algorithm", name);
	unit_is_int(ml_image_ncolumns(image), kind->texts ? 5 : 4, "%s: columns", name);
	unit_is_text(ml_image_column(image, 2), "time_hour", "%s: column 2", name);
	unit_is_int(ml_image_column_type(image, 2), ML_TYPE_TIMESTAMPTZ, "%s: its type", name);
	unit_is_int(ml_image_column_role(image, 2), ML_ROLE_DATE, "%s: its role", name);
	unit_is_int(ml_image_column_size(image, 2), 1, "%s: its size", name);
	unit_is_int(ml_image_column_size(image, 1), 2, "%s: the array's size", name);
	unit_is_int(ml_image_column_role(image, 3), ML_ROLE_CATEGORY, "%s: a category", name);
	unit_is_text(ml_image_time_zone(image), "UTC", "%s: time zone", name);
	unit_ok((ml_image_unicode(image).data != NULL) == kind->texts, "%s: a version of Unicode only with texts", name);
	if (kind->nlabels > 0)
	{
		unit_is_text(ml_image_label(image, 1), "late", "%s: label 1", name);
		unit_is_int(ml_image_find_label(image, ML_TEXT("late")), 1, "%s: found", name);
	}
	unit_is_int(ml_image_find_label(image, ML_TEXT("maybe")), -1, "%s: not found", name);
	if (kind->nlabels == 2)
		unit_is_int(ml_image_positive(image), kind->positive, "%s: positive", name);
	free(image);
	free(other);
	unit_ok(use(&host->ctx, file.data, file.size) == ML_OK, "%s: used", name);
	unit_every_allocation_fails(name, store_scenario, (void *) kind);
	unit_every_allocation_fails(name, use_scenario, &file);
	unit_every_poll_cancels(name, use_scenario, &file);
	ml_buffer_free(&host->ctx, &file);
	ml_buffer_free(&host->ctx, &again);
}

static void
test_describe(unit_host *host)
{
	ml_buffer	file = {0};
	ml_buffer	json = {0};
	toy_kind	kind = {.nlabels = 2, .positive = 0, .texts = true};
	const char *const members[] = {
		"{\"format\":2,\"task\":\"classification\",\"algorithm\":\"svm\","
		"\"columns\":[\"distance\",\"x\",\"time_hour\",\"carrier\",\"note\"],"
		"\"labels\":[\"early\",\"late\"],\"positive\":\"early\",\"features\":",
		",\"table\":{\"columns\":[{\"name\":\"distance\",\"type\":\"number\",\"role\":\"number\",",
		"\"unicode\":\"15.0\",\"recipe\":{"
	};

	if (toy_table_store(&host->ctx, &kind, &file) != ML_OK)
		abort();
	unit_ok(ml_stored_describe(&host->ctx, file.data, file.size, &json) == ML_OK, "described");
	for (size_t i = 0; i < ML_LENGTH(members); i++)
		unit_ok(strstr(json.data, members[i]) != NULL, "describe: %.40s", members[i]);
	unit_note("%s", json.data);
	ml_buffer_free(&host->ctx, &file);
	ml_buffer_free(&host->ctx, &json);
}

/* What was stored is what is read. */
static void
test_read(unit_host *host)
{
	toy_kind	kind = {.errors = true, .dropped = true};
	toy_table_model m;
	ml_buffer	file = {0};
	ml_arena	arena = {0};
	ml_safetensors from;
	ml_table_file read;
	int			format;
	uint32_t	width;

	if (toy_table_open(&host->ctx, &m, &kind) != ML_OK || ml_stored_write_table(&host->ctx, &m.model, &file) != ML_OK)
		abort();
	unit_ok(ml_stored_open(&host->ctx, &arena, file.data, file.size, &from, &format) == ML_OK && format == 2 &&
			ml_stored_read_table(&host->ctx, &arena, &from, &read) == ML_OK, "read");
	width = m.t.tabular.ndense + m.t.tabular.nhot;
	unit_is_int(read.width, width, "width");
	unit_ok(memcmp(read.weights->data, m.solution.weights, width * sizeof(double)) == 0, "weights");
	unit_ok(memcmp(read.tabular.scaling, m.t.tabular.scaling, m.t.tabular.ndense * sizeof(ml_scaling)) == 0, "scaling");
	unit_ok(memcmp(read.bias, m.solution.bias, sizeof(double)) == 0, "bias");
	unit_ok(read.slope == 1 && read.offset == 0, "regressions are not calibrated");
	unit_ok(read.bias_std_error == 0.25 && read.freedom == 48, "statistics");
	unit_ok(read.dropped != NULL && ((const uint8_t *) read.dropped->data)[1] == 1, "a dropped feature");
	unit_ok(m.t.tabular.columns[CARRIER].reference != ML_NO_TERM &&
			read.tabular.columns[CARRIER].reference == m.t.tabular.columns[CARRIER].reference, "a level of reference");
	ml_arena_free(&host->ctx, &arena);
	ml_buffer_free(&host->ctx, &file);
	toy_table_close(&host->ctx, &m, ML_OK);
}

/* Text features that the fit has not seen are not stored. */
static void
test_unseen_texts(unit_host *host)
{
	toy_kind	kind = {.texts = true};
	toy_table_model m;
	ml_buffer	file = {0};
	ml_arena	arena = {0};
	ml_safetensors from;
	ml_table_file read;
	int			format;
	uint32_t	left = 0;

	if (toy_table_open(&host->ctx, &m, &kind) != ML_OK || ml_stored_write_table(&host->ctx, &m.model, &file) != ML_OK ||
		ml_stored_open(&host->ctx, &arena, file.data, file.size, &from, &format) != ML_OK ||
		ml_stored_read_table(&host->ctx, &arena, &from, &read) != ML_OK)
		abort();
	for (uint32_t i = 0; i < m.texts.nfeatures; i++)
		left += m.texts.idf[i] != 0;
	unit_ok(left > 5 && left < m.texts.nfeatures, "some features of texts have idf 0");
	unit_is_int(read.ntext, left, "the others are stored");
	ml_arena_free(&host->ctx, &arena);
	ml_buffer_free(&host->ctx, &file);
	toy_table_close(&host->ctx, &m, ML_OK);
}

/* Fits that did not end in numbers are not stored. */
static void
test_not_finite(unit_host *host)
{
	static const toy_kind linear = {.nlabels = 2, .texts = true};
	static const toy_kind machine = {.nlabels = 2, .machine = ML_MACHINE_RBF};

	for (int i = 0; i < 6; i++)
	{
		toy_table_model m;
		ml_buffer	file = {0};

		if (toy_table_open(&host->ctx, &m, i < 4 ? &linear : &machine) != ML_OK)
			abort();
		switch (i)
		{
			case 0:
				m.solution.weights[3] = NAN;
				break;
			case 1:
				m.solution.bias[0] = INFINITY;
				break;
			case 2:
				/* too large for a float */
				m.solution.weights[m.solution.nfeatures - 1] = 1e200;
				break;
			case 3:
				m.model.slope = NAN;
				break;
			case 4:
				m.solution.machine.coefficients[5] = NAN;
				break;
			case 5:
				m.solution.machine.vectors[5] = INFINITY;
		}
		unit_fails(host, ml_stored_write_table(&host->ctx, &m.model, &file), ML_BAD_DATA, "not finite",
				   "not finite: number %d", i);
		ml_buffer_free(&host->ctx, &file);
		toy_table_close(&host->ctx, &m, ML_OK);
	}
}

/* ---- damage ---- */

/* The model again with one metadata value or tensor replaced, dropped or added. */
typedef struct change
{
	const char *name;
	const char *value;			/* metadata; NULL: drop */
	bool		tensor;
	int			element;		/* of a tensor: set to number; -1: drop; -2: another type; -3: one row more */
	double		number;
} change;

static void
set_element(ml_tensor *tensor, char *bytes, int i, double number)
{
	float		single = (float) number;
	uint64_t	whole = (uint64_t) number;

	memcpy(bytes, tensor->data, ml_tensor_bytes(tensor));
	if (tensor->dtype == ML_F64)
		memcpy(bytes + i * 8, &number, 8);
	else if (tensor->dtype == ML_F32)
		memcpy(bytes + i * 4, &single, 4);
	else
		memcpy(bytes + (size_t) i * ml_dtypes[tensor->dtype].block_bytes, &whole, ml_dtypes[tensor->dtype].block_bytes);
	tensor->data = bytes;
}

static void
rewrite(unit_host *host, const ml_buffer *file, const change *c, ml_buffer *changed)
{
	static char bytes[1 << 16];
	ml_arena	arena = {0};
	ml_safetensors content;
	ml_metadata metadata[12];
	ml_tensor	tensors[24];
	uint32_t	nmetadata = 0;
	uint32_t	ntensors = 0;
	bool		done = false;

	if (ml_safetensors_read(&host->ctx, &arena, file->data, file->size, &content) != ML_OK)
		abort();
	for (uint32_t i = 0; i < content.nmetadata; i++)
	{
		metadata[nmetadata] = content.metadata[i];
		if (!c->tensor && ml_text_equal(content.metadata[i].key, unit_text(c->name)))
		{
			done = true;
			if (c->value == NULL)
				continue;
			metadata[nmetadata].value = unit_text(c->value);
		}
		nmetadata++;
	}
	if (!c->tensor && !done)
		metadata[nmetadata++] = (ml_metadata) {unit_text(c->name), unit_text(c->value)};
	memset(bytes, 0, sizeof(bytes));
	for (uint32_t i = 0; i < content.ntensors; i++)
	{
		ml_tensor  *tensor = &tensors[ntensors];

		*tensor = content.tensors[i];
		if (c->tensor && ml_text_equal(tensor->name, unit_text(c->name)))
		{
			done = true;
			if (c->element == -1)
				continue;
			if (ml_tensor_bytes(tensor) * 2 + 64 > sizeof(bytes))
				abort();
			if (c->element == -2)
				tensor->dtype = tensor->dtype == ML_F64 ? ML_I64 : tensor->dtype == ML_F32 ? ML_I32 : ML_I8;
			else if (c->element == -3)
			{
				memcpy(bytes, tensor->data, ml_tensor_bytes(tensor));
				tensor->dims[0]++;
				tensor->data = bytes;
			}
			else
				set_element(tensor, bytes, c->element, c->number);
			if (c->element == -2 && tensor->dtype == ML_I8)
				tensor->data = memcpy(bytes, tensor->data, ml_tensor_elements(tensor));
		}
		ntensors++;
	}
	if (c->tensor && !done)
		tensors[ntensors++] = (ml_tensor) {unit_text(c->name), ML_F64, 1, {2}, bytes};
	if (ml_safetensors_write(&host->ctx, metadata, nmetadata, tensors, ntensors, changed) != ML_OK)
		abort();
	ml_arena_free(&host->ctx, &arena);
}

static void
refuse(unit_host *host, const ml_buffer *file, change c, ml_status expected, const char *message)
{
	ml_buffer	changed = {0};

	rewrite(host, file, &c, &changed);
	unit_fails(host, use(&host->ctx, changed.data, changed.size), expected, message,
			   "\"%s\" %s %d: %s", c.name, c.tensor ? "element" : "", c.element, message);
	ml_buffer_free(&host->ctx, &changed);
}

#define META(name, value) (change) {name, value}
#define ELEMENT(name, i, number) (change) {name, NULL, true, i, number}
#define DROPPED(name) (change) {name, NULL, true, -1}
#define OTHER_TYPE(name) (change) {name, NULL, true, -2}
#define LONGER(name) (change) {name, NULL, true, -3}

static void
test_metadata(unit_host *host, const ml_buffer *file)
{
	refuse(host, file, META("format", "1"), ML_BAD_MODEL, "metadata");
	refuse(host, file, META("format", "3"), ML_NEWER_FORMAT, "format 3");
	refuse(host, file, META("task", "clustering"), ML_BAD_MODEL, "neither");
	refuse(host, file, META("task", "regression"), ML_BAD_MODEL, "\"weights\"");
	refuse(host, file, META("task", NULL), ML_BAD_MODEL, "\"task\" is missing");
	refuse(host, file, META("algorithm", ""), ML_BAD_MODEL, "0 bytes");
	refuse(host, file, META("table", "{}"), ML_BAD_MODEL, "table recipe");
	refuse(host, file, META("table", NULL), ML_BAD_MODEL, "\"table\" is missing");
	refuse(host, file, META("labels", "[\"a\"]"), ML_BAD_MODEL, "labels");
	refuse(host, file, META("labels", "[\"a\",\"b\"]"), ML_BAD_MODEL, "\"positive\" is missing");
	refuse(host, file, META("positive", "late"), ML_BAD_MODEL, "metadata entries");
	refuse(host, file, META("extra", "1"), ML_BAD_MODEL, "metadata entries");
	refuse(host, file, META("kernel", "rbf"), ML_BAD_MODEL, "with columns of text");
	refuse(host, file, META("recipe", NULL), ML_BAD_MODEL, "\"recipe\" is missing");
	refuse(host, file, META("recipe", "{}"), ML_BAD_MODEL, "recipe");
}

static void
test_tensors(unit_host *host, const ml_buffer *file)
{
	static const char *const names[] = {
		"scaling", "level_end", "levels", "bias", "calibration", "weights", "features.gaps", "features.idf",
		"idf_levels", "text.weights"
	};

	for (size_t i = 0; i < ML_LENGTH(names); i++)
	{
		refuse(host, file, DROPPED(names[i]), ML_BAD_MODEL, names[i]);
		refuse(host, file, OTHER_TYPE(names[i]), ML_BAD_MODEL, names[i]);
	}
	refuse(host, file, LONGER("scaling"), ML_BAD_MODEL, "scaling");
	refuse(host, file, LONGER("level_end"), ML_BAD_MODEL, "level_end");
	refuse(host, file, LONGER("levels"), ML_BAD_MODEL, "NUL");
	refuse(host, file, LONGER("bias"), ML_BAD_MODEL, "bias");
	refuse(host, file, LONGER("weights"), ML_BAD_MODEL, "weights");
	refuse(host, file, LONGER("features.gaps"), ML_BAD_MODEL, "");
	refuse(host, file, LONGER("features.idf"), ML_BAD_MODEL, "");
	refuse(host, file, LONGER("text.weights"), ML_BAD_MODEL, "text.weights");
	refuse(host, file, ELEMENT("extra", 0, 0), ML_BAD_MODEL, "tensors");
	refuse(host, file, ELEMENT("scaling", 0, NAN), ML_BAD_MODEL, "scaling");
	refuse(host, file, ELEMENT("scaling", 1, 0), ML_BAD_MODEL, "scaling");
	refuse(host, file, ELEMENT("scaling", 1, -1), ML_BAD_MODEL, "scaling");
	refuse(host, file, ELEMENT("scaling", 3, NAN), ML_BAD_MODEL, "scaling");
	refuse(host, file, ELEMENT("level_end", 0, 1e6), ML_BAD_MODEL, "outside");
	refuse(host, file, ELEMENT("level_end", 1, 0), ML_BAD_MODEL, "level");
	refuse(host, file, ELEMENT("levels", 0, 255), ML_BAD_MODEL, "UTF-8");
	refuse(host, file, ELEMENT("levels", 0, 0), ML_BAD_MODEL, "NUL");
	refuse(host, file, ELEMENT("bias", 3, INFINITY), ML_BAD_MODEL, "element 3 of \"bias\"");
	refuse(host, file, ELEMENT("weights", 7, NAN), ML_BAD_MODEL, "element 7 of \"weights\"");
	refuse(host, file, ELEMENT("text.weights", 2, INFINITY), ML_BAD_MODEL, "element 2 of \"text.weights\"");
	refuse(host, file, ELEMENT("calibration", 0, 0), ML_BAD_MODEL, "element 0 of \"calibration\"");
	refuse(host, file, ELEMENT("calibration", 0, NAN), ML_BAD_MODEL, "element 0 of \"calibration\"");
	refuse(host, file, ELEMENT("calibration", 1, 1), ML_BAD_MODEL, "element 1 of \"calibration\"");
	refuse(host, file, ELEMENT("idf_levels", 0, 0), ML_BAD_MODEL, "idf of feature");
}

static void
test_errors(unit_host *host)
{
	toy_kind	kind = {.errors = true, .dropped = true};
	ml_buffer	file = {0};

	if (toy_table_store(&host->ctx, &kind, &file) != ML_OK)
		abort();
	refuse(host, &file, ELEMENT("dropped", 0, 2), ML_BAD_MODEL, "element 0 of \"dropped\"");
	refuse(host, &file, LONGER("dropped"), ML_BAD_MODEL, "dropped");
	refuse(host, &file, ELEMENT("std_error", 0, -1), ML_BAD_MODEL, "element 0 of \"std_error\"");
	refuse(host, &file, ELEMENT("std_error", 0, INFINITY), ML_BAD_MODEL, "element 0 of \"std_error\"");
	refuse(host, &file, ELEMENT("inference", 0, -1), ML_BAD_MODEL, "element 0 of \"inference\"");
	refuse(host, &file, ELEMENT("inference", 1, NAN), ML_BAD_MODEL, "element 1 of \"inference\"");
	refuse(host, &file, ELEMENT("inference", 1, -5), ML_BAD_MODEL, "element 1 of \"inference\"");
	refuse(host, &file, DROPPED("inference"), ML_BAD_MODEL, "inference");
	refuse(host, &file, DROPPED("std_error"), ML_BAD_MODEL, "tensors");
	refuse(host, &file, META("labels", "[\"a\",\"b\"]"), ML_BAD_MODEL, "metadata entries");
	refuse(host, &file, ELEMENT("calibration", 0, 1), ML_BAD_MODEL, "tensors");
	ml_buffer_free(&host->ctx, &file);
}

static void
test_machine(unit_host *host)
{
	toy_kind	kind = {.nlabels = 2, .positive = 1, .machine = ML_MACHINE_POLYNOMIAL};
	ml_buffer	file = {0};

	if (toy_table_store(&host->ctx, &kind, &file) != ML_OK)
		abort();
	refuse(host, &file, META("kernel", "rbf"), ML_BAD_MODEL, "\"kernel\"");
	refuse(host, &file, META("kernel", "sigmoid"), ML_BAD_MODEL, "no kernel \"sigmoid\"");
	refuse(host, &file, META("kernel", NULL), ML_BAD_MODEL, "weights");
	refuse(host, &file, META("positive", "never"), ML_BAD_MODEL, "none of the two");
	refuse(host, &file, ELEMENT("kernel", 0, 0), ML_BAD_MODEL, "element 0 of \"kernel\"");
	refuse(host, &file, ELEMENT("kernel", 0, 1e-60), ML_BAD_MODEL, "element 0 of \"kernel\"");
	refuse(host, &file, ELEMENT("kernel", 0, 1e60), ML_BAD_MODEL, "element 0 of \"kernel\"");
	refuse(host, &file, ELEMENT("kernel", 1, NAN), ML_BAD_MODEL, "element 1 of \"kernel\"");
	refuse(host, &file, ELEMENT("kernel", 2, 0), ML_BAD_MODEL, "element 2 of \"kernel\"");
	refuse(host, &file, ELEMENT("kernel", 2, 2.5), ML_BAD_MODEL, "element 2 of \"kernel\"");
	refuse(host, &file, ELEMENT("kernel", 2, 1e9), ML_BAD_MODEL, "element 2 of \"kernel\"");
	refuse(host, &file, ELEMENT("vectors", 9, NAN), ML_BAD_MODEL, "element 9 of \"vectors\"");
	refuse(host, &file, LONGER("vectors"), ML_BAD_MODEL, "coefficients");
	refuse(host, &file, LONGER("coefficients"), ML_BAD_MODEL, "coefficients");
	refuse(host, &file, ELEMENT("coefficients", 9, INFINITY), ML_BAD_MODEL, "element 9 of \"coefficients\"");
	refuse(host, &file, ELEMENT("weights", 0, 0), ML_BAD_MODEL, "tensors");
	ml_buffer_free(&host->ctx, &file);
}

/* Cut anywhere, or with any byte changed: refused, or a model that serves. */
static void
test_bytes(unit_host *host, const char *name, const toy_kind *kind)
{
	ml_buffer	file = {0};
	bool		sound = true;
	size_t		served = 0;

	if (toy_table_store(&host->ctx, kind, &file) != ML_OK)
		abort();
	for (size_t size = 0; size < file.size; size += 1 + size / 50)
	{
		char	   *copy = aligned_alloc(ML_ALIGN, ml_size_align(size + 1, ML_ALIGN));

		memcpy(copy, file.data, size);
		sound &= use(&host->ctx, copy, size) == ML_BAD_MODEL;
		free(copy);
	}
	unit_ok(sound, "%s: cut anywhere it is refused", name);
	for (size_t i = 0; i < file.size; i += 1 + i / 500)
	{
		char		before = file.data[i];
		ml_status	status;

		file.data[i] = (char) (before ^ (1 << i % 8));
		status = use(&host->ctx, file.data, file.size);
		served += status == ML_OK;
		sound &= status == ML_OK || status == ML_BAD_MODEL || status == ML_BAD_INPUT || status == ML_NEWER_FORMAT;
		file.data[i] = before;
	}
	unit_ok(sound && served > 0, "%s: changed anywhere it is refused or serves", name);
	ml_buffer_free(&host->ctx, &file);
}

int
main(void)
{
	unit_host	host;
	ml_buffer	file = {0};
	toy_kind	kind = {.nlabels = 4, .texts = true};

	unit_open(&host);
	for (size_t i = 0; i < ML_LENGTH(kinds); i++)
	{
		test_round_trip(&host, kinds[i].name, &kinds[i].kind);
		test_bytes(&host, kinds[i].name, &kinds[i].kind);
	}
	test_describe(&host);
	test_read(&host);
	test_unseen_texts(&host);
	test_not_finite(&host);
	if (toy_table_store(&host.ctx, &kind, &file) != ML_OK)
		abort();
	test_metadata(&host, &file);
	test_tensors(&host, &file);
	ml_buffer_free(&host.ctx, &file);
	test_errors(&host);
	test_machine(&host);
	unit_close(&host, "stored tables");
	return unit_done();
}
