/*-------------------------------------------------------------------------
 *
 * source.c
 *	  A table, view or query -> typed columns -> batches of examples.
 *
 * The text is parsed and analysed first: that tells whether it is one query
 * that only reads, what its columns are, and how to write it so that it means
 * the same under any search_path (as views are stored).  Then the wanted
 * columns are selected from it by SPI into a DestReceiver of our own, because
 * a cursor never runs parallel.  Everything happens as the current user, so
 * privileges and row security apply as in a query that she types.
 *
 * The rows come in batches: of one context per batch, which is small unless
 * the texts are large, whatever the size of the source.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "nodes/makefuncs.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/varlena.h"

#include "bridge.h"
#include "source.h"

#define BATCH_ROWS	256
#define BATCH_BYTES (1024 * 1024)

#define SOURCE_HINT "A source is the name of a table or view, or one SELECT, VALUES, TABLE or WITH query."

/*
 * Reading.
 */
typedef struct receiver
{
	DestReceiver pub;			/* must be first */
	const source_want *want;
	source_sink sink;
	void	   *state;
	MemoryContext mcxt;			/* of the batch's texts */
	size_t		n;
	size_t		bytes;
	ml_text    *inputs;
	ml_text    *labels;
	float	   *weights;
} receiver;

static void
flush_batch(receiver *r)
{
	source_batch batch = {
		.n = r->n,
		.inputs = r->inputs,
		.labels = r->labels,
		.weights = r->want->weight >= 0 ? r->weights : NULL
	};

	if (r->n > 0)
		r->sink(r->state, &batch);
	MemoryContextReset(r->mcxt);
	r->n = 0;
	r->bytes = 0;
}

/*
 * A text of the row as the engine takes it.  It is copied: the row's memory
 * is gone at the next one.
 */
static ml_text
batch_text(receiver *r, TupleTableSlot *slot, int column)
{
	ml_text		result = {NULL, 0};

	if (slot->tts_isnull[column])
		return result;
	result = bridge_text_in(DatumGetTextPCopy(slot->tts_values[column]));
	r->bytes += result.size;
	return result;
}

static float
batch_weight(TupleTableSlot *slot, int column)
{
	float		weight = slot->tts_isnull[column] ? -1 :
		(float) DatumGetFloat8(slot->tts_values[column]);

	if (!(weight >= 0) || isinf(weight))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weights of rows must be finite and not negative")));
	return weight;
}

/* Columns arrive in this order: inputs, label, weight. */
static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	receiver   *r = (receiver *) self;
	int			ninputs = r->want->ninputs;
	MemoryContext caller = MemoryContextSwitchTo(r->mcxt);

	slot_getallattrs(slot);
	for (int i = 0; i < ninputs; i++)
		r->inputs[r->n * ninputs + i] = batch_text(r, slot, i);
	r->labels[r->n] = batch_text(r, slot, ninputs);
	if (r->want->weight >= 0)
		r->weights[r->n] = batch_weight(slot, ninputs + 1);
	r->n++;
	if (r->n == BATCH_ROWS || r->bytes >= BATCH_BYTES)
		flush_batch(r);
	MemoryContextSwitchTo(caller);
	return true;
}

static void
receive_start(DestReceiver *self, int operation, TupleDesc columns)
{
}

static void
receive_end(DestReceiver *self)
{
}

static void
append_column(StringInfo sql, const source *s, int column, const char *type)
{
	appendStringInfo(sql, "%s%s::pg_catalog.%s", sql->len == 0 ? "SELECT " : ", ",
					 quote_identifier(source_column_name(s, column)), type);
}

uint64
source_read(const source *s, const source_want *want, source_sink sink, void *state)
{
	SPIExecuteOptions options = {.read_only = true};
	StringInfoData sql;
	receiver	r = {
		/* for SPI, DestNone would be a query whose result nobody wants */
		.pub = {receive_row, receive_start, receive_end, receive_end, DestTuplestore},
		.want = want,
		.sink = sink,
		.state = state
	};
	int			code;
	uint64		rows;

	SPI_connect();
	r.mcxt = AllocSetContextCreate(CurrentMemoryContext, "aiaas batch", ALLOCSET_DEFAULT_SIZES);
	r.inputs = palloc_array(ml_text, BATCH_ROWS * want->ninputs);
	r.labels = palloc_array(ml_text, BATCH_ROWS);
	r.weights = palloc_array(float, BATCH_ROWS);

	initStringInfo(&sql);
	for (int i = 0; i < want->ninputs; i++)
		append_column(&sql, s, want->inputs[i], "text");
	append_column(&sql, s, want->label, "text");
	if (want->weight >= 0)
		append_column(&sql, s, want->weight, "float8");
	appendStringInfo(&sql, " FROM %s", s->from);

	options.dest = &r.pub;
	code = SPI_execute_extended(sql.data, &options);
	if (code != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_extended failed: %s", SPI_result_code_string(code));
	rows = SPI_processed;
	flush_batch(&r);
	SPI_finish();
	return rows;
}

/*
 * Describing.
 */

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

static void
open_relation(source *s, const char *text)
{
	RangeVar   *name = makeRangeVarFromNameList(textToQualifiedNameList(cstring_to_text(text)));
	Relation	relation = relation_openrv(name, AccessShareLock);

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
	s->from = quote_qualified_identifier(get_namespace_name_or_temp(RelationGetNamespace(relation)),
										 RelationGetRelationName(relation));
	s->stored = s->from;
	s->columns = CreateTupleDescCopy(RelationGetDescr(relation));
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

bool
source_column_is_text(const source *s, int column)
{
	char		category;
	bool		preferred;

	get_type_category_preferred(TupleDescAttr(s->columns, column)->atttypid, &category, &preferred);
	return category == TYPCATEGORY_STRING;
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
		return found;
	near = ml_text_nearest(word, names, s->columns->natts);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("the source has no column \"%s\"", name),
			 errdetail("The columns of the source are %s.", list_columns(s)),
			 near >= 0 ? errhint("Perhaps you meant \"%s\".", names[near].data) : 0));
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

	initStringInfo(&list);
	for (int i = 0; i < s->columns->natts; i++)
		if (use[i])
			appendStringInfo(&list, "%s\"%s\"", list.len == 0 ? "" : ", ", source_column_name(s, i));
	return list.data;
}

/* What a column that is to be predicted is usually called. */
static bool
is_target_name(const char *name)
{
	static const char *const names[] = {
		"label", "target", "class", "category", "sentiment", "outcome", "y"
	};

	for (int i = 0; i < lengthof(names); i++)
		if (pg_strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

int
source_infer_target(const source *s, const int *inputs, int ninputs, const char *remedy)
{
	bool	   *candidate = palloc0_array(bool, s->columns->natts);
	int			found = -1;
	int			n = 0;

	for (int i = 0; i < s->columns->natts; i++)
		candidate[i] = source_column_exists(s, i) && is_target_name(source_column_name(s, i));
	for (int i = 0; i < ninputs; i++)
		candidate[inputs[i]] = false;
	for (int i = 0; i < s->columns->natts; i++)
		if (candidate[i])
		{
			found = i;
			n++;
		}
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
