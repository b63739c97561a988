/*-------------------------------------------------------------------------
 *
 * weight.c
 *	  Values of features in fixed point.
 *
 *-------------------------------------------------------------------------
 */
#include "feature/weight.h"

#include "base/math.h"

uint32_t
ml_tf_weight(bool sublinear, uint32_t count)
{
	double		value = ML_MIN(count, ML_TF_COUNTS - 1);

	if (sublinear)
		value = 1.0 + ml_log(value);
	value = floor(ML_TF_ONE * value + 0.5);
	return value > ML_TF_MAX ? ML_TF_MAX : (uint32_t) value;
}

void
ml_tf_table(bool sublinear, uint16_t table[ML_TF_COUNTS])
{
	table[0] = 0;
	for (uint32_t count = 1; count < ML_TF_COUNTS; count++)
		table[count] = (uint16_t) ml_tf_weight(sublinear, count);
}

uint16_t
ml_idf_level(bool idf, uint64_t rows, uint64_t df)
{
	double		value = 1.0;

	if (idf)
		value += ml_log((1.0 + (double) rows) / (1.0 + (double) df));
	value = floor(value * ML_IDF_ONE + 0.5);
	return value > UINT16_MAX ? UINT16_MAX : value < 1 ? 1 : (uint16_t) value;
}
