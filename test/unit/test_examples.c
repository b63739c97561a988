/*
 * test_examples.c: training rows as records: every row comes once in each pass, in its part,
 * in an order that the seed decides, in memory and from the spill file alike.
 */
#include "unit.h"

#include "learn/examples.h"
#include "learn/rows.h"

#define ROWS 3000

typedef struct scenario
{
	size_t		memory;
	bool		shuffled;
	size_t		shrunk;			/* to this, once split */
	uint64_t	sum;			/* of what rows were seen, in order */
	uint32_t	seen[ROWS];
	uint32_t	wrong;
	uint64_t	spilled;
	uint64_t	counts[3];
} scenario;

/* Record i has i % 700 words, all of them i. */
static ml_status
add_rows(ml_context *ctx, ml_examples *examples)
{
	for (uint32_t i = 0; i < ROWS; i++)
	{
		uint32_t	n = i % 700;
		void	   *memory;
		uint32_t   *words;

		ML_TRY(ml_examples_reserve(ctx, examples, 4 * 700, &memory));
		words = memory;
		for (uint32_t j = 0; j < n; j++)
			words[j] = i;
		ML_TRY(ml_examples_add(ctx, examples, &(ml_example)
							   {
								   .size = 4 * n,
								   .label = i % 2,
								   .target = i,
								   .weight = 1,
								   .split = i % 3 == 0
							   }));
	}
	return ML_OK;
}

static void
see(scenario *s, const ml_example *example)
{
	uint32_t	i = (uint32_t) example->target;
	const uint32_t *words = ml_example_record(example);

	s->seen[i]++;
	s->sum = s->sum * 31 + i;
	if (example->label != i % 2 || example->size != ml_size_align(4 * (i % 700), 8))
		s->wrong++;
	for (uint32_t j = 0; j < i % 700; j++)
		s->wrong += words[j] != i;
}

static ml_status
pass(ml_context *ctx, ml_examples *examples, scenario *s, uint32_t parts)
{
	ml_rng		rng;
	const ml_example *const *rows;
	size_t		n;

	ml_rng_seed(&rng, 7);
	ML_TRY(ml_examples_begin(ctx, examples, parts, s->shuffled ? &rng : NULL));
	do
	{
		ML_TRY(ml_examples_next(ctx, examples, &rows, &n));
		for (size_t i = 0; i < n; i++)
			see(s, rows[i]);
	} while (n > 0);
	return ML_OK;
}

static uint8_t
part_of(void *arg, const ml_example *example)
{
	return example->split != 0 ? 2 : 1;
}

static ml_status
use(ml_context *ctx, ml_examples *examples, scenario *s)
{
	memset(s->seen, 0, sizeof(s->seen));
	s->sum = 0;
	s->wrong = 0;
	ML_TRY(add_rows(ctx, examples));
	ML_TRY(ml_examples_split(ctx, examples, part_of, NULL));
	if (s->shrunk > 0)
		ML_TRY(ml_examples_shrink(ctx, examples, s->shrunk));
	s->spilled = ml_examples_spilled(examples);
	ML_TRY(pass(ctx, examples, s, ML_PART(1)));
	ML_TRY(pass(ctx, examples, s, ML_PART(2)));
	for (int i = 0; i < 3; i++)
		s->counts[i] = ml_examples_count(examples, ML_PART(i));
	return ML_OK;
}

static ml_status
run(ml_context *ctx, void *argument)
{
	scenario   *s = argument;
	ml_examples *examples;
	ml_status	status;

	ML_TRY(ml_examples_open(ctx, s->memory, 4 * 700, &examples));
	status = use(ctx, examples, s);
	ml_examples_close(ctx, examples);
	return status;
}

static void
check(unit_host *host, const char *name, scenario *s)
{
	uint32_t	missed = 0;

	unit_ok(run(&host->ctx, s) == ML_OK, "%s: %s", name, host->ctx.error.text);
	for (uint32_t i = 0; i < ROWS; i++)
		missed += s->seen[i] != 1;
	unit_is_int(missed, 0, "%s: every row comes once", name);
	unit_is_int(s->wrong, 0, "%s: as it was added", name);
	unit_is_int(s->counts[1], ROWS - ROWS / 3, "%s: rows that learn", name);
	unit_is_int(s->counts[2], ROWS / 3, "%s: rows that are held out", name);
}

static scenario s[4];

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	s[0] = (scenario) {.memory = 64 << 20,.shuffled = true};
	s[1] = (scenario) {.memory = 1 << 20,.shuffled = true};
	s[2] = (scenario) {.memory = 1 << 20};
	check(&host, "in memory", &s[0]);
	unit_is_int(s[0].spilled, 0, "in memory: nothing is spilled");
	check(&host, "spilled", &s[1]);
	unit_ok(s[1].spilled > 1 << 20, "spilled: to the file");
	unit_ok(host.peak_bytes < 64 << 20, "memory is bounded");
	check(&host, "in order", &s[2]);
	s[3] = (scenario) {.memory = 64 << 20,.shuffled = true,.shrunk = 2 << 20};
	check(&host, "shrunk", &s[3]);
	unit_ok(s[3].spilled > 1 << 20, "shrunk: the rest goes to the file");
	s[3] = s[0];
	check(&host, "again", &s[3]);
	unit_ok(s[3].sum == s[0].sum, "the same seed gives the same order");
	unit_ok(s[3].sum != s[2].sum, "which is not that of the rows");
	s[3].memory = 1024;
	unit_fails(&host, run(&host.ctx, &s[3]), ML_MEMORY_LIMIT, "rows of up to", "a limit that is too small");
	s[3].memory = 1 << 20;
	unit_every_allocation_fails("examples", run, &s[3]);
	unit_every_poll_cancels("examples", run, &s[3]);
	unit_close(&host, "examples");
	return unit_done();
}
