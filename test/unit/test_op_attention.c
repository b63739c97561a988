/*-------------------------------------------------------------------------
 *
 * test_op_attention.c
 *	  Attention: gradients, rows by themselves, PyTorch, growing states, faults.
 *
 *-------------------------------------------------------------------------
 */
#include "op_check.h"
#include "recorded.h"

static unit_host host;

#define CASES 200

static op_input
words_input(op_checks *checks, op_role role, int64_t channels)
{
	op_input	in = op_floats(2, (int64_t[]) {0, channels});

	in.role = role;
	in.strided = op_pick(checks, 0, 3) == 0;
	return in;
}

static void
test_attention(const char *name, bool apart, bool cross, bool bf16)
{
	op_checks	checks;

	op_checks_open(&checks, &host, name);
	for (int k = 0; k < CASES; k++)
	{
		op_case		c = {.op = &ml_op_attention, .nin = cross ? 5 : 4, .out = {OP_WORDS}, .unread = 2, .inexact = true};
		int64_t		heads = op_pick(&checks, 1, 3);
		int64_t		d = op_pick(&checks, 0, 5) == 0 ? 33 : op_pick(&checks, 1, 6);

		c.attributes.ints[0] = heads;
		c.attributes.ints[1] = k % 2;
		c.attributes.ints[2] = bf16;
		c.rounded = bf16 ? 0.05 : 0;
		c.attributes.reals[0] = k % 3 == 0 ? 1.7 : 0;
		c.in[0] = words_input(&checks, OP_WORDS, heads * d * (apart ? 1 : 3));
		c.in[1] = (op_input) {.dtype = ML_I32, .role = OP_OFFSETS, .ndims = 1};
		c.in[2] = words_input(&checks, cross ? OP_WORDS_2 : OP_WORDS, heads * d);
		c.in[3] = words_input(&checks, cross ? OP_WORDS_2 : OP_WORDS, heads * op_pick(&checks, 1, 5));
		c.in[4] = (op_input) {.dtype = ML_I32, .role = OP_OFFSETS_2, .ndims = 1};
		/* columns apart are multiplied as they are: whether they are may depend on the number of words */
		for (int i = 0; i < 4 && bf16; i++)
			c.in[i].strided = false;
		c.in[2].absent = c.in[3].absent = !apart;
		op_pick_rows(&checks, &c, 4, k % 20 == 0 ? 140 : 7);
		op_check(&checks, &c);
	}
	op_checks_close(&checks, CASES);
	if (bf16)
		unit_ok(checks.worst_f32 > 1e-3, "%s: is rounded (error %.1e)", name, checks.worst_f32);
}

/* === States that grow === */

#define ROWS		4
#define CAPACITY	600
#define HEADS		2
#define CHANNELS	(2 * 6)
#define WORDS		(ROWS * CAPACITY)

static const int32_t lengths_at_the_end[ROWS] = {540, 1, 30, 0};

/* A graph of one way to attend, and what it runs with. */
typedef struct toy
{
	ml_context *ctx;
	ml_graph   *graph;
	ml_runner  *runner;
	ml_dim		words;
	int32_t		q;
	int32_t		k;
	int32_t		v;
	int32_t		offsets;
	int32_t		lengths;
	int32_t		out;
	void	   *states;
} toy;

static ml_status
toy_open(ml_context *ctx, const ml_kernel *kernel, bool grows, toy *t)
{
	ml_builder	b;
	ml_shape	words = {ML_F32, ML_PLAIN, 2, {0, CHANNELS}};
	ml_shape	rows = {ML_I32, ML_PLAIN, 1, {ROWS}};
	ml_shape	ends = {ML_I32, ML_PLAIN, 1, {ROWS + 1}};
	ml_shape	state = {ML_F32, ML_PLAIN, 3, {ROWS, CAPACITY, CHANNELS}};
	ml_attributes attributes = {.ints = {HEADS, 1}};

	*t = (toy) {.ctx = ctx};
	ML_TRY(ml_graph_open(ctx, ML_F32, &t->graph));
	ML_TRY(ml_graph_symbol(ctx, t->graph, ML_TEXT("words"), &t->words));
	words.dims[0] = t->words;
	ml_builder_start(ctx, t->graph, &b);
	t->q = ml_builder_input(&b, ML_TEXT("q"), &words);
	t->k = ml_builder_input(&b, ML_TEXT("k"), &words);
	t->v = ml_builder_input(&b, ML_TEXT("v"), &words);
	t->offsets = ml_builder_input(&b, ML_TEXT("offsets"), &ends);
	t->lengths = grows ? ml_builder_input(&b, ML_TEXT("lengths"), &rows) : ML_NO_VALUE;
	if (grows)
	{
		int32_t		keys = ml_builder_state(&b, ML_TEXT("keys"), &state);
		int32_t		values = ml_builder_state(&b, ML_TEXT("values"), &state);

		keys = ml_emit(&b.e, &ml_op_state_append, NULL, 4, (int32_t[]) {keys, t->k, t->offsets, t->lengths});
		values = ml_emit(&b.e, &ml_op_state_append, NULL, 4, (int32_t[]) {values, t->v, t->offsets, t->lengths});
		t->out = ml_emit(&b.e, &ml_op_attention_state, &attributes, 5,
						 (int32_t[]) {t->q, t->offsets, keys, values, t->lengths});
	}
	else
		t->out = ml_emit(&b.e, &ml_op_attention, &attributes, 4, (int32_t[]) {t->q, t->offsets, t->k, t->v});
	ml_builder_output(&b, ML_TEXT("out"), t->out);
	ML_TRY(b.e.status);
	ML_TRY(ml_graph_finish(ctx, t->graph));
	ML_TRY(ml_runner_open(ctx, t->graph, kernel, &t->runner));
	ML_TRY(ml_alloc_zero(ctx, t->graph->state_bytes, &t->states));
	t->runner->states = t->states;
	return ML_OK;
}

static void
toy_close(toy *t)
{
	ml_runner_close(t->ctx, t->runner);
	ml_graph_close(t->ctx, t->graph);
	ml_release(t->ctx, t->states);
}

/* The words begin[r] .. begin[r] + n[r] of each row; rows of "all" lie CAPACITY apart, for q, k, v. */
static ml_status
toy_run(toy *t, const float *all, const int32_t *begin, const int32_t *n, float *out)
{
	static float parts[3][WORDS * CHANNELS];
	int32_t		offsets[ROWS + 1] = {0};
	ml_binding	binding = {{0}};
	int32_t		values[] = {t->q, t->k, t->v};
	const float *got;

	for (int r = 0; r < ROWS; r++)
	{
		offsets[r + 1] = offsets[r] + n[r];
		for (int part = 0; part < 3; part++)
			memcpy(parts[part] + offsets[r] * CHANNELS, all + ((size_t) part * WORDS + r * CAPACITY + begin[r]) * CHANNELS,
				   (size_t) n[r] * CHANNELS * sizeof(float));
	}
	binding.numbers[ML_SYMBOL_OF(t->words)] = offsets[ROWS];
	ML_TRY(ml_runner_bind(t->ctx, t->runner, &binding, false));
	for (int part = 0; part < 3; part++)
		t->runner->inputs[values[part]] = parts[part];
	t->runner->inputs[t->offsets] = offsets;
	if (t->lengths != ML_NO_VALUE)
		t->runner->inputs[t->lengths] = begin;
	ML_TRY(ml_runner_run(t->ctx, t->runner, false));
	got = ml_runner_view(t->runner, t->out)->data;
	for (int r = 0; r < ROWS; r++)
		memcpy(out + (r * CAPACITY + begin[r]) * CHANNELS, got + offsets[r] * CHANNELS,
			   (size_t) n[r] * CHANNELS * sizeof(float));
	return ML_OK;
}

static float words[3 * WORDS * CHANNELS];
static float whole[WORDS * CHANNELS];
static float grown[WORDS * CHANNELS];

/* Word by word, or several at a time, rows at different paces. */
static ml_status
grow(ml_context *ctx, const ml_kernel *kernel)
{
	int32_t		begin[ROWS] = {0};
	int32_t		n[ROWS];
	bool		more = true;
	toy			t;
	ml_status	status = toy_open(ctx, kernel, true, &t);

	for (int step = 0; more && status == ML_OK; step++)
	{
		more = false;
		for (int r = 0; r < ROWS; r++)
		{
			n[r] = ML_MIN((step * 7 + r * 3) % (step < 20 ? 3 : 50), lengths_at_the_end[r] - begin[r]);
			more |= begin[r] + n[r] < lengths_at_the_end[r];
		}
		status = toy_run(&t, words, begin, n, grown);
		for (int r = 0; r < ROWS; r++)
			begin[r] += n[r];
	}
	toy_close(&t);
	return status;
}

static void
test_state(void)
{
	static const ml_level levels[] = {ML_LEVEL_REF, ML_LEVEL_AVX2, ML_LEVEL_AVX512};
	int32_t		begin[ROWS] = {0};
	ml_rng		rng;
	toy			t;

	ml_rng_seed(&rng, 5);
	for (size_t i = 0; i < ML_LENGTH(words); i++)
		words[i] = (float) (4 * ml_rng_double(&rng) - 2);
	for (size_t l = 0; l < ML_LENGTH(levels); l++)
	{
		const ml_kernel *kernel = ml_kernel_select(levels[l]);

		memset(whole, 0, sizeof(whole));
		memset(grown, 0, sizeof(grown));
		unit_ok(toy_open(&host.ctx, kernel, false, &t) == ML_OK &&
				toy_run(&t, words, begin, lengths_at_the_end, whole) == ML_OK, "one full pass (%s)", host.ctx.error.text);
		toy_close(&t);
		unit_ok(grow(&host.ctx, kernel) == ML_OK && memcmp(whole, grown, sizeof(whole)) == 0,
				"%s: a growing state gives the bits of one full pass", kernel->name);
	}
	if (toy_open(&host.ctx, &ml_kernel_ref, true, &t) == ML_OK)
		unit_fails(&host, toy_run(&t, words, (int32_t[]) {0, CAPACITY, 0, 0}, (int32_t[]) {1, 1, 0, 0}, grown),
				   ML_BAD_INPUT, "more than 600", "a state that is full");
	toy_close(&t);
}

/* === Polls === */

#define KEYS		20000
#define WIDTH		400

static ml_view
view_of(ml_dtype dtype, int64_t rows, int64_t columns, void *data)
{
	ml_view		view = {.data = data, .dtype = dtype, .ndims = columns > 0 ? 2 : 1, .dims = {rows, columns}};

	ml_view_strides(&view);
	return view;
}

/* One query, or none, of some million keys: how often the host is polled, there and back. */
static uint64_t
count_polls(int32_t nq, bool bf16, bool turned, float *k, float *v, float *const *d)
{
	int32_t		q_ends[2] = {0, nq};
	int32_t		k_ends[2] = {0, KEYS};
	float		rows[4][WIDTH] = {{0}};
	float		logsum = 0;
	ml_attributes attributes = {.ints = {1, 0, bf16}};
	ml_view		in[8] = {
		view_of(ML_F32, nq, WIDTH, rows[0]), view_of(ML_I32, 2, 0, q_ends), view_of(ML_F32, KEYS, WIDTH, k),
		view_of(ML_F32, KEYS, WIDTH, v), view_of(ML_I32, 2, 0, k_ends), view_of(ML_F32, nq, WIDTH, rows[1]),
		view_of(ML_F32, nq, 1, &logsum), view_of(ML_F32, nq, WIDTH, rows[2])
	};
	ml_view		out[2] = {view_of(ML_F32, nq, WIDTH, rows[1]), view_of(ML_F32, nq, 1, &logsum)};
	ml_view		dout[3] = {view_of(ML_F32, nq, WIDTH, rows[3]), view_of(ML_F32, KEYS, WIDTH, d[0]), view_of(ML_F32, KEYS, WIDTH, d[1])};
	ml_op_run	run = {
		.ctx = &host.ctx, .kernel = ml_kernel_select(ML_LEVEL_AUTO), .attributes = &attributes, .nin = 5, .nout = 2, .in = in, .out = out
	};
	const ml_op *ops[] = {&ml_op_attention, &ml_op_attention_grad};
	uint64_t	before = host.polls;

	for (int i = 2; i < 4 && turned; i++)
	{
		in[i].strides[0] = 1;
		in[i].strides[1] = KEYS;
	}
	for (int back = 0; back < 2; back++)
	{
		run.workspace = aligned_alloc(ML_ALIGN, ops[back]->kernels[0].workspace(&run));
		unit_ok(ops[back]->kernels[0].run(&run) == ML_OK, "%d queries of %d keys", (int) nq, KEYS);
		free(run.workspace);
		run.nin = 8;
		run.nout = 3;
		run.out = dout;
	}
	return host.polls - before;
}

/* A row can be cancelled while its keys are laid out. */
static void
test_polls(void)
{
	float	   *numbers[4];

	for (int i = 0; i < 4; i++)
		numbers[i] = calloc((size_t) KEYS * WIDTH, sizeof(float));
	/* each of the copies below takes 60 */
	for (int kind = 0; kind < 3; kind++)
	{
		uint64_t	polls = count_polls(1, kind == 1, kind == 2, numbers[0], numbers[1], numbers + 2);

		unit_ok(polls >= (kind == 0 ? 180 : 280), "%s: %d polls", kind == 0 ? "keys" : kind == 1 ? "keys in bf16" : "keys by columns",
				(int) polls);
	}
	unit_ok(count_polls(0, false, false, numbers[0], numbers[1], numbers + 2) >= 120, "gradients of keys that nobody asks for");
	for (int i = 0; i < 4; i++)
		free(numbers[i]);
}

/* === Faults === */

static ml_status
scenario(ml_context *ctx, void *argument)
{
	return grow(ctx, ml_kernel_select(ML_LEVEL_AUTO));
}

int
main(void)
{
	unit_open(&host);
	test_attention("attention, together", false, false, false);
	test_attention("attention, apart", true, false, false);
	test_attention("attention, of other rows", true, true, false);
	test_attention("attention, bf16", false, false, true);
	test_attention("attention, of other rows, bf16", true, true, true);
	recorded_test(&host, "ops_attention.safetensors", false);
	test_state();
	test_polls();
	unit_every_allocation_fails("a growing state", scenario, NULL);
	unit_every_poll_cancels("a growing state", scenario, NULL);
	unit_close(&host, "attention");
	return unit_done();
}
