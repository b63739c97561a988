/*-------------------------------------------------------------------------
 *
 * fuzz_words.c
 *	  Any bytes as a text: the reader's fast path finds the words that it finds
 *	  with ICU alone, and fails where that fails.
 *
 * The first byte chooses the kernel.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "text/words_internal.h"

static unit_host host;
static ml_words *fast;
static ml_words *slow;

static void
open_readers(void)
{
	unit_open(&host);
	fuzz_check(ml_words_open(&host.ctx, ml_kernel_select(ML_LEVEL_REF), &fast) == ML_OK);
	fuzz_check(ml_words_open(&host.ctx, ml_kernel_select(ML_LEVEL_REF), &slow) == ML_OK);
	slow->unicode_only = true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ml_text		text = {(const char *) data + 1, size - 1};
	ml_word		a[40];
	ml_word		b[40];
	size_t		n;
	size_t		m;

	if (size == 0)
		return 0;
	if (fast == NULL)
		open_readers();
	fast->kernel = ml_kernel_select(data[0] % ML_LEVEL_COUNT);
	ml_words_begin(fast, text);
	ml_words_begin(slow, text);
	do
	{
		ml_status	status = ml_words_next(&host.ctx, fast, a, 40, &n);

		fuzz_check(status == ml_words_next(&host.ctx, slow, b, 40, &m) && n == m);
		for (size_t i = 0; i < n; i++)
		{
			fuzz_check(a[i].start == b[i].start && a[i].raw_size == b[i].raw_size);
			fuzz_check(a[i].kind == b[i].kind && a[i].adjacent == b[i].adjacent);
			fuzz_check(a[i].size > 0 && a[i].size <= ML_WORD_MAX);
			fuzz_check(ml_text_equal((ml_text) {a[i].folded, a[i].size},
									 (ml_text) {b[i].folded, b[i].size}));
		}
	} while (n > 0);
	return 0;
}
