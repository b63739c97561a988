/*-------------------------------------------------------------------------
 *
 * test_train_programs.c
 *	  The textbook's programs, small, and series, trained from the first weights that PyTorch
 *	  had (test/data/train_network.py): the same losses and metrics in each epoch.
 *
 *-------------------------------------------------------------------------
 */
#include "toy_network_training.h"

/* "w3 w17 w3" of a row of word numbers. */
static ml_text
words_of(table *t, const int32_t *numbers, size_t n)
{
	char		text[512] = "";
	size_t		used = 0;

	for (size_t i = 0; i < n && numbers[i] >= 0; i++)
		used += (size_t) snprintf(text + used, sizeof(text) - used, "%sw%d", i == 0 ? "" : " ", numbers[i]);
	return keep(t, text);
}

static void
read_columns(table *t, const ml_tensor *rows)
{
	static const char *const names[] = {"a", "b", "c", "d", "e"};

	if (rows->dtype == ML_I32)
		add_column(t, "words", ML_TYPE_TEXT, ML_ROLE_TEXT);
	else if (rows->ndims == 3)
		add_column(t, "pulse", ML_TYPE_ARRAY, ML_ROLE_SERIES);
	else if (rows->dtype == ML_U8)
		add_column(t, "photo", ML_TYPE_BYTES, ML_ROLE_IMAGE);
	else
		for (uint64_t k = 0; k < rows->dims[1]; k++)
			add_column(t, names[k], ML_TYPE_NUMBER, ML_ROLE_NUMBER);
}

/* Steps of a row up to one that is NaN. */
static ml_items
series_of(table *t, const float *numbers, const ml_tensor *rows)
{
	uint32_t	channels = (uint32_t) rows->dims[2];
	uint32_t	n = 0;
	double		doubles[256];
	ml_text		kept;

	for (; n < rows->dims[1] * channels && !isnan(numbers[n]); n++)
		doubles[n] = numbers[n];
	(void) ml_arena_copy(t->ctx, &t->arena, (ml_text) {(const char *) doubles, n * sizeof(double)}, &kept);
	return (ml_items) {(const double *) (const void *) kept.data, n, channels};
}

static void
read_rows(table *t, const ml_safetensors *file)
{
	const ml_tensor *rows = ml_safetensors_tensor(file, "rows");
	const ml_tensor *targets = ml_safetensors_tensor(file, "targets");
	size_t		n = (size_t) rows->dims[0];
	size_t		width = ml_tensor_elements(rows) / n;

	read_columns(t, rows);
	for (size_t i = 0; i < n; i++)
	{
		ml_value   *row = add_row(t);
		char		label[16];

		if (rows->dtype == ML_I32)
			row[0].text = words_of(t, (const int32_t *) rows->data + i * width, width);
		else if (rows->dtype == ML_U8)
			row[0].text = (ml_text) {(const char *) rows->data + i * width, width};
		else if (rows->ndims == 3)
			row[0].items = series_of(t, (const float *) rows->data + i * width, rows);
		else
			for (size_t k = 0; k < width; k++)
				row[k].number = ((const float *) rows->data)[i * width + k];
		if (targets->dtype == ML_F32)
			t->targets[i].number = ((const float *) targets->data)[i];
		else
		{
			snprintf(label, sizeof(label), "l%d", ((const int32_t *) targets->data)[i]);
			t->targets[i].text = keep(t, label);
		}
	}
	t->validates = malloc(n);
	memcpy(t->validates, ml_safetensors_tensor(file, "validates")->data, n);
}

/* The largest difference of a column of the history, relative where numbers are above 1. */
static double
farthest(const outcome *r, const ml_safetensors *file, const char *name, int column)
{
	const ml_tensor *expected = ml_safetensors_tensor(file, name);
	double		worst = 0;

	for (size_t i = 0; expected != NULL && i < ml_tensor_elements(expected); i++)
	{
		double		wanted = ((const double *) expected->data)[i];
		double		difference = fabs(history(r, i, column) - wanted) / fmax(1, fabs(wanted));

		if (!(difference <= worst))
			worst = isnan(difference) ? INFINITY : difference;
	}
	return worst;
}

static void
compare_epochs(const outcome *r, const ml_safetensors *file)
{
	unit_is_int(told(r, "history"), ml_tensor_elements(ml_safetensors_tensor(file, "losses")), "  its epochs");
	unit_ok(farthest(r, file, "losses", LOSS) < 1e-4, "  losses differ by %g from PyTorch's", farthest(r, file, "losses", LOSS));
	unit_ok(farthest(r, file, "metrics", METRIC) < 1e-4, "  metrics by %g", farthest(r, file, "metrics", METRIC));
	if (ml_safetensors_tensor(file, "validation_losses") == NULL)
		return;
	unit_ok(farthest(r, file, "validation_losses", VALIDATION_LOSS) < 1e-4, "  losses of validation rows by %g",
			farthest(r, file, "validation_losses", VALIDATION_LOSS));
	unit_ok(farthest(r, file, "validation_metrics", VALIDATION_METRIC) < 1e-4, "  their metrics by %g",
			farthest(r, file, "validation_metrics", VALIDATION_METRIC));
}

typedef struct program
{
	const table *t;
	setting		s;
} program;

static ml_status
run_program(ml_context *ctx, void *argument)
{
	const program *p = argument;
	ml_buffer	stored = {0};
	ml_buffer	report = {0};
	ml_status	status = train(ctx, p->t, &p->s, &stored, &report);

	ml_buffer_free(ctx, &stored);
	ml_buffer_free(ctx, &report);
	return status;
}

/* One epoch of it, with each allocation failing in turn. */
static void
test_faults(const char *name, const table *t, const setting *s)
{
	program		p = {t, *s};
	char		options[2048];
	char	   *epochs;

	snprintf(options, sizeof(options), "%s", s->options);
	epochs = strstr(options, "\"epochs\": ") + strlen("\"epochs\": ");
	while (epochs[1] >= '0' && epochs[1] <= '9')
		memmove(epochs, epochs + 1, strlen(epochs));
	*epochs = '1';
	p.s.options = options;
	unit_every_allocation_fails(name, run_program, &p);
}

static void
test_program(unit_host *host, const char *name)
{
	char		path[64];
	size_t		size;
	char	   *bytes;
	ml_arena	arena = {0};
	ml_safetensors file;
	ml_text		options;
	table		t;
	setting		s = {"network", ML_CLASSIFICATION};
	outcome		r;

	snprintf(path, sizeof(path), "train_network_%s.safetensors", name);
	bytes = unit_data(path, &size);
	if (!unit_ok(bytes != NULL && ml_safetensors_read(&host->ctx, &arena, bytes, size, &file) == ML_OK, "what PyTorch did with %s", name))
		return;
	open_table(host, &t);
	read_rows(&t, &file);
	(void) ml_arena_copy(&host->ctx, &arena, ml_safetensors_metadata(&file, "options"), &options);
	s.options = options.data;
	s.start = (ml_text) {bytes, size};
	if (ml_safetensors_tensor(&file, "targets")->dtype == ML_F32)
		s.task = ML_REGRESSION;
	for (ml_level level = ML_LEVEL_REF; level <= ml_kernel_best(); level++)
	{
		s.kernel = ml_kernel_select(level);
		unit_ok(train_network(host, &t, &s, &r), "%s trains at %s: %s", name, s.kernel->name, host->ctx.error.text);
		compare_epochs(&r, &file);
		end_network(host, &r);
	}
	test_faults(name, &t, &s);
	close_table(&t);
	ml_arena_free(&host->ctx, &arena);
	free(bytes);
}

static void
test_programs(unit_host *host)
{
	static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g"};

	for (size_t i = 0; i < ML_LENGTH(names); i++)
		test_program(host, names[i]);
}

/* Conv2D behind Dense without flattening, as such programs are printed. */
static void
test_rank(unit_host *host)
{
	table		t;
	outcome		r;
	static char pixels[40][48];

	open_table(host, &t);
	add_column(&t, "photo", ML_TYPE_BYTES, ML_ROLE_IMAGE);
	for (size_t i = 0; i < 40; i++)
	{
		memset(pixels[i], (int) (i * 5 + 1), 48);
		add_row(&t)[0].text = (ml_text) {pixels[i], 48};
		t.targets[i].text = i % 2 ? ML_TEXT("odd") : ML_TEXT("even");
	}
	unit_ok(!train_network(host, &t, &(setting)
						   {
							   "network", ML_CLASSIFICATION,
							   "{\"images\": {\"photo\": {\"height\": 4, \"width\": 4, \"channels\": 3}}, \"layers\": ["
							   "{\"type\": \"conv2d\", \"filters\": 4, \"kernel_size\": 3}, {\"type\": \"dense\", \"units\": 2}]}"
						   }, &r) && r.status == ML_BAD_OPTION, "an image as output: %s", host->ctx.error.text);
	unit_ok(strstr(host->ctx.error.text, "dense") != NULL && strstr(host->ctx.error.hint, "aiaas.flatten()") != NULL, "  %s %s",
			host->ctx.error.detail, host->ctx.error.hint);
	end_network(host, &r);
	close_table(&t);
}

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	test_programs(&host);
	test_rank(&host);
	unit_close(&host, "programs");
	return unit_done();
}
