/*-------------------------------------------------------------------------
 *
 * source.c
 *	  A table, view or query and its columns; its rows: source_read.c.
 *
 * The text is parsed and analysed: that tells whether it is one query that
 * only reads, what its columns are, and how to write it so that it means the
 * same under any search_path (as views are stored).  Everything happens as the
 * current user, so privileges and row security apply as in a query that she
 * types.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "nodes/makefuncs.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/varlena.h"

#include "source.h"
#include "value.h"

#define COLUMNS_SHOWN 24			/* in a message */

#define SOURCE_HINT "A source is the name of a table or view, or one SELECT, VALUES, TABLE or WITH query."

/* Positions of syntax errors are in the source, not in the calling query. */
static void
parse_error_callback(void *text)
{
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery((const char *) text);
	}
	if (geterrcode() == ERRCODE_SYNTAX_ERROR)
		errhint(SOURCE_HINT " A name with spaces or other signs is written in double quotes.");
}

static void
refuse(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("source must only read, but %s", what),
			 errhint(SOURCE_HINT)));
}

/*
 * The one statement of the text, or an error.
 */
static RawStmt *
parse_one(const char *text)
{
	List	   *statements = raw_parser(text, RAW_PARSE_DEFAULT);
	RawStmt    *statement;

	if (statements == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source is empty"),
				 errhint(SOURCE_HINT)));
	if (list_length(statements) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source must be one query, but has %d statements", list_length(statements))));
	statement = linitial_node(RawStmt, statements);
	if (!IsA(statement->stmt, SelectStmt))
		refuse("this is another kind of statement");
	return statement;
}

/*
 * Write a query so that it means the same under search_path pg_catalog.
 */
static char *
deparse_query(Query *query)
{
	int			nest = NewGUCNestLevel();
	char	   *text;

	(void) set_config_option("search_path", "pg_catalog", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	text = pg_get_querydef(query, false);
	AtEOXact_GUC(true, nest);
	return text + strspn(text, " ");
}

static Query *
analyse(RawStmt *statement, const char *text)
{
	Query	   *query = parse_analyze_fixedparams(statement, text, NULL, 0, NULL);

	if (query->commandType != CMD_SELECT || query->utilityStmt != NULL)
		refuse("this query creates a table");
	if (query->hasModifyingCTE)
		refuse("this query has a data-modifying WITH");
	if (query->rowMarks != NIL)
		refuse("this query locks rows");
	return query;
}

static void
open_query(source *s, const char *text)
{
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = parse_error_callback,
		.arg = unconstify(char *, text)
	};
	RawStmt    *statement;
	Query	   *query;
	int			length;

	error_context_stack = &callback;
	statement = parse_one(text);
	length = statement->stmt_len > 0 ? statement->stmt_len : (int) strlen(text) - statement->stmt_location;
	query = analyse(statement, text);
	error_context_stack = callback.previous;

	s->columns = ExecCleanTypeFromTL(query->targetList);
	/* a comment in its last line must not swallow the parenthesis */
	s->from = psprintf("(%.*s\n) AS source", length, text + statement->stmt_location);
	s->stored = deparse_query(query);
}

static bool
is_source(char relkind)
{
	return relkind == RELKIND_RELATION || relkind == RELKIND_PARTITIONED_TABLE || relkind == RELKIND_VIEW ||
		relkind == RELKIND_MATVIEW || relkind == RELKIND_FOREIGN_TABLE;
}

/* No such relation: is there one of nearly that name, in the schema that is named or those of the search_path? */
static void
report_missing(const RangeVar *name)
{
	List	   *schemas = name->schemaname == NULL ? fetch_search_path(false) :
		list_make1_oid(LookupExplicitNamespace(name->schemaname, false));
	Relation	catalog = table_open(RelationRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(catalog, InvalidOid, false, NULL, 0, NULL);
	const char *what = name->schemaname == NULL ? name->relname :
		psprintf("%s.%s", name->schemaname, name->relname);
	ml_text		names[2] = {ML_TEXT(""), ML_TEXT("")};	/* the nearest so far, and another one */
	HeapTuple	tuple;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_class row = (Form_pg_class) GETSTRUCT(tuple);
		ml_text		word = {name->relname, strlen(name->relname)};

		if (!is_source(row->relkind) || !list_member_oid(schemas, row->relnamespace))
			continue;
		names[1].data = pstrdup(NameStr(row->relname));
		names[1].size = strlen(names[1].data);
		if (ml_text_nearest(word, names, 2) == 1)
			names[0] = names[1];
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("relation \"%s\" does not exist", what),
			 names[0].size > 0 ?
			 errhint("Perhaps you meant \"%s\".", quote_qualified_identifier(name->schemaname, names[0].data)) : 0));
}

static void
open_relation(source *s, const char *text)
{
	RangeVar   *name = makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(text)));
	Relation	relation = relation_openrv_extended(name, AccessShareLock, true);

	if (relation == NULL)
		report_missing(name);
	switch (relation->rd_rel->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
		case RELKIND_VIEW:
		case RELKIND_MATVIEW:
		case RELKIND_FOREIGN_TABLE:
			break;
		default:
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("\"%s\" cannot be a source", RelationGetRelationName(relation)),
					 errdetail("It is not a table, view, materialized view or foreign table.")));
	}
	s->relation = RelationGetRelid(relation);
	s->relkind = relation->rd_rel->relkind;
	s->from = quote_qualified_identifier(get_namespace_name_or_temp(RelationGetNamespace(relation)),
										 RelationGetRelationName(relation));
	s->stored = s->from;
	s->columns = CreateTupleDescCopyConstr(RelationGetDescr(relation));
	relation_close(relation, NoLock);	/* keep the lock: the columns stay */
}

source *
source_open(const char *text)
{
	source	   *s = palloc0_object(source);
	List	   *names;

	if (SplitIdentifierString(pstrdup(text), '.', &names) && names != NIL)
		open_relation(s, text);
	else
		open_query(s, text);
	return s;
}

const char *
source_column_name(const source *s, int column)
{
	return NameStr(TupleDescAttr(s->columns, column)->attname);
}

ml_type
source_column_type(const source *s, int column)
{
	return value_type(TupleDescAttr(s->columns, column)->atttypid);
}

const char *
source_column_type_name(const source *s, int column)
{
	return format_type_be(TupleDescAttr(s->columns, column)->atttypid);
}

/* All columns, for messages. */
static char *
list_columns(const source *s)
{
	bool	   *every = palloc_array(bool, s->columns->natts);

	for (int i = 0; i < s->columns->natts; i++)
		every[i] = source_column_exists(s, i);
	return source_list_columns(s, every);
}

int
source_column(const source *s, const char *name)
{
	ml_text    *names = palloc_array(ml_text, s->columns->natts);
	ml_text		word = {name, strlen(name)};
	int			found = -1;
	int			near;

	for (int i = 0; i < s->columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(s->columns, i);

		names[i] = ML_TEXT("");
		if (column->attisdropped)
			continue;
		names[i] = (ml_text) {NameStr(column->attname), strlen(NameStr(column->attname))};
		if (!ml_text_equal(names[i], word))
			continue;
		if (found >= 0)
			ereport(ERROR,
					(errcode(ERRCODE_AMBIGUOUS_COLUMN),
					 errmsg("the source has several columns named \"%s\"", name)));
		found = i;
	}
	if (found >= 0)
	{
		pfree(names);
		return found;
	}
	near = ml_text_nearest(word, names, s->columns->natts);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("the source has no column \"%s\"", name),
			 errdetail("The columns of the source are %s.", list_columns(s)),
			 near >= 0 ? errhint("Perhaps you meant \"%s\".", names[near].data) : 0));
}

int
source_find_column(const source *s, const char *name)
{
	for (int i = 0; i < s->columns->natts; i++)
		if (source_column_exists(s, i) && strcmp(source_column_name(s, i), name) == 0)
			return i;
	return -1;
}

bool
source_column_exists(const source *s, int column)
{
	return !TupleDescAttr(s->columns, column)->attisdropped;
}

char *
source_list_columns(const source *s, const bool *use)
{
	StringInfoData list;
	int			n = 0;

	initStringInfo(&list);
	for (int i = 0; i < s->columns->natts; i++)
		if (use[i] && n++ < COLUMNS_SHOWN)
			appendStringInfo(&list, "%s\"%s\"", list.len == 0 ? "" : ", ", source_column_name(s, i));
	if (n > COLUMNS_SHOWN)
		appendStringInfo(&list, " and %d more", n - COLUMNS_SHOWN);
	return list.data;
}

/* What a column that is to be predicted is usually called; the second list when none of the first is there. */
static const char *const target_names[][8] = {
	{"label", "target", "class", "category", "sentiment", "outcome", "y"},
	{"response", "dependent", "is_target", "churn", "churned", "fraud", "is_fraud", "is_spam"}
};

static bool
is_target_name(const char *name, int list)
{
	for (int i = 0; i < lengthof(target_names[list]); i++)
		if (target_names[list][i] != NULL && pg_strcasecmp(name, target_names[list][i]) == 0)
			return true;
	return false;
}

/* Mark the columns of a list of names; how many there are, and the last one. */
static int
find_targets(const source *s, const int *inputs, int ninputs, int list, bool *candidate, int *found)
{
	int			n = 0;

	for (int i = 0; i < s->columns->natts; i++)
		candidate[i] = source_column_exists(s, i) && is_target_name(source_column_name(s, i), list);
	for (int i = 0; i < ninputs; i++)
		candidate[inputs[i]] = false;
	for (int i = 0; i < s->columns->natts; i++)
		if (candidate[i])
		{
			*found = i;
			n++;
		}
	return n;
}

int
source_infer_target(const source *s, const int *inputs, int ninputs, const char *remedy)
{
	bool	   *candidate = palloc_array(bool, s->columns->natts);
	int			found = -1;
	int			n = 0;

	for (int list = 0; n == 0 && list < lengthof(target_names); list++)
		n = find_targets(s, inputs, ninputs, list, candidate, &found);
	if (n > 1)
		ereport(ERROR,
				(errcode(ERRCODE_AMBIGUOUS_COLUMN),
				 errmsg("which column is to be predicted is not obvious: %s", source_list_columns(s, candidate)),
				 errhint("%s", remedy)));
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("which column is to be predicted is not obvious"),
				 errdetail("The columns of the source are %s.", list_columns(s)),
				 errhint("%s", remedy)));
	return found;
}
