/*-------------------------------------------------------------------------
 *
 * cpu.c
 *	  Which kernels this CPU can run, and which of them are fast on it.
 *
 * Both answers come from CPUID and XGETBV alone, so every process on a
 * machine gives the same one, always.  CPUID leaves a virtual machine for the
 * hypervisor (a microsecond or more): ask once and keep the table.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/kernel.h"
#include "base/print.h"

static const char *const level_names[ML_LEVEL_COUNT] = {
	[ML_LEVEL_AUTO] = "auto",
	[ML_LEVEL_REF] = "ref",
	[ML_LEVEL_AVX2] = "avx2",
	[ML_LEVEL_AVX512] = "avx512",
};

const char *
ml_level_name(ml_level level)
{
	return level_names[level];
}

#if defined(__x86_64__)

#include <cpuid.h>
#include <string.h>

/*
 * CPUs whose best level is not their highest.  The others, and those to come,
 * use all they have: AMD since Zen 4, Intel since Ice Lake lose little or no
 * clock to 512-bit code.
 */
typedef struct family
{
	const char *vendor;
	unsigned	family;
	unsigned	model_first;
	unsigned	model_last;
	ml_level	fastest;
} family;

static const family families[] = {
	/* Skylake-SP, Cascade Lake, Cooper Lake: 512-bit code slows the core down */
	{"GenuineIntel", 6, 0x55, 0x55, ML_LEVEL_AVX2},
	/* Knights Landing, Knights Mill */
	{"GenuineIntel", 6, 0x57, 0x57, ML_LEVEL_AVX2},
	{"GenuineIntel", 6, 0x85, 0x85, ML_LEVEL_AVX2},
};

typedef struct cpu
{
	char		vendor[13];
	unsigned	family;
	unsigned	model;
	ml_level	highest;
	bool		pairs;			/* multiplies pairs of bf16 faster than numbers one by one */
} cpu;

#define BIT(name, position) name = 1u << (position)

enum
{
	/* leaf 1, ecx */
	BIT(HAS_FMA, 12), BIT(HAS_POPCNT, 23), BIT(HAS_OSXSAVE, 27), BIT(HAS_F16C, 29),
	/* leaf 7, ebx */
	BIT(HAS_BMI1, 3), BIT(HAS_AVX2, 5), BIT(HAS_BMI2, 8), BIT(HAS_AVX512F, 16),
	BIT(HAS_AVX512DQ, 17), BIT(HAS_AVX512BW, 30), BIT(HAS_AVX512VL, 31),
	/* leaf 7, ecx */
	BIT(HAS_AVX512VNNI, 11),
	/* leaf 7, subleaf 1, eax */
	BIT(HAS_AVX512BF16, 5),
	/* leaf 0x80000001, ecx */
	BIT(HAS_LZCNT, 5),
	/* XCR0: what the operating system saves at a context switch */
	SAVES_YMM = 0x06, SAVES_ZMM = 0xE6
};

static unsigned
read_xcr0(void)
{
	unsigned	low;
	unsigned	high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	(void) high;
	return low;
}

static bool
has(unsigned flags, unsigned wanted)
{
	return (flags & wanted) == wanted;
}

static ml_level
highest_level(void)
{
	unsigned	a, b, c, d;
	unsigned	flags1, flags7b, flags7c, xcr0;

	if (!__get_cpuid(1, &a, &b, &flags1, &d) ||
		!has(flags1, HAS_FMA | HAS_POPCNT | HAS_OSXSAVE | HAS_F16C) ||
		!__get_cpuid_count(7, 0, &a, &flags7b, &flags7c, &d) ||
		!has(flags7b, HAS_BMI1 | HAS_AVX2 | HAS_BMI2) ||
		!__get_cpuid(0x80000001, &a, &b, &c, &d) || !has(c, HAS_LZCNT))
		return ML_LEVEL_REF;
	xcr0 = read_xcr0();
	if (!has(xcr0, SAVES_YMM))
		return ML_LEVEL_REF;
	if (has(flags7b, HAS_AVX512F | HAS_AVX512DQ | HAS_AVX512BW | HAS_AVX512VL) &&
		has(flags7c, HAS_AVX512VNNI) && has(xcr0, SAVES_ZMM))
		return ML_LEVEL_AVX512;
	return ML_LEVEL_AVX2;
}

static void
probe(cpu *this)
{
	unsigned	a = 0, b = 0, c = 0, d = 0;

	memset(this, 0, sizeof(*this));
	__get_cpuid(0, &a, &b, &c, &d);
	memcpy(this->vendor, &b, 4);
	memcpy(this->vendor + 4, &d, 4);
	memcpy(this->vendor + 8, &c, 4);
	__get_cpuid(1, &a, &b, &c, &d);
	this->family = a >> 8 & 0xF;
	this->model = a >> 4 & 0xF;
	if (this->family == 6 || this->family == 15)
		this->model += (a >> 16 & 0xF) << 4;
	if (this->family == 15)
		this->family += a >> 20 & 0xFF;
	this->highest = highest_level();
	/* Intel's takes twice the time of a fused multiply-add; AMD's (since Zen 4) the same time */
	this->pairs = this->highest == ML_LEVEL_AVX512 && strcmp(this->vendor, "AuthenticAMD") == 0 &&
		__get_cpuid_count(7, 1, &a, &b, &c, &d) && has(a, HAS_AVX512BF16);
}

static ml_level
fastest_level(const cpu *this)
{
	for (size_t i = 0; i < ML_LENGTH(families); i++)
	{
		const family *row = &families[i];

		if (strcmp(row->vendor, this->vendor) == 0 && row->family == this->family &&
			this->model >= row->model_first && this->model <= row->model_last)
			return ML_MIN(row->fastest, this->highest);
	}
	return this->highest;
}

const ml_kernel *
ml_kernel_select(ml_level wanted)
{
	static const ml_kernel *const tables[ML_LEVEL_COUNT] = {
		[ML_LEVEL_REF] = &ml_kernel_ref,
		[ML_LEVEL_AVX2] = &ml_kernel_avx2,
		[ML_LEVEL_AVX512] = &ml_kernel_avx512,
	};
	const ml_kernel *table;
	cpu			this;

	if (wanted == ML_LEVEL_REF)
		return &ml_kernel_ref;
	probe(&this);
	table = tables[wanted == ML_LEVEL_AUTO ? fastest_level(&this) : ML_MIN(wanted, this.highest)];
	return table == &ml_kernel_avx512 && this.pairs ? &ml_kernel_avx512_bf16 : table;
}

ml_level
ml_kernel_best(void)
{
	return highest_level();
}

size_t
ml_kernel_cpu(char *buffer, size_t size)
{
	cpu			this;
	unsigned	words[13] = {0};
	const char *brand = (const char *) words;

	probe(&this);
	for (unsigned i = 0; i < 3; i++)
		__get_cpuid(0x80000002 + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2],
					&words[4 * i + 3]);
	while (*brand == ' ')
		brand++;
	return ml_print(buffer, size, "%s (%s, family %u, model %u)",
					*brand != '\0' ? brand : "x86-64", this.vendor, this.family, this.model);
}

#else							/* no x86-64 */

const ml_kernel *
ml_kernel_select(ml_level wanted)
{
	(void) wanted;
	return &ml_kernel_ref;
}

ml_level
ml_kernel_best(void)
{
	return ML_LEVEL_REF;
}

size_t
ml_kernel_cpu(char *buffer, size_t size)
{
	return ml_print(buffer, size, "not x86-64");
}

#endif
