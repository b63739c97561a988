/*-------------------------------------------------------------------------
 *
 * planner.h
 *	  The planner hook that keeps temporary models out of parallel workers.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AIAAS_PLANNER_H
#define AIAAS_PLANNER_H

/* Called from _PG_init, preloaded or not. */
extern void planner_init(void);

#endif							/* AIAAS_PLANNER_H */
