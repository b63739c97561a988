/*-------------------------------------------------------------------------
 *
 * callsite.h
 *	  What one function call in a query keeps from row to row.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AIAAS_CALLSITE_H
#define AIAAS_CALLSITE_H

#include "postgres.h"

#include "bridge.h"
#include "fmgr.h"
#include "residency.h"

/* GUC aiaas.default_model, defined in aiaas.c (PGC_USERSET): schema.name. */
extern char *callsite_default_model;

#endif							/* AIAAS_CALLSITE_H */
