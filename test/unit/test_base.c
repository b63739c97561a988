/*-------------------------------------------------------------------------
 *
 * test_base.c
 *	  Memory, formatting, hash, random numbers, exp and log, text, sorting.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "base/hash.h"
#include "base/math.h"
#include "base/print.h"
#include "base/sort.h"
#include "base/tensor.h"

static void
test_sizes(void)
{
	unit_ok(ml_size_mul(3, 4) == 12 && ml_size_mul(SIZE_MAX / 2 + 1, 2) == SIZE_MAX &&
			ml_size_mul(SIZE_MAX, 0) == 0, "a product that overflows saturates");
	unit_ok(ml_size_add(3, 4) == 7 && ml_size_add(SIZE_MAX, 1) == SIZE_MAX &&
			ml_size_add(SIZE_MAX - 1, 1) == SIZE_MAX, "a sum that overflows saturates");
	unit_ok(ml_size_align(0, 64) == 0 && ml_size_align(1, 64) == 64 &&
				ml_size_align(64, 64) == 64 && ml_size_align(SIZE_MAX - 62, 64) == SIZE_MAX,
			"rounding up saturates");
}

static void
test_memory(void)
{
	unit_host	host;
	void	   *pointer = NULL;
	void	   *array = NULL;
	size_t		capacity = 0;

	unit_open(&host);
	unit_fails(&host, ml_alloc(&host.ctx, SIZE_MAX, &pointer), ML_NO_MEMORY, "out of memory",
			   "a saturated size is refused");
	unit_ok(pointer == NULL, "and the result is NULL");
	unit_ok(ml_alloc(&host.ctx, 0, &pointer) == ML_OK && pointer != NULL, "size 0 gives a pointer");
	unit_ok(ml_resize(&host.ctx, &pointer, 100) == ML_OK, "it grows");
	array = pointer;
	unit_ok(ml_resize(&host.ctx, &pointer, SIZE_MAX) == ML_NO_MEMORY && pointer == array,
			"a resize that fails keeps the block");
	ml_release(&host.ctx, pointer);
	ml_release(&host.ctx, NULL);
	array = NULL;
	unit_ok(ml_grow(&host.ctx, &array, &capacity, 1, 8) == ML_OK && capacity >= 1, "an array grows");
	memset(array, 1, capacity * 8);
	for (size_t need = 2; need < 1000; need++)
	{
		if (ml_grow(&host.ctx, &array, &capacity, need, 8) != ML_OK || capacity < need)
			break;
		memset((char *) array + (need - 1) * 8, 1, 8);
	}
	unit_ok(capacity >= 999 && host.allocations < 20, "by doubling");
	unit_ok(ml_grow(&host.ctx, &array, &capacity, SIZE_MAX / 4, 8) == ML_NO_MEMORY &&
			capacity < 4096, "an array too large is refused");
	ml_release(&host.ctx, array);
	unit_ok(ml_alloc_zero(&host.ctx, 1000, &pointer) == ML_OK && ((char *) pointer)[999] == 0,
			"zeroed memory");
	ml_release(&host.ctx, pointer);
	unit_close(&host, "memory");
}

static void
test_arena(void)
{
	unit_host	host;
	ml_arena	arena = {0};
	ml_rng		rng;
	int			wrong = 0;
	size_t		total;
	ml_text		copy;

	unit_open(&host);
	ml_rng_seed(&rng, 1);
	for (int round = 0; round < 3; round++)
	{
		char	   *blocks[300];
		size_t		sizes[300];

		for (int i = 0; i < 300; i++)
		{
			void	   *memory;

			sizes[i] = (size_t) ml_rng_below(&rng, i % 50 == 0 ? 100000 : 300);
			if (ml_arena_alloc(&host.ctx, &arena, sizes[i], &memory) != ML_OK)
				abort();
			blocks[i] = memory;
			wrong += (uintptr_t) memory % ML_ALIGN != 0;
			memset(memory, i, sizes[i]);
		}
		for (int i = 0; i < 300; i++)
			for (size_t k = 0; k < sizes[i]; k++)
				wrong += blocks[i][k] != (char) i;
		ml_arena_reset(&host.ctx, &arena);
		wrong += host.live_blocks != 1;
	}
	unit_is_int(wrong, 0, "blocks of an arena are aligned and apart");
	total = arena.total;
	unit_ok(total >= host.live_bytes, "it knows what it took");
	unit_ok(ml_arena_copy(&host.ctx, &arena, ML_TEXT("copy"), &copy) == ML_OK, "a text is copied");
	unit_ok(strcmp(copy.data, "copy") == 0 && copy.size == 4, "with a NUL after it");
	unit_ok(ml_arena_copy(&host.ctx, &arena, (ml_text) {NULL, 0}, &copy) == ML_OK &&
			copy.size == 0, "also an absent one");
	unit_is_int(arena.total, total, "a reset arena has room for that");
	unit_ok(ml_arena_alloc(&host.ctx, &arena, SIZE_MAX - 10, &(void *) {NULL}) == ML_NO_MEMORY,
			"a size too large is refused");
	ml_arena_free(&host.ctx, &arena);
	unit_close(&host, "arena");
}

/*
 * Doubles at the ends of their range need a longer type on the way; valgrind
 * has none.
 */
static bool
has_long_double(void)
{
	volatile long double one = 1;

	return one + 0x1p-60L != one;
}

static bool
out_of_reach(double value)
{
	value = fabs(value);
	return value != 0 && isfinite(value) && (value < 1e-290 || value > 1e307) && !has_long_double();
}

static ml_text
format_double(double value, int digits)
{
	static char buffer[32];

	return (ml_text) {buffer, ml_print_double(buffer, value, digits)};
}

static void
test_print(void)
{
	char		buffer[100];
	size_t		n;

	n = ml_print(buffer, sizeof(buffer), "%s|%.*s|%d|%u|%lld|%llu|%zu|%c|%%|%g|%.3g", "a", 2, "bcd",
				 -5, 7u, -9223372036854775807LL - 1, 18446744073709551615ULL, (size_t) 3, 'x', 0.1,
				 2.0 / 3);
	unit_ok(n == strlen(buffer), "the length is that of the text");
	unit_is_text(((ml_text) {buffer, n}),
				 "a|bc|-5|7|-9223372036854775808|18446744073709551615|3|x|%|0.1|0.667",
				 "every conversion");
	n = ml_print(buffer, 6, "%s", "abc\xe2\x82\xac");
	unit_is_text(((ml_text) {buffer, n}), "abc", "cut at a character, never within");
	n = ml_print(buffer, 5, "%s%s", "ab\xe2\x82\xac", "z");
	unit_is_text(((ml_text) {buffer, n}), "ab", "and nothing follows the cut");
	n = ml_print(buffer, sizeof(buffer), "%.*s|%.*s|%.*s|%.*s", 4, "ab\xe2\x82\xac", 5,
				 "ab\xe2\x82\xac", 3, "\xf0\x9f\x98\x80", 2, "\xc3\xa9");
	unit_is_text(((ml_text) {buffer, n}), "ab|ab\xe2\x82\xac||\xc3\xa9", "a precision neither");
	n = ml_print(buffer, 1, "abc");
	unit_ok(n == 0 && buffer[0] == '\0', "no room at all");
	n = ml_print(buffer, sizeof(buffer), "%g %g %g", NAN, INFINITY, -INFINITY);
	unit_is_text(((ml_text) {buffer, n}), "NaN Infinity -Infinity", "what is no number");
}

static void
test_doubles(void)
{
	static const struct
	{
		double		value;
		int			digits;
		const char *text;
	} cases[] = {
		{0, 6, "0"}, {-0.0, 6, "-0"}, {1, 6, "1"}, {-12345, 6, "-12345"}, {0.1, 15, "0.1"},
		{0.5, 1, "0.5"}, {999999.5, 6, "1000000"}, {9.9999999, 3, "10"}, {1e15, 6, "1000000000000000"},
		{1e16, 6, "1e+16"}, {1.5e-7, 6, "1.5e-7"}, {0.00001, 6, "0.00001"}, {2.0 / 3, 3, "0.667"},
		{1e308, 3, "1e+308"}, {5e-324, 1, "5e-324"}, {1.7976931348623157e308, 15, "1.79769313486232e+308"},
		{2.2250738585072014e-308, 15, "2.2250738585072e-308"}, {NAN, 6, "null"}, {-INFINITY, 6, "null"},
		{123456789012345.0, 15, "123456789012345"}, {0.1 + 0.2, 15, "0.3"}
	};
	ml_rng		rng;
	int			wrong = 0;

	for (size_t i = 0; i < ML_LENGTH(cases); i++)
	{
		ml_text		text = format_double(cases[i].value, cases[i].digits);

		if (out_of_reach(cases[i].value))
			unit_skip(cases[i].text, "no long double here");
		else
			unit_is_text(text, cases[i].text, "%s", cases[i].text);
	}
	ml_rng_seed(&rng, 2);
	for (int i = 0; i < 100000; i++)
	{
		uint64_t	bits = ml_rng_next(&rng);
		double		value;
		double		back = 0;
		ml_text		text;

		memcpy(&value, &bits, 8);
		if (!isfinite(value))
			continue;
		text = format_double(value, 15);
		if (ml_parse_double(text.data, text.size, &back) != text.size ||
			fabs(back - strtod(text.data, NULL)) > 1e-15 * fabs(value) ||
			fabs(back / value - 1) > 1e-14)
			wrong += fabs(value) > 1e-290;	/* subnormal numbers have fewer digits */
	}
	if (has_long_double())
		unit_is_int(wrong, 0, "15 digits of random doubles come back");
	else
		unit_skip("15 digits of random doubles come back", "no long double here");
	wrong = 0;
	for (int i = 0; i < 100000; i++)
	{
		double		value = ((double) ml_rng_below(&rng, 2000000) - 1000000) / 1000;
		double		back;
		ml_text		text = format_double(value, 15);

		ml_parse_double(text.data, text.size, &back);
		wrong += back != value || strtod(text.data, NULL) != value;
	}
	unit_is_int(wrong, 0, "decimal fractions come back exactly");
}

static void
test_parse(void)
{
	static const struct
	{
		const char *text;
		size_t		used;
		double		value;
	} cases[] = {
		{"1", 1, 1}, {"-1.25e2x", 7, -125}, {"1.", 1, 1}, {"1.x", 1, 1}, {"1e", 1, 1}, {"1e+", 1, 1},
		{"x", 0, 0}, {"", 0, 0}, {"-", 0, 0}, {".5", 0, 0}, {"1e400", 5, INFINITY}, {"1e-400", 6, 0},
		{"0e999999999999", 14, 0}, {"1.7976931348623157e308", 22, 1.7976931348623157e308},
		{"4.9406564584124654e-324", 23, 4.9406564584124654e-324},
		{"123456789012345678901234567890", 30, 123456789012345678901234567890.0},
		{"0.000000000000000000000000000001", 32, 1e-30}, {"9007199254740993", 16, 9007199254740992.0}
	};

	for (size_t i = 0; i < ML_LENGTH(cases); i++)
	{
		double		value = 0;
		size_t		used = ml_parse_double(cases[i].text, strlen(cases[i].text), &value);

		if (out_of_reach(cases[i].value))
			unit_skip(cases[i].text, "no long double here");
		else
			unit_ok(used == cases[i].used && (value == cases[i].value ||
												fabs(value / cases[i].value - 1) <=
												(has_long_double() ? 0 : 1e-15)),
					"\"%s\" is %g", cases[i].text, cases[i].value);
	}
}

static void
test_buffer(void)
{
	unit_host	host;
	ml_buffer	buffer = {0};
	bool		appended = true;

	unit_open(&host);
	for (int i = 0; i < 1000; i++)
		appended = appended && ml_appendf(&host.ctx, &buffer, "%d,", i) == ML_OK &&
			buffer.data[buffer.size] == '\0';
	unit_ok(appended && buffer.size == 3890 && strlen(buffer.data) == buffer.size,
			"a buffer grows, a NUL at its end");
	unit_ok(ml_append(&host.ctx, &buffer, NULL, 0) == ML_OK && buffer.size == 3890,
			"by nothing, too");
	ml_buffer_free(&host.ctx, &buffer);
	unit_close(&host, "buffer");
}

/* Part of the stored format: these numbers must never change. */
static void
test_hash(void)
{
	static const char text[] = "The quick brown fox jumps over the lazy dog";
	ml_rng		rng;
	uint32_t	items[1000];
	uint64_t	sum = 0;
	uint64_t	once;
	int			wrong = 0;
	double		mean = 0;

	once = ml_hash("", 0, 0);
	for (size_t n = 1; n < sizeof(text); n++)
		wrong += ml_hash(text, n, 0) == ml_hash(text, n - 1, 0);
	for (size_t n = 0; n < sizeof(text); n++)
		once = ml_hash_join(once, ml_hash(text, n, n));
	unit_is_int(wrong, 0, "prefixes differ");
	unit_ok(once == UINT64_C(0xf576b79acbbeea7c), "the hash is as ever (0x%llx)", (unsigned long long) once);
	unit_ok(ml_hash("a", 1, 0) != ml_hash("a\0", 2, 0), "a NUL byte counts");
	unit_ok(ml_hash_join(1, 2) != ml_hash_join(2, 1), "order counts");

	ml_rng_seed(&rng, 42);
	for (int i = 0; i < 1000; i++)
		sum += ml_rng_next(&rng);
	unit_ok(sum == UINT64_C(0x706d2cbc922380ab), "the random numbers are as ever (0x%llx)",
			(unsigned long long) sum);
	for (uint32_t i = 0; i < 1000; i++)
		items[i] = i;
	ml_rng_shuffle(&rng, items, 1000);
	once = ml_hash(items, sizeof(items), 0);
	unit_ok(once == UINT64_C(0x2200f7e48d5210de), "so is the shuffle (0x%llx)", (unsigned long long) once);
	wrong = 0;
	for (int i = 0; i < 100000; i++)
	{
		double		x = ml_rng_double(&rng);

		wrong += x < 0 || x >= 1 || ml_rng_below(&rng, 7) >= 7;
		mean += x / 100000;
	}
	unit_is_int(wrong, 0, "within bounds");
	unit_is_near(mean, 0.5, 0.005, "and uniform");
}

static void
test_math(void)
{
	ml_rng		rng;
	double		worst_exp = 0;
	double		worst_log = 0;
	double		worst_sin = 0;
	double		worst_cos = 0;

	ml_rng_seed(&rng, 3);
	for (int i = 0; i < 200000; i++)
	{
		double		x = (ml_rng_double(&rng) - 0.5) * (i % 2 ? 1400 : 4);
		double		y = exp(x);

		worst_exp = fmax(worst_exp, fabs(ml_exp(x) - y) / y);
		if (i % 2 == 0)
			y = 1 + x / 4;		/* near 1, where log is near 0 */
		worst_log = fmax(worst_log, fabs(ml_log(y) - log(y)) / fmax(fabs(log(y)), 1e-300));
	}
	unit_is_near(worst_exp, 0, 1e-15, "relative error of exp");
	unit_is_near(worst_log, 0, 1e-15, "relative error of log");
	unit_ok(ml_exp(0) == 1 && ml_exp(-800) == 0 && ml_exp(-INFINITY) == 0 &&
			isinf(ml_exp(710)) && isinf(ml_exp(INFINITY)) && isnan(ml_exp(NAN)), "exp at its ends");
	unit_is_near(ml_exp(-744) / 1e-323, exp(-744) / 1e-323, 0.6, "exp of what is nearly too small");
	unit_ok(ml_log(1) == 0 && ml_log(0) == -INFINITY && isnan(ml_log(-1)) && isinf(ml_log(INFINITY)) &&
			isnan(ml_log(NAN)), "log at its ends");
	unit_is_near(ml_log(5e-324), log(5e-324), 1e-12, "log of the least number");
	for (int i = 0; i < 200000; i++)
	{
		/* near zeros of either as well, where the error must be relative too */
		double		x = i % 2 ? (ml_rng_double(&rng) - 0.5) * 20 : (int) (i % 16) / 4.0 + 1e-9 * ml_rng_double(&rng);
		long double angle = 2 * 3.14159265358979323846264338327950288L;
		long double nearest = rint(2 * x) / 2;	/* sin is 0 there */
		long double sine = sinl(angle * (x - nearest)) * (fmod(2 * nearest, 2) == 0 ? 1 : -1);
		long double cosine;
		double		s;
		double		c;

		nearest = floor(2 * x) / 2 + 0.25;	/* cos is */
		cosine = sinl(angle * (x - nearest)) * (fmod(floor(2 * x), 2) == 0 ? -1 : 1);
		ml_sincos(x, &s, &c);
		worst_sin = fmax(worst_sin, s == sine ? 0 : fabsl((s - sine) / sine));
		worst_cos = fmax(worst_cos, c == cosine ? 0 : fabsl((c - cosine) / cosine));
	}
	unit_is_near(worst_sin, 0, 1e-15, "relative error of sin");
	unit_is_near(worst_cos, 0, 1e-15, "relative error of cos");
	for (int i = -8; i <= 8; i++)
	{
		static const double sines[4] = {0, 1, 0, -1};
		double		s;
		double		c;

		ml_sincos(i / 4.0, &s, &c);
		unit_ok(s == sines[(i + 8) % 4] && c == sines[(i + 9) % 4], "sin and cos of %d quarters are exact", i);
	}
	ml_sincos(INFINITY, &worst_sin, &worst_cos);
	unit_ok(isnan(worst_sin) && isnan(worst_cos), "of infinity there are none");
	ml_sincos(1e300, &worst_sin, &worst_cos);
	unit_ok(worst_sin == 0 && worst_cos == 1, "large numbers are whole turns");
	unit_ok(ml_sigmoid(0) == 0.5 && ml_sigmoid(1000) == 1 && ml_sigmoid(-1000) == 0 &&
			isnan(ml_sigmoid(NAN)), "the sigmoid at its ends");
}

static void
test_text(void)
{
	static const ml_text names[] = {ML_TEXT("epochs"), ML_TEXT("seed"), ML_TEXT("holdout"), ML_TEXT("l2")};
	ml_text		none = {NULL, 0};

	unit_ok(ml_text_equal(none, ML_TEXT("")) && !ml_text_equal(ML_TEXT("a"), ML_TEXT("b")) &&
			!ml_text_equal(ML_TEXT("a"), ML_TEXT("ab")), "equality");
	unit_ok(ml_text_compare(ML_TEXT("a"), ML_TEXT("b")) < 0 && ml_text_compare(ML_TEXT("ab"), ML_TEXT("a")) > 0 &&
				ml_text_compare(none, ML_TEXT("a")) < 0 && ml_text_compare(none, none) == 0 &&
			ml_text_compare(ML_TEXT("\x7f"), ML_TEXT("\x80")) < 0, "order is that of bytes");
	unit_is_int(ml_text_nearest(ML_TEXT("epoch"), names, 4), 0, "a misspelling");
	unit_is_int(ml_text_nearest(ML_TEXT("sede"), names, 4), 1, "letters exchanged");
	unit_is_int(ml_text_nearest(ML_TEXT("SEED"), names, 4), 1, "another case");
	unit_is_int(ml_text_nearest(ML_TEXT("temperature"), names, 4), -1, "something else");
	unit_is_int(ml_text_nearest(ML_TEXT("x"), names, 0), -1, "no candidates");
	unit_is_int(ml_text_nearest((ml_text) {"", 0}, names, 4), -1, "nothing");
}

/* Every sequence of up to four bytes around the limits, by the definition. */
static void
test_utf8(void)
{
	static const unsigned char edges[] = {
		0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1,
		0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF
	};
	enum
	{
		N = sizeof(edges)
	};
	int			wrong = 0;

	for (size_t code = 0; code < (size_t) N * N * N * N; code++)
	{
		char		s[4] = {(char) edges[code % N], (char) edges[code / N % N],
					 (char) edges[code / N / N % N], (char) edges[code / N / N / N]};
		size_t		valid = 0;

		while (valid < 4)
		{
			unsigned char c = (unsigned char) s[valid];
			size_t		n = c < 0x80 ? 1 : c >= 0xC0 && c < 0xE0 ? 2 : c >= 0xE0 && c < 0xF0 ? 3 :
				c >= 0xF0 && c < 0xF8 ? 4 : 0;
			uint32_t	value = n == 1 ? c : c & (0x7Fu >> n);

			if (n == 0 || valid + n > 4)
				break;
			for (size_t i = 1; i < n; i++)
				value = ((unsigned char) s[valid + i] & 0xC0) == 0x80 ?
					value << 6 | ((unsigned char) s[valid + i] & 0x3F) : UINT32_MAX >> 1;
			if ((n == 2 && value < 0x80) || (n == 3 && value < 0x800) || (n == 4 && value < 0x10000) ||
				value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
				break;
			valid += n;
		}
		wrong += ml_utf8_valid(s, 4) != valid;
	}
	unit_is_int(wrong, 0, "UTF-8 is what its definition says");
	unit_is_int(ml_utf8_valid("0123456789abcde\xff" "f", 17), 15, "the place of the bad byte");
	unit_is_int(ml_utf8_valid(NULL, 0), 0, "nothing is valid");
}

static int
compare_numbers(const void *a, const void *b)
{
	uint64_t	x = *(const uint64_t *) a;
	uint64_t	y = *(const uint64_t *) b;

	return x < y ? -1 : x > y;
}

static void
test_sort(void)
{
	uint64_t	items[500];
	ml_rng		rng;
	int			wrong = 0;

	ml_rng_seed(&rng, 4);
	for (size_t n = 0; n <= 500; n++)
	{
		uint64_t	before = 0;
		uint64_t	after = 0;

		for (size_t i = 0; i < n; i++)
		{
			items[i] = n % 3 == 0 ? ml_rng_next(&rng) : n % 3 == 1 ? ml_rng_below(&rng, 5) : i;
			before += ml_hash(&items[i], 8, 0);
		}
		ml_sort(items, n, sizeof(items[0]), compare_numbers);
		for (size_t i = 0; i < n; i++)
		{
			after += ml_hash(&items[i], 8, 0);
			wrong += i > 0 && items[i - 1] > items[i];
		}
		wrong += before != after;
	}
	unit_is_int(wrong, 0, "sorting sorts, and loses nothing");
}

static void
test_tensor(void)
{
	ml_tensor	tensor = {.dtype = ML_F32, .ndims = 2, .dims = {3, 4}};

	unit_ok(ml_tensor_elements(&tensor) == 12 && ml_tensor_bytes(&tensor) == 48, "a tensor's size");
	tensor.ndims = 0;
	unit_is_int(ml_tensor_bytes(&tensor), 4, "a scalar has one element");
	tensor.ndims = 2;
	tensor.dims[0] = UINT64_MAX / 8;
	unit_ok(ml_tensor_bytes(&tensor) == SIZE_MAX, "an overflow shows");
	tensor.dims[1] = 0;
	unit_is_int(ml_tensor_bytes(&tensor), 0, "an empty one");
}

static void
test_errors(void)
{
	unit_host	host;

	unit_open(&host);
	unit_is_int(ml_fail(&host.ctx, ML_BAD_DATA, "%d rows", 3), ML_BAD_DATA, "a failure is its status");
	unit_is_int(ml_detail(&host.ctx, "detail"), ML_BAD_DATA, "a detail keeps it");
	unit_is_int(ml_hint(&host.ctx, "hint"), ML_BAD_DATA, "a hint too");
	unit_ok(strcmp(host.ctx.error.text, "3 rows") == 0 && strcmp(host.ctx.error.detail, "detail") == 0 &&
			strcmp(host.ctx.error.hint, "hint") == 0, "the texts are there");
	ml_fail(&host.ctx, ML_BAD_INPUT, "other");
	unit_ok(host.ctx.error.detail[0] == '\0' && host.ctx.error.hint[0] == '\0',
			"the next failure clears them");
	unit_is_int(ml_poll(&host.ctx), ML_OK, "no cancel yet");
	host.cancel_at = 2;
	unit_fails(&host, ml_poll(&host.ctx), ML_CANCELLED, "cancelled", "now it is cancelled");
	unit_close(&host, "errors");
}

int
main(void)
{
	test_sizes();
	test_memory();
	test_arena();
	test_print();
	test_doubles();
	test_parse();
	test_buffer();
	test_hash();
	test_math();
	test_text();
	test_utf8();
	test_sort();
	test_tensor();
	test_errors();
	return unit_done();
}
