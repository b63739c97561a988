/*-------------------------------------------------------------------------
 *
 * test_distribution.c
 *	  Tails and quantiles of the normal and Student's t distribution.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "learn/distribution.h"

#include <math.h>

int
main(void)
{
	size_t		size;
	char	   *text = unit_data("distribution.txt", &size);
	int			tails = 0;
	int			quantiles = 0;
	double		worst_tail = 0;
	double		worst_quantile = 0;

	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
	{
		double		x;
		double		freedom;
		double		expected;

		if (sscanf(line, "tail %lf %lf %lf", &x, &freedom, &expected) == 3)
		{
			/* below that doubles lose digits by themselves */
			if (expected > 1e-300)
				worst_tail = ML_MAX(worst_tail, fabs(ml_two_sided(x, freedom) / expected - 1));
			tails++;
		}
		else if (sscanf(line, "quantile %lf %lf %lf", &x, &freedom, &expected) == 3)
		{
			worst_quantile = ML_MAX(worst_quantile, fabs(ml_two_sided_quantile(x, freedom) / expected - 1));
			quantiles++;
		}
	}
	unit_is_int(tails, 135, "tails read");
	unit_is_int(quantiles, 32, "quantiles read");
	unit_ok(worst_tail < 1e-10, "tails (%g)", worst_tail);
	unit_ok(worst_quantile < 1e-10, "quantiles (%g)", worst_quantile);
	unit_is_near(ml_two_sided(-2.5, 7), ml_two_sided(2.5, 7), 0, "symmetric");
	unit_is_near(ml_two_sided(0, 7), 1, 0, "all of it");
	unit_is_near(ml_two_sided(INFINITY, 7), 0, 0, "nothing beyond infinity");
	unit_is_near(ml_two_sided(1e200, 1) / 6.366197723675814e-201, 1, 1e-10, "a square beyond doubles");
	unit_ok(isnan(ml_two_sided(NAN, 7)) && isnan(ml_two_sided(1, -1)), "of nothing nothing");
	free(text);
	return unit_done();
}
