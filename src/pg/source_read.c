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
 * Most tables that are learnt from begin with columns of fixed size.  Where all
 * that is wanted is among these, or the next one, values of a tuple without
 * NULLs have fixed places, and are taken from there: deforming it first is
 * most of what a scan costs.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <float.h>
#include <math.h>

#include "access/htup_details.h"
#include "access/tupmacs.h"
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
#define BATCH_NUMBERS 2048		/* that stay in a first-level cache, of rows that are nothing else */
#define KNOWN_LABELS 8			/* texts of the target that are copied once ... */
#define KNOWN_LABEL_SIZE 64		/* ... if they are no larger */

/* Inputs side by side, in the row as among the inputs, that are read alike. */
typedef struct run
{
	value_kind	kind;			/* VALUE_TEXT: one by one */
	int			input;			/* the first one */
	int			place;			/* of its column in the row */
	int			n;
} run;

/* Columns of the row from the first one on whose values have a fixed place in a tuple without NULLs. */
typedef struct layout
{
	TupleDesc	columns;		/* of the rows that it was made for; NULL: none yet */
	bool		suffices;		/* all that is wanted is among these columns */
	int			ncolumns;		/* that a tuple must have */
	int		   *offsets;		/* [ncolumns], of the last as it is before alignment */
	int			nsingles;
	int		   *singles;		/* places that are no part of a run of numbers */
	Datum	   *values;			/* [columns of the source], where singles are put */
	bool	   *nulls;			/* false */
} layout;

/* A text of the target, as it is in the row and as the engine takes it. */
typedef struct known_label
{
	const char *bytes;
	Size		size;
	ml_text		text;
} known_label;

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
	value_reader validation;
	TypeCacheEntry *group;		/* to hash groups by */
	layout		layout;
	MemoryContext known_mcxt;	/* of the texts of known labels */
	int			nknown;
	known_label known[KNOWN_LABELS];

	/* the row at hand */
	const Datum *row_values;
	const bool *row_nulls;
	const char *straight;		/* the tuple's data, if runs are read from there */

	int			reading;		/* column at hand, -1: none */
	uint64		nrows;			/* of the batches before */

	size_t		nbatch;			/* rows of a batch */
	size_t		n;
	size_t		bytes;
	bool		is_numbers;		/* all inputs are */
	double	   *numbers;
	ml_value   *inputs;
	ml_value   *targets;
	float	   *weights;
	double	   *splits;
	bool	   *validates;
} receiver;

static void
flush_batch(receiver *r)
{
	ml_batch	batch = {
		.n = r->n,
		.inputs = r->inputs,
		.numbers = r->numbers,
		.targets = r->targets,
		.weights = r->want->weight >= 0 ? r->weights : NULL,
		.split = r->want->split >= 0 ? r->splits : NULL,
		.validates = r->want->validation >= 0 ? r->validates : NULL
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
read_value(receiver *r, value_reader *reader, int column)
{
	int			place = r->place[column];
	ml_value	value;

	if (r->row_nulls[place])
		return reader->missing;
	r->reading = column;
	value = value_read(reader, r->row_values[place], false);
	r->reading = -1;
	/* numbers may leave memory behind as well: that of detoasting */
	r->bytes += 1 + (reader->form == ML_FORM_TEXT ? value.text.size :
					 reader->form == ML_FORM_ITEMS ? value.items.n * sizeof(double) : 0);
	return value;
}

/*
 * A label.  Most targets have few: each is copied and converted once, and lies
 * at the same place in all rows of a batch.
 */
static ml_value
read_label(receiver *r)
{
	Datum		datum = r->row_values[r->place[r->want->target]];
	struct varlena *lies = (struct varlena *) DatumGetPointer(datum);
	MemoryContext batch;
	Size		size;
	known_label *label;

	if (r->row_nulls[r->place[r->want->target]] || r->target.kind != VALUE_TEXT ||
		VARATT_IS_EXTERNAL(lies) || VARATT_IS_COMPRESSED(lies))
		return read_value(r, &r->target, r->want->target);
	size = VARSIZE_ANY_EXHDR(lies);
	for (int i = 0; i < r->nknown; i++)
		if (r->known[i].size == size && memcmp(r->known[i].bytes, VARDATA_ANY(lies), size) == 0)
			return (ml_value) {.text = r->known[i].text};
	if (r->nknown == KNOWN_LABELS || size > KNOWN_LABEL_SIZE)
		return read_value(r, &r->target, r->want->target);
	label = &r->known[r->nknown];
	r->reading = r->want->target;
	batch = MemoryContextSwitchTo(r->known_mcxt);
	label->bytes = VARDATA_ANY(DatumGetTextPCopy(datum));
	label->size = size;
	label->text = value_read(&r->target, datum, false).text;
	MemoryContextSwitchTo(batch);
	r->reading = -1;
	r->nknown++;
	return (ml_value) {.text = label->text};
}

#define READ_DATUMS(convert) \
	for (int i = 0; i < run->n; i++) \
		to[i * step] = nulls[i] ? nan : convert(values[i])

/* Of the row's datums; numbers are "step" apart. */
static void
read_run(receiver *r, const run *run, double *to, int step)
{
	const Datum *values = r->row_values + run->place;
	const bool *nulls = r->row_nulls + run->place;
	double		nan = get_float8_nan();

	switch (run->kind)
	{
		case VALUE_FLOAT8:
			READ_DATUMS(DatumGetFloat8);
			break;
		case VALUE_FLOAT4:
			READ_DATUMS(DatumGetFloat4);
			break;
		case VALUE_INT2:
			READ_DATUMS(DatumGetInt16);
			break;
		case VALUE_INT4:
			READ_DATUMS(DatumGetInt32);
			break;
		case VALUE_INT8:
			READ_DATUMS((double) DatumGetInt64);
			break;
		default:
			READ_DATUMS(DatumGetBool);
	}
}

#define READ_STRAIGHT(type) \
	for (int i = 0; i < run->n; i++) \
		to[i * step] = (double) ((const type *) from)[i]

/* The same from the tuple itself. */
static void
read_run_straight(const receiver *r, const run *run, double *to, int step)
{
	const char *from = r->straight + r->layout.offsets[run->place];

	switch (run->kind)
	{
		case VALUE_FLOAT8:
			if (step == 1)
				memcpy(to, from, run->n * sizeof(double));
			else
				READ_STRAIGHT(float8);
			break;
		case VALUE_FLOAT4:
			READ_STRAIGHT(float4);
			break;
		case VALUE_INT2:
			READ_STRAIGHT(int16);
			break;
		case VALUE_INT4:
			READ_STRAIGHT(int32);
			break;
		case VALUE_INT8:
			READ_STRAIGHT(int64);
			break;
		default:
			READ_STRAIGHT(bool);
	}
}

static void
read_inputs(receiver *r)
{
	ml_value   *values = r->is_numbers ? NULL : r->inputs + r->n * r->want->ninputs;
	double	   *numbers = r->is_numbers ? r->numbers + r->n * r->want->ninputs : NULL;
	int			step = r->is_numbers ? 1 : sizeof(ml_value) / sizeof(double);

	for (int k = 0; k < r->nruns; k++)
	{
		const run  *run = &r->runs[k];
		double	   *to = numbers != NULL ? numbers + run->input : &values[run->input].number;

		if (run->kind == VALUE_TEXT)
			for (int i = run->input; i < run->input + run->n; i++)
			{
				ml_value	value = read_value(r, &r->readers[i], r->want->inputs[i]);

				if (numbers != NULL)
					numbers[i] = value.number;
				else
					values[i] = value;
			}
		else if (r->straight != NULL)
			read_run_straight(r, run, to, step);
		else
			read_run(r, run, to, step);
	}
}

static float
read_weight(receiver *r)
{
	float		weight = (float) read_value(r, &r->weight, r->want->weight).number;

	if (likely(weight >= 0 && !isinf(weight)))
		return weight;
	r->reading = r->want->weight;
	if (r->row_nulls[r->place[r->reading]])
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
hash_group(receiver *r)
{
	int			place = r->place[r->want->split];
	Oid			collation = TupleDescAttr(r->source->columns, r->want->split)->attcollation;

	if (r->row_nulls[place])
		return 0;
	return (double) (DatumGetUInt64(FunctionCall2Coll(&r->group->hash_extended_proc_finfo, collation,
													  r->row_values[place], Int64GetDatum(0))) >> 11);
}

static double
read_split(receiver *r)
{
	double		value;

	if (r->want->split_by == SOURCE_SPLIT_GROUP)
		return hash_group(r);
	value = read_value(r, &r->split, r->want->split).number;
	if (!isnan(value))
		return value;
	return r->want->split_by == SOURCE_SPLIT_FLAG ? 0 : -DBL_MAX;
}

/* Where the values of such rows lie. */
static void
lay_out(receiver *r, TupleDesc columns)
{
	layout	   *l = &r->layout;
	bool		fixed = true;
	int			offset = 0;
	int			reached = 0;

	l->columns = columns;
	for (; reached < columns->natts && fixed; reached++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, reached);

		fixed = column->attlen > 0;
		if (fixed)
			offset = att_align_nominal(offset, column->attalign);
		l->offsets[reached] = offset;
		if (fixed)
			offset += column->attlen;
	}
	l->ncolumns = 0;
	for (int i = 0; i < r->source->columns->natts; i++)
		l->ncolumns = Max(l->ncolumns, r->place[i] + 1);
	l->suffices = l->ncolumns <= reached;
}

/* The data of the slot's tuple if all that is wanted has its place there; NULL otherwise. */
static const char *
find_straight(receiver *r, TupleTableSlot *slot)
{
	HeapTuple	tuple;

	/* each begins as the first one does */
	if (!TTS_IS_HEAPTUPLE(slot) && !TTS_IS_BUFFERTUPLE(slot) && !TTS_IS_MINIMALTUPLE(slot))
		return NULL;
	if (unlikely(r->layout.columns != slot->tts_tupleDescriptor))
		lay_out(r, slot->tts_tupleDescriptor);
	tuple = ((HeapTupleTableSlot *) slot)->tuple;
	if (!r->layout.suffices || tuple == NULL || HeapTupleHasNulls(tuple) ||
		HeapTupleHeaderGetNatts(tuple->t_data) < r->layout.ncolumns)
		return NULL;
	return (const char *) tuple->t_data + tuple->t_data->t_hoff;
}

/* What is read as a datum, from its place in the tuple. */
static void
fetch_singles(receiver *r)
{
	layout	   *l = &r->layout;

	for (int i = 0; i < l->nsingles; i++)
	{
		int			place = l->singles[i];
		Form_pg_attribute column = TupleDescAttr(l->columns, place);
		int			offset = l->offsets[place];

		offset = att_align_pointer(offset, column->attalign, column->attlen, r->straight + offset);
		l->values[place] = fetchatt(column, r->straight + offset);
	}
	r->row_values = l->values;
	r->row_nulls = l->nulls;
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	receiver   *r = (receiver *) self;
	MemoryContext caller = MemoryContextSwitchTo(r->mcxt);

	r->straight = find_straight(r, slot);
	if (r->straight != NULL)
		fetch_singles(r);
	else
	{
		slot_getallattrs(slot);
		r->row_values = slot->tts_values;
		r->row_nulls = slot->tts_isnull;
	}
	read_inputs(r);
	r->targets[r->n] = r->want->is_number ? read_value(r, &r->target, r->want->target) : read_label(r);
	if (r->want->weight >= 0)
		r->weights[r->n] = read_weight(r);
	if (r->want->split >= 0)
		r->splits[r->n] = read_split(r);
	if (r->want->validation >= 0)
		r->validates[r->n] = read_value(r, &r->validation, r->want->validation).number > 0;
	r->n++;
	if (r->n == r->nbatch || r->bytes >= BATCH_BYTES)
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
	[ML_TYPE_ARRAY] = "float8[]",
	[ML_TYPE_BYTES] = "bytea"
};

void
source_refuse_type(const source *s, int column, ml_type type)
{
	const char *name = source_column_name(s, column);

	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" of the source is of type %s, which is no %s",
					name, source_column_type_name(s, column), ml_type_name(type)),
			 errhint("Cast it in a query: SELECT %s::%s AS %s FROM ...",
					 quote_identifier(name), type_names[type], quote_identifier(name))));
}

static void
open_reader(receiver *r, value_reader *reader, int column, ml_type type, ml_role role)
{
	const source *s = r->source;

	if (!value_reader_init(reader, TupleDescAttr(s->columns, column)->atttypid, type, role,
						   r->want->zone, CurrentMemoryContext))
		source_refuse_type(s, column, type);
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
	r->runs = palloc_array(run, r->want->ninputs);
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

/* Places in the row that are read as datums, and room for these. */
static void
open_layout(receiver *r)
{
	const source_want *want = r->want;
	layout	   *l = &r->layout;
	int			natts = r->source->columns->natts;

	l->offsets = palloc_array(int, natts);
	l->singles = palloc_array(int, want->ninputs + 3);
	l->values = palloc0_array(Datum, natts);
	l->nulls = palloc0_array(bool, natts);
	for (int k = 0; k < r->nruns; k++)
		for (int i = r->runs[k].input; i < r->runs[k].input + r->runs[k].n && r->runs[k].kind == VALUE_TEXT; i++)
			l->singles[l->nsingles++] = r->place[want->inputs[i]];
	l->singles[l->nsingles++] = r->place[want->target];
	if (want->weight >= 0)
		l->singles[l->nsingles++] = r->place[want->weight];
	if (want->split >= 0)
		l->singles[l->nsingles++] = r->place[want->split];
	if (want->validation >= 0)
		l->singles[l->nsingles++] = r->place[want->validation];
}

/* Room for the rows of a batch. */
static void
open_batch(receiver *r)
{
	int			ninputs = r->want->ninputs;

	r->is_numbers = true;
	for (int i = 0; i < ninputs; i++)
		r->is_numbers &= r->readers[i].form == ML_FORM_NUMBER;
	r->nbatch = r->is_numbers ? Min(Max(BATCH_NUMBERS / Max(ninputs, 1), 16), BATCH_ROWS) : BATCH_ROWS;
	if (r->is_numbers)
		r->numbers = palloc_array(double, r->nbatch * ninputs);
	else
		r->inputs = palloc_array(ml_value, r->nbatch * ninputs);
	r->targets = palloc_array(ml_value, r->nbatch);
	r->weights = palloc_array(float, r->nbatch);
	r->splits = palloc_array(double, r->nbatch);
	r->validates = palloc_array(bool, r->nbatch);
}

static void
open_readers(receiver *r)
{
	const source_want *want = r->want;

	r->readers = palloc_array(value_reader, want->ninputs);
	for (int i = 0; i < want->ninputs; i++)
		open_reader(r, &r->readers[i], want->inputs[i], want->columns[i].type, want->columns[i].role);
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
	if (want->validation >= 0)
		open_number(r, &r->validation, want->validation);
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
	if (want->validation >= 0)
		r->place[want->validation] = 1;
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
	r.known_mcxt = CurrentMemoryContext;
	sql = select_columns(&r);
	open_readers(&r);
	find_runs(&r);
	open_batch(&r);
	open_layout(&r);
	error_context_stack = &callback;
	rows = run_query(sql, &r.pub);
	error_context_stack = callback.previous;
	flush_batch(&r);
	SPI_finish();
	return rows;
}

void
source_check(const source *s, const source_want *want)
{
	receiver	r = {.source = s, .want = want};
	MemoryContext mcxt = AllocSetContextCreate(CurrentMemoryContext, "aiaas readers", ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(mcxt);

	open_readers(&r);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(mcxt);
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
