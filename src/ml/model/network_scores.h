/*-------------------------------------------------------------------------
 *
 * network_scores.h
 *	  From a network's outputs to logits and probabilities, in training and
 *	  serving alike.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_NETWORK_SCORES_H
#define ML_NETWORK_SCORES_H

#include "base/math.h"
#include "graph/network.h"

/*
 * logits[nscores] from outputs[noutputs]: of one score the output itself, or the
 * difference of two; of more the outputs.  Probabilities become logits by their
 * logarithms.  false: one is not finite.
 */
static inline bool
ml_network_logits(ml_output kind, const float *outputs, uint32_t noutputs, uint32_t nscores, double *logits)
{
	bool		finite = true;

	for (uint32_t i = 0; i < nscores; i++)
	{
		if (kind == ML_OUTPUT_PROBABILITIES)
		{
			/* so small a float is 0, whose logarithm is none */
			double		p = outputs[nscores == 1 && noutputs == 2 ? 1 : i];
			double		q = noutputs == 1 ? 1 - p : outputs[0];

			finite = finite && !isnan(p) && !isnan(q);
			p = p > 1e-30 ? p : 1e-30;
			q = q > 1e-30 ? q : 1e-30;
			logits[i] = nscores == 1 ? ml_log(p) - ml_log(q) : ml_log(p);
		}
		else
			logits[i] = nscores == 1 && noutputs == 2 ? (double) outputs[1] - outputs[0] : outputs[i];
		finite = finite && isfinite(logits[i]);
	}
	return finite;
}

/* Probabilities of nclasses classes from their logits: one score is that of class 1 of two. */
static inline void
ml_network_probabilities(const double *logits, uint32_t nscores, double *probabilities)
{
	double		most = logits[0];
	double		sum = 0;

	if (nscores == 1)
	{
		probabilities[0] = ml_sigmoid(-logits[0]);
		probabilities[1] = ml_sigmoid(logits[0]);
		return;
	}
	for (uint32_t i = 1; i < nscores; i++)
		most = logits[i] > most ? logits[i] : most;
	for (uint32_t i = 0; i < nscores; i++)
	{
		probabilities[i] = ml_exp(logits[i] - most);
		sum += probabilities[i];
	}
	for (uint32_t i = 0; i < nscores; i++)
		probabilities[i] /= sum;
}

/* The class that the logits speak for: the first of the largest. */
static inline uint32_t
ml_network_best(const double *logits, uint32_t nscores)
{
	uint32_t	best = 0;

	if (nscores == 1)
		return logits[0] > 0;
	for (uint32_t i = 1; i < nscores; i++)
		if (logits[i] > logits[best])
			best = i;
	return best;
}

#endif							/* ML_NETWORK_SCORES_H */
