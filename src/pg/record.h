/*-------------------------------------------------------------------------
 *
 * record.h
 *	  A row value as a model's inputs, matched by column name.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AIAAS_RECORD_H
#define AIAAS_RECORD_H

#include "postgres.h"

#include "access/htup.h"

#include "ml.h"

typedef struct record_map record_map;

/*
 * The way from a record type to the columns of a model, worked out once.
 * ERROR when a column is missing (42703) or is no text (42804); subject begins
 * the message.
 */
extern record_map *record_map_create(MemoryContext mcxt, const char *subject,
									 const ml_image *image, Oid type, int32 typmod);
extern void record_map_destroy(record_map *map);

extern bool record_map_fits(const record_map *map, Oid type, int32 typmod);

/* Fills inputs[ncolumns]; false when all of them are NULL. */
extern bool record_map_fetch(record_map *map, HeapTupleHeader record, ml_text *inputs);

#endif							/* AIAAS_RECORD_H */
