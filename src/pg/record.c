/*-------------------------------------------------------------------------
 *
 * record.c
 *	  A row value as the values that a model takes, matched by column name.
 *
 * Types are checked once for a record type: value.h says what fits a column.
 * Anything else is an error that shows the cast, because a number that
 * silently became text would be a silent mistake.
 *
 * ROW(a, b) has no names; the server calls its columns f1, f2, ...  A record
 * all of whose columns are called so is taken in the model's order, unless the
 * model has a column of such a name.  Quoted literals in it have no type yet
 * and are read as literals are (literal.h), row by row.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "record.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "value.h"

/* What a record has at a place. */
typedef struct record_attribute
{
	const char *name;			/* NULL: dropped */
	Oid			type;
} record_attribute;

typedef struct record_column
{
	bool		untyped;		/* a quoted literal, or NULL */
	value_reader reader;		/* of others */
} record_column;

struct record_map
{
	MemoryContext mcxt;			/* holds all of the map */
	Oid			type;
	int32		typmod;
	const char *subject;
	const literal_column *taken;	/* [ncolumns] */
	pg_tz	   *zone;
	int			nattributes;	/* columns that the record has */
	record_attribute *attributes;
	TupleDesc	tupdesc;		/* our own copy; NULL when they come one by one */
	Datum	   *values;			/* [nattributes] */
	bool	   *nulls;			/* [nattributes] */
	bool		all_float8;		/* so that no reader is needed */
	int		   *places;			/* [ncolumns]: of each in values and nulls */
	uint32		ncolumns;
	record_column columns[FLEXIBLE_ARRAY_MEMBER];
};

/* The place of a column in the record, -1 if it has none of that name. */
static int
find_attribute(const record_map *map, const char *name)
{
	for (int i = 0; i < map->nattributes; i++)
	{
		if (map->attributes[i].name != NULL && strcmp(map->attributes[i].name, name) == 0)
			return i;
	}
	return -1;
}

/*
 * Is it ROW(...), whose columns have no names that mean anything?
 */
static bool
is_nameless(const record_map *map)
{
	if (map->type != RECORDOID)
		return false;
	for (int i = 0; i < map->nattributes; i++)
	{
		char		name[NAMEDATALEN];

		snprintf(name, sizeof(name), "f%d", i + 1);
		if (map->attributes[i].name == NULL || strcmp(map->attributes[i].name, name) != 0)
			return false;
	}
	for (uint32 i = 0; i < map->ncolumns; i++)
	{
		if (find_attribute(map, map->taken[i].name) >= 0)
			return false;
	}
	return true;
}

/*
 * ERROR: a record without names has another number of columns.
 */
static void
report_count(const record_map *map)
{
	StringInfoData names;

	initStringInfo(&names);
	for (uint32 i = 0; i < map->ncolumns; i++)
		appendStringInfo(&names, "%s\"%s\"", i > 0 ? ", " : "", map->taken[i].name);
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("%s takes %u columns, but the record has %d", map->subject, map->ncolumns,
					map->nattributes),
			 errdetail("A record without column names has the columns of the model in their order: %s.",
					   names.data),
			 errhint("A record with names is matched by them: SELECT ... FROM (SELECT title AS subject, ...) AS t, and pass t.")));
}

/*
 * ERROR: a column of the model is not in the record.
 */
static void
report_missing(const record_map *map, const char *name)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < map->nattributes; i++)
	{
		if (map->attributes[i].name != NULL)
			appendStringInfo(&names, "%s\"%s\"", names.len > 0 ? ", " : "",
							 map->attributes[i].name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("%s needs a column \"%s\", which the record lacks", map->subject, name),
			 errdetail("The record has the columns %s.", names.data),
			 errhint("A record is matched by column name. Name its columns: SELECT ... FROM (SELECT title AS subject, ...) AS t, and pass t.")));
}

/*
 * ERROR: a column of the record has a type that doesn't fit.
 */
static void
report_type(const record_map *map, const literal_column *taken, Oid type)
{
	const char *name = quote_identifier(taken->name);

	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("%s needs %s in column \"%s\", not %s", map->subject, literal_wanted(taken),
					taken->name, format_type_be(type)),
			 errhint("Cast it in a subquery: SELECT %s::%s AS %s, ...", name,
					 literal_type(taken), name)));
}

/*
 * The place of a column in the record.
 */
static int
find_place(const record_map *map, const char *name)
{
	int			place = find_attribute(map, name);

	if (place < 0)
		report_missing(map, name);
	return place;
}

static void
map_column(record_map *map, record_column *column, const literal_column *taken, int place)
{
	Oid			type = map->attributes[place].type;

	column->untyped = type == UNKNOWNOID;
	if (!column->untyped &&
		!value_reader_init(&column->reader, type, taken->type, taken->role, map->zone, map->mcxt))
		report_type(map, taken, type);
	column->reader.column = taken->name;
}

static void
map_columns(record_map *map)
{
	bool		nameless = is_nameless(map);

	if (nameless && map->nattributes != map->ncolumns)
		report_count(map);
	map->all_float8 = true;
	for (uint32 i = 0; i < map->ncolumns; i++)
	{
		const literal_column *taken = &map->taken[i];
		record_column *column = &map->columns[i];

		map->places[i] = nameless ? i : find_place(map, taken->name);
		map_column(map, column, taken, map->places[i]);
		map->all_float8 = map->all_float8 && !column->untyped &&
			column->reader.form == ML_FORM_NUMBER && column->reader.kind == VALUE_FLOAT8;
	}
}

/*
 * A map in a context of its own, which is the current one from here on,
 * beneath the caller's until it is complete, so that an error frees it.
 */
static record_map *
begin_map(const record_target *target, int nattributes)
{
	MemoryContext own = AllocSetContextCreate(CurrentMemoryContext, "aiaas record",
											  ALLOCSET_SMALL_SIZES);
	record_map *map;

	MemoryContextSwitchTo(own);
	map = palloc0(offsetof(record_map, columns) + target->ncolumns * sizeof(record_column));
	map->mcxt = own;
	map->subject = target->subject;
	map->taken = target->columns;
	map->zone = target->zone;
	map->ncolumns = target->ncolumns;
	map->nattributes = nattributes;
	map->attributes = palloc0(nattributes * sizeof(record_attribute));
	map->places = palloc(target->ncolumns * sizeof(int));
	return map;
}

record_map *
record_map_create(MemoryContext mcxt, const record_target *target, Oid type, int32 typmod)
{
	MemoryContext caller = CurrentMemoryContext;
	TupleDesc	tupdesc = lookup_rowtype_tupdesc(type, typmod);
	record_map *map = begin_map(target, tupdesc->natts);

	map->type = type;
	map->typmod = typmod;
	map->tupdesc = CreateTupleDescCopyConstr(tupdesc);
	ReleaseTupleDesc(tupdesc);
	map->values = palloc(map->nattributes * sizeof(Datum));
	map->nulls = palloc(map->nattributes * sizeof(bool));
	for (int i = 0; i < map->nattributes; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(map->tupdesc, i);

		if (!attribute->attisdropped)
			map->attributes[i] = (record_attribute) {NameStr(attribute->attname), attribute->atttypid};
	}
	map_columns(map);
	MemoryContextSwitchTo(caller);
	MemoryContextSetParent(map->mcxt, mcxt);
	return map;
}

record_map *
record_map_create_loose(MemoryContext mcxt, const record_target *target, int n,
						const char *const *names, const Oid *types)
{
	MemoryContext caller = CurrentMemoryContext;
	record_map *map = begin_map(target, n);

	map->type = RECORDOID;
	map->typmod = -1;
	for (int i = 0; i < n; i++)
		map->attributes[i] = (record_attribute) {pstrdup(names[i]), types[i]};
	map_columns(map);
	MemoryContextSwitchTo(caller);
	MemoryContextSetParent(map->mcxt, mcxt);
	return map;
}

void
record_map_destroy(record_map *map)
{
	MemoryContextDelete(map->mcxt);
}

bool
record_map_fits(const record_map *map, Oid type, int32 typmod)
{
	return map->type == type && map->typmod == typmod;
}

/*
 * The values of a row whose columns lie "stride" bytes apart.  Inlined with a
 * constant stride.
 */
static inline bool
fetch(record_map *map, const Datum *values, size_t value_stride, const bool *nulls,
	  size_t null_stride, ml_value *inputs)
{
	bool		any = false;

	for (uint32 i = 0; i < map->ncolumns; i++)
	{
		size_t		place = map->places[i];
		Datum		value = *(const Datum *) ((const char *) values + place * value_stride);
		bool		isnull = *(const bool *) ((const char *) nulls + place * null_stride);

		any |= !isnull;
		if (likely(map->all_float8))
			inputs[i].number = isnull ? get_float8_nan() : DatumGetFloat8(value);
		else if (likely(!map->columns[i].untyped))
			inputs[i] = value_read(&map->columns[i].reader, value, isnull);
		else if (isnull)
			inputs[i] = value_missing(map->taken[i].form);
		else
			inputs[i] = literal_string(&map->taken[i], map->subject, map->zone,
									   DatumGetCString(value));
	}
	return any;
}

bool
record_map_fetch(record_map *map, HeapTupleHeader record, ml_value *inputs)
{
	HeapTupleData tuple;

	tuple.t_len = HeapTupleHeaderGetDatumLength(record);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = record;
	heap_deform_tuple(&tuple, map->tupdesc, map->values, map->nulls);
	return fetch(map, map->values, sizeof(Datum), map->nulls, sizeof(bool), inputs);
}

bool
record_map_fetch_loose(record_map *map, const NullableDatum *values, ml_value *inputs)
{
	return fetch(map, &values->value, sizeof(NullableDatum), &values->isnull,
				 sizeof(NullableDatum), inputs);
}
