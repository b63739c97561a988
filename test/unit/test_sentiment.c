/*-------------------------------------------------------------------------
 *
 * test_sentiment.c
 *	  Models that release 1.0 stored keep their answers: the sentiment model's
 *	  probabilities and explanations, bit for bit, at every CPU level.
 *
 * test/data/sentiment.txt is what this program wrote when it was built on
 * release 1.0 (commit 96f7a01) and run with the argument "record".
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "model/model.h"

#define MODEL		"models/sentiment/sentiment.safetensors"
#define TEXTS		"models/sentiment/everyday.tsv"
#define ROWS		200
#define LABELS		3

typedef struct answer
{
	double		probabilities[LABELS];
	double		intercept;
	double		largest;		/* contribution */
	size_t		nparts;
} answer;

static ml_image *
load(unit_host *host)
{
	size_t		size;
	size_t		image_size;
	char	   *file = unit_read(MODEL, &size);
	ml_image   *image;

	if (file == NULL || ml_image_plan(&host->ctx, file, size, &image_size) != ML_OK)
		abort();
	image = aligned_alloc(ML_ALIGN, image_size);
	if (ml_image_build(&host->ctx, file, size, image, image_size) != ML_OK)
		abort();
	free(file);
	return image;
}

/* The last field of each line; cuts the lines of "file". */
static size_t
split(char *file, ml_text *texts)
{
	size_t		n = 0;

	for (char *line = strtok(file, "\n"); line != NULL && n < ROWS; line = strtok(NULL, "\n"))
	{
		const char *tab = strrchr(line, '\t');

		texts[n++] = unit_text(tab == NULL ? line : tab + 1);
	}
	return n;
}

static void
ask(unit_host *host, const ml_image *image, ml_level level, const ml_text *texts, size_t n, answer *answers)
{
	double		probabilities[ROWS * LABELS];
	ml_session *session;

	if (ml_session_open(&host->ctx, image, ml_kernel_select(level), &session) != ML_OK ||
		ml_session_predict(&host->ctx, session, n, (const void *) texts, NULL, probabilities) != ML_OK)
		abort();
	for (size_t i = 0; i < n; i++)
	{
		const ml_contribution *parts;
		uint32_t	label;

		memcpy(answers[i].probabilities, probabilities + i * LABELS, sizeof(answers[i].probabilities));
		if (ml_session_explain(&host->ctx, session, (const void *) &texts[i], -1, &label, &parts,
							   &answers[i].nparts) != ML_OK)
			abort();
		answers[i].intercept = parts[0].contribution;
		answers[i].largest = answers[i].nparts > 1 ? parts[1].contribution : 0;
	}
	ml_session_close(&host->ctx, session);
}

static bool
same(double number, uint64_t bits)
{
	return memcmp(&number, &bits, sizeof(bits)) == 0;
}

/* The numbers of a line of test/data/sentiment.txt. */
static bool
is_recorded(const char *line, const answer *a)
{
	unsigned long long bits[LABELS + 2];
	size_t		nparts;
	bool		equal;

	if (sscanf(line, "%llx %llx %llx %llx %llx %zu", &bits[0], &bits[1], &bits[2], &bits[3], &bits[4],
			   &nparts) != LABELS + 3)
		return false;
	equal = same(a->intercept, bits[3]) && same(a->largest, bits[4]) && nparts == a->nparts;
	for (int c = 0; c < LABELS; c++)
		equal &= same(a->probabilities[c], bits[c]);
	return equal;
}

static void
record(const answer *answers, size_t n)
{
	for (size_t i = 0; i < n; i++)
	{
		uint64_t	bits[LABELS + 2];

		memcpy(bits, answers[i].probabilities, sizeof(answers[i].probabilities));
		memcpy(&bits[3], &answers[i].intercept, sizeof(double));
		memcpy(&bits[4], &answers[i].largest, sizeof(double));
		for (int k = 0; k < LABELS + 2; k++)
			printf("%016llx ", (unsigned long long) bits[k]);
		printf("%zu\n", answers[i].nparts);
	}
}

int
main(int argc, char **argv)
{
	static answer answers[ROWS];
	unit_host	host;
	size_t		size;
	char	   *file = unit_read(TEXTS, &size);
	ml_text		texts[ROWS];
	size_t		n;
	ml_image   *image;
	char	   *recorded;
	char	   *lines[ROWS];
	size_t		nlines = 0;

	unit_open(&host);
	if (file == NULL)
		abort();
	n = split(file, texts);
	image = load(&host);
	if (argc > 1)
	{
		if (ml_image_nlabels(image) != LABELS)
			abort();
		ask(&host, image, ML_LEVEL_AUTO, texts, n, answers);
		record(answers, n);
		return 0;
	}
	unit_is_int(ml_image_nlabels(image), LABELS, "labels");
	recorded = unit_data("sentiment.txt", &size);
	for (char *line = strtok(recorded, "\n"); line != NULL && nlines < ROWS; line = strtok(NULL, "\n"))
		lines[nlines++] = line;
	unit_is_int(n, nlines, "as many texts as were recorded");
	for (ml_level level = ML_LEVEL_REF; level <= ml_kernel_best(); level++)
	{
		size_t		differ = 0;

		ask(&host, image, level, texts, n, answers);
		for (size_t i = 0; i < n && i < nlines; i++)
			differ += !is_recorded(lines[i], &answers[i]);
		unit_is_int(differ, 0, "level %d: the bits of release 1.0", (int) level);
	}
	free(image);
	free(recorded);
	free(file);
	unit_close(&host, "sentiment");
	return unit_done();
}
