/*-------------------------------------------------------------------------
 *
 * predict.c
 *	  Speed of the engine alone: texts of a TSV file through a session.
 *
 *	predict FILE WORDS CHARS LABELS [MIN_DF [LEVEL]]
 *
 * Texts are the last column.  The model has word 1..WORDS and, with CHARS > 0,
 * character 2..CHARS grams of the texts that occur MIN_DF times, and weights
 * out of a hat: speed depends on how many there are, not on what they say.
 * Prints the best of several passes, in processor time.
 *
 *-------------------------------------------------------------------------
 */
#define ML_HOST

#include "model/model.h"
#include "../test/unit/toy_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PASSES	15

static ml_context ctx;
static size_t live_bytes;

typedef struct block
{
	size_t		size;
	size_t		unused;
} block;

static void *
host_alloc(void *user, size_t size)
{
	block	   *b = malloc(sizeof(block) + size);

	if (b == NULL)
		return NULL;
	b->size = size;
	live_bytes += size;
	return b + 1;
}

static void *
host_resize(void *user, void *pointer, size_t size)
{
	block	   *b = (block *) pointer - 1;
	size_t		before = b->size;

	b = realloc(b, sizeof(block) + size);
	if (b == NULL)
		return NULL;
	b->size = size;
	live_bytes += size - before;
	return b + 1;
}

static void
host_release(void *user, void *pointer)
{
	live_bytes -= ((block *) pointer - 1)->size;
	free((block *) pointer - 1);
}

static const ml_host host = {.alloc = host_alloc,.resize = host_resize,.release = host_release};

static void
must(ml_status status)
{
	if (status == ML_OK)
		return;
	fprintf(stderr, "%s\n", ctx.error.text);
	exit(1);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

/* The last columns of a file's lines; the file stays in memory. */
static ml_text *
read_texts(const char *path, size_t *n)
{
	FILE	   *file = fopen(path, "rb");
	ml_text    *texts = NULL;
	char	   *bytes;
	size_t		size;
	size_t		capacity = 0;

	*n = 0;
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
	for (char *line = bytes, *end; (end = memchr(line, '\n', size - (line - bytes))) != NULL; line = end + 1)
	{
		char	   *tab = memrchr(line, '\t', end - line);

		must(ml_grow(&ctx, (void **) &texts, &capacity, *n + 1, sizeof(ml_text)));
		line = tab == NULL ? line : tab + 1;
		texts[(*n)++] = (ml_text) {line, (size_t) (end - line)};
	}
	return texts;
}

int
main(int argc, char **argv)
{
	ml_text		column = ML_TEXT("text");
	ml_recipe	recipe;
	const ml_kernel *kernel = ml_kernel_select(argc > 6 ? (ml_level) atoi(argv[6]) : ML_LEVEL_AUTO);
	ml_arena	arena = {0};
	ml_buffer	file = {0};
	ml_session *session;
	ml_text    *texts;
	uint32_t   *labels;
	void	   *image;
	size_t		n;
	size_t		image_size;
	size_t		bytes = 0;
	size_t		before;
	double		best = 1e9;

	ctx.host = &host;
	if (argc < 5)
		return 1;
	ml_recipe_default(&recipe);
	recipe.columns = &column;
	recipe.ncolumns = 1;
	recipe.unicode = ML_TEXT("15.0");
	recipe.word_ngrams[1] = atoi(argv[2]);
	recipe.char_ngrams[0] = atoi(argv[3]) > 0 ? 2 : 0;
	recipe.char_ngrams[1] = atoi(argv[3]);
	recipe.min_df = argc > 5 ? atoi(argv[5]) : 1;
	texts = read_texts(argv[1], &n);
	for (size_t i = 0; i < n; i++)
		bytes += texts[i].size;
	must(toy_model(&ctx, &arena, &recipe, kernel, texts, n, (uint32_t) atoi(argv[4]), 1, &file));
	ml_arena_free(&ctx, &arena);

	must(ml_image_plan(&ctx, file.data, file.size, &image_size));
	image = aligned_alloc(ML_ALIGN, image_size);
	must(ml_image_build(&ctx, file.data, file.size, image, image_size));
	before = live_bytes;
	must(ml_session_open(&ctx, image, kernel, &session));
	labels = malloc(n * sizeof(uint32_t));
	for (int pass = 0; pass < PASSES; pass++)
	{
		double		start = now();

		for (size_t i = 0; i < n; i++)
			must(ml_session_predict(&ctx, session, 1, (const ml_value *) &texts[i], &labels[i], NULL));
		best = ML_MIN(best, now() - start);
	}
	printf("file %.2f MB, image %.2f MB, session %zu kB, %s\n", (double) file.size / 1e6, (double) image_size / 1e6,
		   (live_bytes - before) / 1024, kernel->name);
	printf("%zu texts, %.1f bytes each: %.3f us per text, %.0f texts/s, %.0f MB/s\n", n,
		   (double) bytes / (double) n, best / (double) n * 1e6, (double) n / best,
		   (double) bytes / best / 1e6);
	return 0;
}
