/*-------------------------------------------------------------------------
 *
 * record.h
 *	  A row value as the values that a model takes, matched by column name.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AIAAS_RECORD_H
#define AIAAS_RECORD_H

#include "postgres.h"

#include "access/htup.h"

#include "literal.h"

/* What a record is read for; it stays as long as the map. */
typedef struct record_target
{
	const char *subject;		/* begins messages */
	uint32		ncolumns;
	const literal_column *columns;
	pg_tz	   *zone;			/* that timestamptz are read in */
} record_target;

typedef struct record_map record_map;

/*
 * The way from a record type to the columns of a model, worked out once.
 * ERROR when a column is missing (42703) or is of another type (42804).
 */
extern record_map *record_map_create(MemoryContext mcxt, const record_target *target,
									 Oid type, int32 typmod);

/* The same of a record whose columns come one by one. */
extern record_map *record_map_create_loose(MemoryContext mcxt, const record_target *target,
										   int n, const char *const *names, const Oid *types);
extern void record_map_destroy(record_map *map);

extern bool record_map_fits(const record_map *map, Oid type, int32 typmod);

/* Fills inputs[ncolumns]; false when all of them are NULL. */
extern bool record_map_fetch(record_map *map, HeapTupleHeader record, ml_value *inputs);
extern bool record_map_fetch_loose(record_map *map, const NullableDatum *values,
								   ml_value *inputs);

#endif							/* AIAAS_RECORD_H */
