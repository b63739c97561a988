/*-------------------------------------------------------------------------
 *
 * fuzz.h
 *	  What fuzz targets share.
 *
 * A target is a file fuzz_NAME.c with LLVMFuzzerTestOneInput; its seeds are
 * the files of corpus/NAME.  "make fuzz" runs each under libFuzzer with
 * sanitizers (run.sh); "make test" runs each over its seeds alone, as a TAP
 * program test_fuzz_NAME made of the target and replay.c.
 *
 * What a fuzzer finds becomes a seed, named for what it was.
 *
 *-------------------------------------------------------------------------
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "unit.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold for any input. */
#define fuzz_check(condition) ((condition) ? (void) 0 : fuzz_fail(#condition, __FILE__, __LINE__))

static inline void
fuzz_fail(const char *condition, const char *file, int line)
{
	fprintf(stderr, "%s line %d: not so: %s\n", file, line, condition);
	abort();
}

#endif							/* FUZZ_H */
