/*-------------------------------------------------------------------------
 *
 * newton.h
 *	  Minimising c x (sum of a smooth loss) + penalty: by Newton's method where
 *	  the unknowns are few, by a limited-memory quasi-Newton method beyond.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_NEWTON_H
#define ML_NEWTON_H

#include "learn/glm.h"
#include "learn/least_squares.h"

#define ML_NEWTON_MAX	2048	/* unknowns whose Hessian is kept */

/* c sum s_i loss_i + l2 / 2 |w|^2 + l1 |w|_1 */
typedef struct ml_minimum
{
	double		c;
	double		l1;
	double		l2;
	bool		intercept;		/* the intercept is penalised (l2), too */
	double		tolerance;		/* of the solution, relative */
	double		floor;			/* a mean loss below it has no finite optimum; 0: there is always one */
	int			max_iterations;
	bool		final_hessian;	/* glm->hessian is that of the solution afterwards */

	double	   *parameters;		/* [nscores][nfeatures + 1], where to begin, and the solution */
	bool		warm;			/* they are near it */
	ml_linear_report *report;	/* losses, iterations, converged; added to */
} ml_minimum;

/* Can a Hessian be had: few unknowns, and memory for it? */
extern bool ml_newton_fits(const ml_problem *problem, uint32_t nscores);

/* glm was opened with a Hessian. */
extern ml_status ml_newton(ml_context *ctx, ml_glm *glm, uint32_t parts, ml_minimum *minimum);

/* Without one: L-BFGS, with l1 OWL-QN. */
extern ml_status ml_quasi_newton(ml_context *ctx, ml_glm *glm, uint32_t parts, ml_minimum *minimum);
extern size_t ml_quasi_newton_memory(const ml_problem *problem, uint32_t nscores);

/* Bytes that ml_minimise takes. */
extern size_t ml_minimise_memory(const ml_problem *problem, uint32_t nscores);

/* The one or the other; opens glm, and leaves it to be closed. */
extern ml_status ml_minimise(ml_context *ctx, ml_glm *glm, const ml_problem *problem, ml_loss loss,
							 uint32_t nscores, int64_t own, uint32_t parts, ml_minimum *minimum);

/* Unknowns that are not excluded, ascending: which parameter, which row of the triangle.  [glm->n] each. */
extern uint32_t ml_newton_unknowns(const ml_glm *glm, uint32_t *parameter, uint32_t *row);

#endif							/* ML_NEWTON_H */
