/*-------------------------------------------------------------------------
 *
 * test_train_network.c
 *	  Whole trainings of networks: as PyTorch from the same first weights
 *	  (test/data/train_network.py), epochs and who chooses them, weights, slices,
 *	  seeds, what diverges.
 *
 *-------------------------------------------------------------------------
 */
#include "toy_network_training.h"

/* ---- the textbook's programs ---- */

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
	else if (rows->dtype == ML_U8)
		add_column(t, "photo", ML_TYPE_BYTES, ML_ROLE_IMAGE);
	else
		for (uint64_t k = 0; k < rows->dims[1]; k++)
			add_column(t, names[k], ML_TYPE_NUMBER, ML_ROLE_NUMBER);
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
test_program(unit_host *host, const char *name)
{
	char		path[64];
	size_t		size;
	char	   *bytes;
	ml_arena	arena = {0};
	ml_safetensors file;
	ml_text		options;
	table		t;
	outcome		r;

	snprintf(path, sizeof(path), "train_network_%s.safetensors", name);
	bytes = unit_data(path, &size);
	if (!unit_ok(bytes != NULL && ml_safetensors_read(&host->ctx, &arena, bytes, size, &file) == ML_OK, "what PyTorch did with %s", name))
		return;
	open_table(host, &t);
	read_rows(&t, &file);
	(void) ml_arena_copy(&host->ctx, &arena, ml_safetensors_metadata(&file, "options"), &options);
	unit_ok(train_network(host, &t, &(setting)
						  {
							  "network", ml_safetensors_tensor(&file, "targets")->dtype == ML_F32 ? ML_REGRESSION : ML_CLASSIFICATION,
							  options.data, .start = {bytes, size}
						  }, &r), "%s trains: %s", name, host->ctx.error.text);
	unit_is_int(told(&r, "history"), ml_tensor_elements(ml_safetensors_tensor(&file, "losses")), "  its epochs");
	unit_ok(farthest(&r, &file, "losses", LOSS) < 1e-4, "  losses differ by %g from PyTorch's", farthest(&r, &file, "losses", LOSS));
	unit_ok(farthest(&r, &file, "metrics", METRIC) < 1e-4, "  metrics by %g", farthest(&r, &file, "metrics", METRIC));
	if (ml_safetensors_tensor(&file, "validation_losses") != NULL)
	{
		unit_ok(farthest(&r, &file, "validation_losses", VALIDATION_LOSS) < 1e-4, "  losses of validation rows by %g",
				farthest(&r, &file, "validation_losses", VALIDATION_LOSS));
		unit_ok(farthest(&r, &file, "validation_metrics", VALIDATION_METRIC) < 1e-4, "  their metrics by %g",
				farthest(&r, &file, "validation_metrics", VALIDATION_METRIC));
	}
	end_network(host, &r);
	close_table(&t);
	ml_arena_free(&host->ctx, &arena);
	free(bytes);
}

static void
test_programs(unit_host *host)
{
	static const char *const names[] = {"a", "b", "c", "d", "e", "f"};

	for (size_t i = 0; i < ML_LENGTH(names); i++)
		test_program(host, names[i]);
}

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	test_programs(&host);
	unit_close(&host, "programs");
	return unit_done();
}
