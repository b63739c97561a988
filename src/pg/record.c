/*-------------------------------------------------------------------------
 *
 * record.c
 *	  A row value as a model's inputs, matched by column name.
 *
 * Which types count as text: all of the string category (text, varchar, char,
 * name, citext ...), enums, and domains over these.  Values whose binary form
 * is text's are used where they lie; the others go through their output
 * function.  Anything else is an error that shows the cast, because a number
 * that silently became text would be a silent mistake.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "record.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "bridge.h"

typedef struct record_column
{
	AttrNumber	attnum;
	bool		is_text;		/* stored as text is */
	FmgrInfo	output;			/* otherwise */
} record_column;

struct record_map
{
	MemoryContext mcxt;			/* holds all of the map */
	Oid			type;
	int32		typmod;
	TupleDesc	tupdesc;		/* our own copy */
	uint32		ncolumns;
	record_column columns[FLEXIBLE_ARRAY_MEMBER];
};

/*
 * A name of the engine's as an identifier of the server.
 */
static char *
column_name(ml_text column)
{
	return text_to_cstring(bridge_text_out(column));
}

static AttrNumber
find_attribute(TupleDesc tupdesc, const char *name)
{
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);

		if (!attribute->attisdropped && namestrcmp(&attribute->attname, name) == 0)
			return attribute->attnum;
	}
	return InvalidAttrNumber;
}

/*
 * ERROR: a column of the model is not in the record.
 */
static void
report_missing(const char *subject, const char *name, TupleDesc tupdesc, Oid type)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);

		if (!attribute->attisdropped)
			appendStringInfo(&names, "%s\"%s\"", names.len > 0 ? ", " : "",
							 NameStr(attribute->attname));
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("%s needs a column \"%s\", which the record lacks", subject, name),
			 errdetail("The record has the columns %s.", names.data),
			 type == RECORDOID ?
			 errhint("A record is matched by column name. Name its columns: SELECT ... FROM (SELECT title AS subject, ...) AS t, and pass t.") :
			 errhint("A record is matched by column name. Rename the column in a subquery and pass the subquery's row.")));
}

static void
map_column(record_column *column, MemoryContext mcxt, const char *subject,
		   const char *name, TupleDesc tupdesc, Oid type)
{
	Form_pg_attribute attribute;
	Oid			base;
	char		category;
	bool		preferred;

	column->attnum = find_attribute(tupdesc, name);
	if (column->attnum == InvalidAttrNumber)
		report_missing(subject, name, tupdesc, type);
	attribute = TupleDescAttr(tupdesc, column->attnum - 1);
	base = getBaseType(attribute->atttypid);
	get_type_category_preferred(base, &category, &preferred);
	if (category != TYPCATEGORY_STRING && category != TYPCATEGORY_ENUM)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s needs text in column \"%s\", not %s", subject, name,
						format_type_be(attribute->atttypid)),
				 errhint("Cast it in a subquery: SELECT %s::text AS %s, ...",
						 quote_identifier(name), quote_identifier(name))));

	column->is_text = base == TEXTOID || base == VARCHAROID || base == BPCHAROID;
	if (!column->is_text)
	{
		Oid			output;
		bool		varlena;

		getTypeOutputInfo(attribute->atttypid, &output, &varlena);
		fmgr_info_cxt(output, &column->output, mcxt);
	}
}

record_map *
record_map_create(MemoryContext mcxt, const char *subject, const ml_image *image,
				  Oid type, int32 typmod)
{
	uint32		ncolumns = ml_image_ncolumns(image);

	/* beneath the caller's until it is complete, so that an error frees it */
	MemoryContext own = AllocSetContextCreate(CurrentMemoryContext, "aiaas record",
											  ALLOCSET_SMALL_SIZES);
	MemoryContext oldcontext = MemoryContextSwitchTo(own);
	record_map *map = palloc0(offsetof(record_map, columns) +
							  ncolumns * sizeof(record_column));

	map->mcxt = own;
	map->type = type;
	map->typmod = typmod;
	map->tupdesc = lookup_rowtype_tupdesc_copy(type, typmod);
	MemoryContextSwitchTo(oldcontext);
	map->ncolumns = ncolumns;
	for (uint32 i = 0; i < ncolumns; i++)
		map_column(&map->columns[i], own, subject,
				   column_name(ml_image_column(image, i)), map->tupdesc, type);
	MemoryContextSetParent(own, mcxt);
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

bool
record_map_fetch(record_map *map, HeapTupleHeader record, ml_text *inputs)
{
	HeapTupleData tuple;
	bool		any = false;

	tuple.t_len = HeapTupleHeaderGetDatumLength(record);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = record;
	for (uint32 i = 0; i < map->ncolumns; i++)
	{
		record_column *column = &map->columns[i];
		bool		isnull;
		Datum		value = heap_getattr(&tuple, column->attnum, map->tupdesc, &isnull);

		if (isnull)
			inputs[i] = (ml_text) {NULL, 0};
		else if (column->is_text)
			inputs[i] = bridge_text_in(DatumGetTextPP(value));
		else
			inputs[i] = bridge_text_in(cstring_to_text(OutputFunctionCall(&column->output,
																		  value)));
		any = any || !isnull;
	}
	return any;
}
