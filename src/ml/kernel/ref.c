/*-------------------------------------------------------------------------
 *
 * ref.c
 *	  The kernels in plain C: complete, and the definition of right.
 *
 * Written to be read; where there is no faster table (any CPU but x86-64)
 * these run, so they are also what a compiler can vectorise by itself.
 *
 *-------------------------------------------------------------------------
 */
#include "kernel/ref.h"

void
ml_ref_accumulate_i8(int32_t *sums, const int8_t *row, int32_t weight, size_t n)
{
	for (size_t c = 0; c < n; c++)
		sums[c] += weight * row[c];
}

/* Whether a bucket is known decides no branch: it is hard to predict. */
size_t
ml_ref_bucket_map(uint32_t *keys, size_t n, const ml_bit_block *blocks)
{
	size_t		known = 0;

	for (size_t i = 0; i < n; i++)
	{
		const ml_bit_block *block = &blocks[keys[i] >> 6];
		uint64_t	bits = block->bits;
		int			at = keys[i] & 63;

		keys[known] = block->rank +
			(uint32_t) __builtin_popcountll(bits & ((UINT64_C(1) << at) - 1));
		known += (bits >> at) & 1;
	}
	return known;
}

void
ml_ref_fold_ascii(char *dst, ml_ascii_block *blocks, const char *src, size_t size)
{
	for (size_t begin = 0; begin < size; begin += 64)
	{
		size_t		n = ML_MIN(size - begin, 64);
		ml_ascii_block block = {0};

		for (size_t i = 0; i < n; i++)
		{
			unsigned	c = (unsigned char) src[begin + i];
			unsigned	upper = c - 'A' < 26;
			unsigned	lower = c | upper << 5;
			unsigned	word = (lower - 'a' < 26) | (c - '0' < 10) | (c == '_');
			unsigned	joint = (c == '\'') | (c == '.') | (c == ',') | (c == ';');
			unsigned	symbol = (c == '!') | (c == '?') | (c == ':') | (c == ';') |
				(c == '=') | (c == '<');

			dst[begin + i] = (char) lower;
			block.word |= (uint64_t) word << i;
			block.joint |= (uint64_t) joint << i;
			block.symbol |= (uint64_t) symbol << i;
			block.high |= (uint64_t) (c >> 7) << i;
		}
		blocks[begin / 64] = block;
	}
}

const ml_kernel ml_kernel_ref = {
	.level = ML_LEVEL_REF,
	.name = "ref",
	.accumulate_i8 = ml_ref_accumulate_i8,
	.row_dot = ml_ref_row_dot,
	.row_dot_wide = ml_ref_row_dot_wide,
	.row_add = ml_ref_row_add,
	.row_add_wide = ml_ref_row_add_wide,
	.hinge_step = ml_ref_hinge_step,
	.row_map = ml_ref_row_map,
	.bucket_map = ml_ref_bucket_map,
	.fold_ascii = ml_ref_fold_ascii,
	.products = ml_ref_products,
	.panel_sums = ml_ref_panel_sums,
	.panel_center = ml_ref_panel_center,
	.panel_pack = ml_ref_panel_pack,
	.panel_add = ml_ref_panel_add,
	.machine = &ml_ref_machine,
	.smo = &ml_ref_smo,
	.glm = &ml_ref_glm,
	.column = &ml_ref_column,
	.map = {&ml_ref_map_f32, &ml_ref_map_f64},
	.network = &ml_ref_network,
	.sequence = {&ml_ref_sequence_f32, &ml_ref_sequence_f64},
	.window = {&ml_ref_window_f32, &ml_ref_window_f64}
};
