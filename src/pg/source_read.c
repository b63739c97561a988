/*-------------------------------------------------------------------------
 *
 * source_read.c
 *	  The rows of a source, in batches of the engine's values.
 *
 * The wanted columns are selected by SPI into a DestReceiver of our own,
 * because a cursor never runs parallel.  They are selected as they are, in the
 * order of the table: so a scan of a table that is wanted as a whole has
 * nothing to project, and what its columns become is decided once, here, not
 * by casts in each row.
 *
 * Values that lie in a row are copied, into one context per batch: the row's
 * memory is gone at the next one.  That is small unless the texts are large,
 * whatever the size of the source.  Neighbours that are of one type without
 * memory of its own are read together, as a run.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <float.h>
#include <math.h>

#include "common/hashfn.h"
#include "executor/spi.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/float.h"
#include "utils/typcache.h"

#include "source.h"
#include "value.h"

#define BATCH_ROWS	256
#define BATCH_BYTES (1024 * 1024)

/* Inputs side by side, in the row as among the inputs, that are read alike. */
typedef struct run
{
	value_kind	kind;			/* VALUE_TEXT: one by one */
	int			input;			/* the first one */
	int			place;			/* of its column in the row */
	int			n;
} run;

typedef struct receiver
{
	DestReceiver pub;			/* must be first */
	const source *source;
	const source_want *want;
	source_sink sink;
	void	   *state;
	MemoryContext mcxt;			/* of what the batch points to */
	int		   *place;			/* [columns of the source]: in the row, -1 where not selected */
	value_reader *readers;		/* [ninputs] */
	int			nruns;
	run		   *runs;
	value_reader target;
	value_reader weight;
	value_reader split;
	TypeCacheEntry *group;		/* to hash groups by */
	int			reading;		/* column at hand, -1: none */
	uint64		nrows;			/* of the batches before */

	size_t		n;
	size_t		bytes;
	ml_value   *inputs;
	ml_value   *targets;
	float	   *weights;
	double	   *splits;
} receiver;

static void
flush_batch(receiver *r)
{
	ml_batch	batch = {
		.n = r->n,
		.inputs = r->inputs,
		.targets = r->targets,
		.weights = r->want->weight >= 0 ? r->weights : NULL,
		.split = r->want->split >= 0 ? r->splits : NULL
	};

	if (r->n > 0)
		r->sink(r->state, &batch);
	if (r->bytes > 0)
		MemoryContextReset(r->mcxt);
	r->nrows += r->n;
	r->n = 0;
	r->bytes = 0;
}

/*
 * One value that may need memory.
 */
static ml_value
read_value(receiver *r, value_reader *reader, TupleTableSlot *slot, int column)
{
	int			place = r->place[column];
	ml_value	value;

	if (slot->tts_isnull[place])
		return reader->missing;
	r->reading = column;
	value = value_read(reader, slot->tts_values[place], false);
	r->reading = -1;
	/* numbers may leave memory behind as well: that of detoasting */
	r->bytes += 1 + (reader->form == ML_FORM_TEXT ? value.text.size :
					 reader->form == ML_FORM_ITEMS ? value.items.n * sizeof(double) : 0);
	return value;
}

#define READ_RUN(convert) \
	for (int i = 0; i < run->n; i++) \
		inputs[i].number = nulls[i] ? nan : convert(values[i])

static void
read_run(receiver *r, const run *run, TupleTableSlot *slot, ml_value *row)
{
	const Datum *values = slot->tts_values + run->place;
	const bool *nulls = slot->tts_isnull + run->place;
	ml_value   *inputs = row + run->input;
	double		nan = get_float8_nan();

	switch (run->kind)
	{
		case VALUE_FLOAT8:
			READ_RUN(DatumGetFloat8);
			break;
		case VALUE_FLOAT4:
			READ_RUN(DatumGetFloat4);
			break;
		case VALUE_INT2:
			READ_RUN(DatumGetInt16);
			break;
		case VALUE_INT4:
			READ_RUN(DatumGetInt32);
			break;
		case VALUE_INT8:
			READ_RUN((double) DatumGetInt64);
			break;
		case VALUE_BOOL:
			READ_RUN(DatumGetBool);
			break;
		default:
			for (int i = 0; i < run->n; i++)
				inputs[i] = read_value(r, &r->readers[run->input + i], slot,
									   r->want->inputs[run->input + i]);
	}
}

static float
read_weight(receiver *r, TupleTableSlot *slot)
{
	float		weight = (float) read_value(r, &r->weight, slot, r->want->weight).number;

	if (likely(weight >= 0 && !isinf(weight)))
		return weight;
	r->reading = r->want->weight;
	if (slot->tts_isnull[r->place[r->reading]])
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("weights of rows must not be NULL"),
				 errhint("A row of weight 0 does not count: coalesce(%s, 0).",
						 quote_identifier(source_column_name(r->source, r->reading)))));
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("weights of rows must be finite and not negative")));
}

/* A hash that a double holds exactly; all NULLs are one group. */
static double
hash_group(receiver *r, TupleTableSlot *slot)
{
	int			place = r->place[r->want->split];
	Oid			collation = TupleDescAttr(r->source->columns, r->want->split)->attcollation;

	if (slot->tts_isnull[place])
		return 0;
	return (double) (DatumGetUInt64(FunctionCall2Coll(&r->group->hash_extended_proc_finfo, collation,
													  slot->tts_values[place], Int64GetDatum(0))) >> 11);
}

static double
read_split(receiver *r, TupleTableSlot *slot)
{
	double		value;

	if (r->want->split_by == SOURCE_SPLIT_GROUP)
		return hash_group(r, slot);
	value = read_value(r, &r->split, slot, r->want->split).number;
	if (!isnan(value))
		return value;
	return r->want->split_by == SOURCE_SPLIT_FLAG ? 0 : -DBL_MAX;
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	receiver   *r = (receiver *) self;
	ml_value   *row = r->inputs + r->n * r->want->ninputs;
	MemoryContext caller = MemoryContextSwitchTo(r->mcxt);

	slot_getallattrs(slot);
	for (int i = 0; i < r->nruns; i++)
		read_run(r, &r->runs[i], slot, row);
	r->targets[r->n] = read_value(r, &r->target, slot, r->want->target);
	if (r->want->weight >= 0)
		r->weights[r->n] = read_weight(r, slot);
	if (r->want->split >= 0)
		r->splits[r->n] = read_split(r, slot);
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

/* For SPI, DestNone would be a query whose result nobody wants. */
#define RECEIVER(row) {row, receive_start, receive_end, receive_end, DestTuplestore}

/*
 * Getting ready.
 */

/* What to cast a column to. */
static const char *const type_names[] = {
	[ML_TYPE_TEXT] = "text",
	[ML_TYPE_ENUM] = "text",
	[ML_TYPE_NUMBER] = "float8",
	[ML_TYPE_INTEGER] = "bigint",
	[ML_TYPE_BOOLEAN] = "boolean",
	[ML_TYPE_DATE] = "date",
	[ML_TYPE_TIME] = "time",
	[ML_TYPE_TIMESTAMP] = "timestamp",
	[ML_TYPE_TIMESTAMPTZ] = "timestamptz",
	[ML_TYPE_ARRAY] = "float8[]"
};

static void
open_reader(receiver *r, value_reader *reader, int column, ml_type type, ml_role role)
{
	const source *s = r->source;

	if (!value_reader_init(reader, TupleDescAttr(s->columns, column)->atttypid, type, role,
						   r->want->zone, CurrentMemoryContext))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of the source is of type %s, which is no %s",
						source_column_name(s, column), source_column_type_name(s, column),
						ml_type_name(type)),
				 errhint("Cast it in a query: SELECT %s::%s AS %s FROM ...",
						 quote_identifier(source_column_name(s, column)), type_names[type],
						 quote_identifier(source_column_name(s, column)))));
	reader->copy = true;
	reader->column = source_column_name(s, column);
}

/* Of the column's own type, as a number. */
static void
open_number(receiver *r, value_reader *reader, int column)
{
	ml_type		type = source_column_type(r->source, column);

	open_reader(r, reader, column, type == ML_TYPE_COUNT || type == ML_TYPE_ARRAY ? ML_TYPE_NUMBER : type,
				ml_role_fits(type, ML_ROLE_DATE) ? ML_ROLE_DATE : ML_ROLE_NUMBER);
}

static void
open_group(receiver *r, int column)
{
	r->group = lookup_type_cache(TupleDescAttr(r->source->columns, column)->atttypid,
								 TYPECACHE_HASH_EXTENDED_PROC_FINFO);
	if (!OidIsValid(r->group->hash_extended_proc_finfo.fn_oid))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of type %s cannot tell groups of rows",
						source_column_name(r->source, column), source_column_type_name(r->source, column)),
				 errdetail("Its values have no hash."),
				 errhint("Cast it in a query: SELECT %s::text AS %s FROM ...",
						 quote_identifier(source_column_name(r->source, column)),
						 quote_identifier(source_column_name(r->source, column)))));
}

/* Does input i go on a run? */
static bool
continues(const receiver *r, const run *run, int i)
{
	return run->kind == r->readers[i].kind && r->readers[i].form == ML_FORM_NUMBER &&
		run->place + run->n == r->place[r->want->inputs[i]];
}

static void
find_runs(receiver *r)
{
	for (int i = 0; i < r->want->ninputs; i++)
	{
		run		   *last = r->nruns > 0 ? &r->runs[r->nruns - 1] : NULL;
		bool		plain = r->readers[i].form == ML_FORM_NUMBER && r->readers[i].kind <= VALUE_BOOL;

		if (last != NULL && (plain ? continues(r, last, i) : last->kind == VALUE_TEXT))
		{
			last->n++;
			continue;
		}
		last = &r->runs[r->nruns++];
		last->kind = plain ? r->readers[i].kind : VALUE_TEXT;
		last->input = i;
		last->place = r->place[r->want->inputs[i]];
		last->n = 1;
	}
}

static void
open_readers(receiver *r)
{
	const source_want *want = r->want;

	r->readers = palloc_array(value_reader, want->ninputs);
	r->runs = palloc_array(run, want->ninputs);
	for (int i = 0; i < want->ninputs; i++)
		open_reader(r, &r->readers[i], want->inputs[i], want->columns[i].type, want->columns[i].role);
	find_runs(r);
	if (want->is_number)
		open_number(r, &r->target, want->target);
	else
		value_reader_init_text(&r->target, TupleDescAttr(r->source->columns, want->target)->atttypid,
							   want->zone, CurrentMemoryContext);
	r->target.copy = true;
	if (want->weight >= 0)
		open_number(r, &r->weight, want->weight);
	if (want->split >= 0 && want->split_by == SOURCE_SPLIT_GROUP)
		open_group(r, want->split);
	else if (want->split >= 0)
		open_number(r, &r->split, want->split);
}

/*
 * SELECT the wanted columns, each once and in the order of the source.
 */
static char *
select_columns(receiver *r)
{
	const source_want *want = r->want;
	int			natts = r->source->columns->natts;
	StringInfoData sql;
	int			n = 0;

	r->place = palloc0_array(int, natts);
	for (int i = 0; i < want->ninputs; i++)
		r->place[want->inputs[i]] = 1;
	r->place[want->target] = 1;
	if (want->weight >= 0)
		r->place[want->weight] = 1;
	if (want->split >= 0)
		r->place[want->split] = 1;
	initStringInfo(&sql);
	for (int i = 0; i < natts; i++)
	{
		if (r->place[i] == 0)
		{
			r->place[i] = -1;
			continue;
		}
		r->place[i] = n++;
		appendStringInfo(&sql, "%s%s", n == 1 ? "SELECT " : ", ",
						 quote_identifier(source_column_name(r->source, i)));
	}
	appendStringInfo(&sql, " FROM %s", r->source->from);
	return sql.data;
}

/* Run a query into a receiver; the number of rows. */
static uint64
run_query(const char *sql, DestReceiver *receiver)
{
	SPIExecuteOptions options = {.read_only = true, .dest = receiver};
	int			code = SPI_execute_extended(sql, &options);

	if (code != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_extended failed: %s", SPI_result_code_string(code));
	return SPI_processed;
}

/* A value that is out of range says so, but not where it stands. */
static void
reading_callback(void *state)
{
	receiver   *r = state;

	if (r->reading >= 0)
		errcontext("row " UINT64_FORMAT " of the source, column \"%s\"",
				   r->nrows + r->n + 1, source_column_name(r->source, r->reading));
}

uint64
source_read(const source *s, const source_want *want, source_sink sink, void *state)
{
	receiver	r = {
		.pub = RECEIVER(receive_row),
		.source = s,
		.want = want,
		.sink = sink,
		.state = state,
		.reading = -1
	};
	ErrorContextCallback callback = {
		.previous = error_context_stack,
		.callback = reading_callback,
		.arg = &r
	};
	char	   *sql;
	uint64		rows;

	SPI_connect();
	r.mcxt = AllocSetContextCreate(CurrentMemoryContext, "aiaas batch", ALLOCSET_DEFAULT_SIZES);
	r.inputs = palloc_array(ml_value, BATCH_ROWS * want->ninputs);
	r.targets = palloc_array(ml_value, BATCH_ROWS);
	r.weights = palloc_array(float, BATCH_ROWS);
	r.splits = palloc_array(double, BATCH_ROWS);
	sql = select_columns(&r);
	open_readers(&r);
	error_context_stack = &callback;
	rows = run_query(sql, &r.pub);
	error_context_stack = callback.previous;
	flush_batch(&r);
	SPI_finish();
	return rows;
}

/*
 * A few distinct integers.
 */
typedef struct distinct
{
	DestReceiver pub;			/* must be first */
	value_reader reader;
	int			limit;
	int			n;
	double		values[FLEXIBLE_ARRAY_MEMBER];
} distinct;

/* False ends the query. */
static bool
receive_distinct(TupleTableSlot *slot, DestReceiver *self)
{
	distinct   *d = (distinct *) self;
	double		value;

	slot_getallattrs(slot);
	if (slot->tts_isnull[0])
		return true;
	value = value_read(&d->reader, slot->tts_values[0], false).number;
	for (int i = 0; i < d->n; i++)
		if (d->values[i] == value)
			return true;
	d->values[d->n++] = value;
	return d->n < d->limit;
}

int
source_count_distinct(const source *s, int column, int limit)
{
	distinct   *d = palloc0(offsetof(distinct, values) + limit * sizeof(double));
	Oid			type = TupleDescAttr(s->columns, column)->atttypid;

	d->pub = (DestReceiver) RECEIVER(receive_distinct);
	d->limit = limit;
	SPI_connect();
	if (!value_reader_init(&d->reader, type, ML_TYPE_INTEGER, ML_ROLE_NUMBER, NULL, CurrentMemoryContext))
		elog(ERROR, "column \"%s\" is no integer", source_column_name(s, column));
	(void) run_query(psprintf("SELECT %s FROM %s", quote_identifier(source_column_name(s, column)), s->from),
					 &d->pub);
	SPI_finish();
	return d->n;
}

Datum
source_compute(const source *s, const char *expression, bool *isnull)
{
	MemoryContext caller = CurrentMemoryContext;
	Datum		value;
	Form_pg_attribute column;

	SPI_connect();
	/* without a limit, which would keep it from running parallel (from 18 on) */
	if (SPI_execute(psprintf("SELECT %s FROM %s", expression, s->from), true, 0) != SPI_OK_SELECT ||
		SPI_processed != 1)
		elog(ERROR, "an aggregate over the source gave no row");
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, isnull);
	column = TupleDescAttr(SPI_tuptable->tupdesc, 0);
	if (!*isnull)
	{
		MemoryContext spi = MemoryContextSwitchTo(caller);

		value = datumCopy(value, column->attbyval, column->attlen);
		MemoryContextSwitchTo(spi);
	}
	SPI_finish();
	return value;
}
