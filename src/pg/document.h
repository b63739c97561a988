/*-------------------------------------------------------------------------
 *
 * document.h
 *	  Reading and making jsonb: heads, manifests, states of aggregates.
 *
 * What is read is a claim of whoever wrote it.  So nothing here throws because
 * something is absent, of another type or out of range: it answers NULL or
 * false, also for a container that is NULL.
 *
 *-------------------------------------------------------------------------
 */
#ifndef AIAAS_DOCUMENT_H
#define AIAAS_DOCUMENT_H

#include "postgres.h"

#include "utils/jsonb.h"

extern Jsonb *document_parse(const char *json);

/* The members of both objects; where both have one, the second's. */
extern Jsonb *document_merge(Jsonb *a, Jsonb *b);

/* A value of that type (jbvBinary: an object or array), or NULL. */
extern JsonbValue *document_member(const JsonbContainer *object, const char *key,
								   enum jbvType type);
extern JsonbValue *document_element(const JsonbContainer *array, int i, enum jbvType type);

/* What a value holds; the string is palloc'd. */
extern char *document_text(const JsonbValue *value);
extern bool document_whole(const JsonbValue *value, int64 min, int64 max, int64 *number);
extern bool document_float(const JsonbValue *value, double *number);	/* infinite when out of range */
extern JsonbContainer *document_inside(const JsonbValue *value);

/* The same of a member. */
extern char *document_string(const JsonbContainer *object, const char *key);
extern bool document_integer(const JsonbContainer *object, const char *key,
							 int64 min, int64 max, int64 *number);
extern bool document_number(const JsonbContainer *object, const char *key, double *number);
extern JsonbContainer *document_container(const JsonbContainer *object, const char *key);

/* Element i where it is an array of n elements. */
extern JsonbContainer *document_tuple(const JsonbContainer *array, int i, int n);

#endif							/* AIAAS_DOCUMENT_H */
