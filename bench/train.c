/*-------------------------------------------------------------------------
 *
 * train.c
 *	  Speed of the engine alone: a TSV file of labels and texts, from memory to
 *	  stored bytes, and how well the model does on a second file.
 *
 *	train TRAIN TEST [ALGORITHM [OPTIONS [MEGABYTES [REPEATS]]]]
 *
 * The label is the first column of a line, the text the last; with the option
 * "weights", the row's weight is the second.  Prints the best
 * processor time of the repeats, phase by phase, and the report of the last.
 *
 *-------------------------------------------------------------------------
 */
#define ML_HOST

#include "ml.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PHASES	(ML_PHASE_STORE + 2)

static ml_context ctx;
static FILE *spill;
static size_t live_bytes;
static size_t peak_bytes;

typedef struct block
{
	size_t		size;
	size_t		unused;
} block;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

/* Where the time goes: a phase lasts until the next is reported. */
static double phase_began;
static ml_phase phase;
static double spent[PHASES];

static void
enter(ml_phase next)
{
	double		t = now();

	spent[phase] += t - phase_began;
	phase = next;
	phase_began = t;
}

static void
host_progress(void *user, const ml_progress *progress)
{
	enter(progress->phase);
}

static void *
host_resize(void *user, void *pointer, size_t size)
{
	block	   *b = pointer == NULL ? NULL : (block *) pointer - 1;

	live_bytes -= b == NULL ? 0 : b->size;
	b = realloc(b, sizeof(block) + size);
	if (b == NULL)
		return NULL;
	b->size = size;
	live_bytes += size;
	peak_bytes = ML_MAX(peak_bytes, live_bytes);
	return b + 1;
}

static void *
host_alloc(void *user, size_t size)
{
	return host_resize(user, NULL, size);
}

static void
host_release(void *user, void *pointer)
{
	live_bytes -= ((block *) pointer - 1)->size;
	free((block *) pointer - 1);
}

static bool
host_write(void *user, const void *bytes, size_t size)
{
	return fseek(spill, 0, SEEK_END) == 0 && fwrite(bytes, 1, size, spill) == size;
}

static bool
host_read(void *user, uint64_t offset, void *bytes, size_t size)
{
	return fseek(spill, (long) offset, SEEK_SET) == 0 && fread(bytes, 1, size, spill) == size;
}

static void
host_log(void *user, const char *text)
{
	printf("notice: %s\n", text);
}

static const ml_host host = {
	.alloc = host_alloc,.resize = host_resize,.release = host_release,
	.progress = host_progress,.log = host_log,
	.spill_write = host_write,.spill_read = host_read
};

static void
must(ml_status status)
{
	if (status == ML_OK)
		return;
	fprintf(stderr, "%s\n%s\n%s\n", ctx.error.text, ctx.error.detail, ctx.error.hint);
	exit(1);
}

typedef struct table
{
	size_t		n;
	ml_text    *labels;
	ml_text    *texts;
	float	   *weights;
} table;

static table
read_table(const char *path)
{
	FILE	   *file = fopen(path, "rb");
	table		t = {0};
	size_t		capacity[3] = {0, 0, 0};
	char	   *bytes;
	size_t		size;

	if (file == NULL || fseek(file, 0, SEEK_END) != 0)
	{
		perror(path);
		exit(1);
	}
	size = (size_t) ftell(file);
	rewind(file);
	bytes = malloc(size + 1);
	if (fread(bytes, 1, size, file) != size)
		exit(1);
	fclose(file);
	for (char *line = bytes, *end;
		 (end = memchr(line, '\n', size - (size_t) (line - bytes))) != NULL; line = end + 1)
	{
		char	   *first = memchr(line, '\t', (size_t) (end - line));
		char	   *last = memrchr(line, '\t', (size_t) (end - line));

		if (first == NULL)
			continue;
		must(ml_grow(&ctx, (void **) &t.labels, &capacity[0], t.n + 1, sizeof(ml_text)));
		must(ml_grow(&ctx, (void **) &t.texts, &capacity[1], t.n + 1, sizeof(ml_text)));
		must(ml_grow(&ctx, (void **) &t.weights, &capacity[2], t.n + 1, sizeof(float)));
		t.weights[t.n] = strtof(first + 1, NULL);
		t.labels[t.n] = (ml_text) {line, (size_t) (first - line)};
		t.texts[t.n++] = (ml_text) {last + 1, (size_t) (end - last - 1)};
	}
	return t;
}

static double
train(const table *t, ml_text algorithm, ml_text options, size_t memory,
	  ml_buffer *stored, ml_buffer *report)
{
	ml_column	column = {.name = ML_TEXT("text"), .role = ML_ROLE_TEXT};
	ml_trainer *trainer;
	double		began = now();

	memset(spent, 0, sizeof(spent));
	phase = ML_PHASE_READ;
	phase_began = began;
	must(ml_trainer_open(&ctx, &(ml_training)
						 {
							 .algorithm = algorithm,
							 .options = options,
							 .ncolumns = 1,
							 .columns = &column,
							 .target = ML_TEXT("label"),
							 .memory = memory,
							 .kernel = ml_kernel_select(ML_LEVEL_AUTO)
						 }, &trainer));
	must(ml_trainer_add(&ctx, trainer, &(ml_batch)
						{
							.n = t->n,
							.inputs = (const ml_value *) t->texts,
							.targets = (const ml_value *) t->labels,
							.weights = strstr(options.data, "\"weights\"") == NULL ? NULL : t->weights
						}));
	must(ml_trainer_finish(&ctx, trainer, stored, report));
	enter(PHASES - 1);
	began = now() - began;
	ml_trainer_close(&ctx, trainer);
	return began;
}

static double
accuracy(const table *t, const ml_buffer *stored, double *log_loss)
{
	ml_session *session;
	ml_log_loss loss = {0};
	void	   *image;
	size_t		size;
	size_t		right = 0;
	double	   *probabilities;

	must(ml_image_plan(&ctx, stored->data, stored->size, &size));
	image = aligned_alloc(ML_ALIGN, size);
	must(ml_image_build(&ctx, stored->data, stored->size, image, size));
	must(ml_session_open(&ctx, image, ml_kernel_select(ML_LEVEL_AUTO), &session));
	probabilities = malloc(ml_image_nlabels(image) * sizeof(double));
	for (size_t i = 0; i < t->n; i++)
	{
		uint32_t	label;
		int64_t		actual = ml_image_find_label(image, t->labels[i]);

		must(ml_session_predict(&ctx, session, 1, (const ml_value *) &t->texts[i], &label, probabilities));
		right += label == actual;
		if (actual >= 0)
			ml_log_loss_add(&loss, probabilities[actual]);
	}
	*log_loss = ml_log_loss_value(&loss);
	ml_session_close(&ctx, session);
	free(image);
	free(probabilities);
	return (double) right / (double) t->n;
}

int
main(int argc, char **argv)
{
	ml_text		algorithm = ML_TEXT("auto");
	ml_text		options = ML_TEXT("{}");
	size_t		memory = (size_t) (argc > 5 ? atoi(argv[5]) : 1024) << 20;
	int			repeats = argc > 6 ? atoi(argv[6]) : 5;
	ml_buffer	stored = {0};
	ml_buffer	report = {0};
	double		best = 1e9;
	double		phases[PHASES] = {0};
	double		log_loss;
	double		share;
	table		rows;
	table		test;

	ctx.host = &host;
	if (argc < 3)
		return 1;
	if (argc > 3)
		algorithm = (ml_text) {argv[3], strlen(argv[3])};
	if (argc > 4)
		options = (ml_text) {argv[4], strlen(argv[4])};
	rows = read_table(argv[1]);
	test = read_table(argv[2]);
	peak_bytes = live_bytes;
	for (int i = 0; i < repeats; i++)
	{
		double		t;

		ml_buffer_free(&ctx, &stored);
		ml_buffer_free(&ctx, &report);
		spill = tmpfile();
		t = train(&rows, algorithm, options, memory, &stored, &report);
		fclose(spill);
		if (t < best)
		{
			best = t;
			memcpy(phases, spent, sizeof(spent));
		}
	}
	share = accuracy(&test, &stored, &log_loss);
	printf("%.*s\n", (int) ML_MIN(report.size, (size_t) 1200), report.data);
	printf("%zu rows: %.1f ms (read %.1f, count %.1f, fit %.1f, calibrate %.1f, evaluate %.1f, "
		   "store %.1f), peak %.1f MB\n", rows.n, best * 1e3, phases[ML_PHASE_READ] * 1e3,
		   phases[ML_PHASE_COUNT] * 1e3, phases[ML_PHASE_FIT] * 1e3,
		   phases[ML_PHASE_CALIBRATE] * 1e3, phases[ML_PHASE_EVALUATE] * 1e3,
		   phases[ML_PHASE_STORE] * 1e3, (double) peak_bytes / 1e6);
	printf("test: accuracy %.4f, log loss %.4f; %.2f MB stored\n", share, log_loss,
		   (double) stored.size / 1e6);
	return 0;
}
