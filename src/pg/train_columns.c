/*-------------------------------------------------------------------------
 *
 * train_columns.c
 *	  Which columns of a source are learnt from, and what is said of it.
 *
 * Without a list of features all columns of types that the engine knows are
 * learnt from but those that play another part (target, weights, rows held
 * out, groups) and those that only tell rows apart: keys, identities, and what
 * is generated from other columns.  The option "columns" says otherwise of
 * single ones.  What the values tell, as unbroken sequences, the engine sees.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/attnum.h"
#include "access/sysattr.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/bitmapset.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "train.h"

#define REASONS_SHOWN	24		/* columns not used, in a message */

/* Of each column of the source, while it is decided. */
typedef struct choice
{
	ml_column  *columns;		/* [natts + those that are gone]: with what the option says */
	int			ncolumns;
	const char **unused;		/* [natts] why it is not learnt from; NULL: it is, or plays another part */
} choice;

ml_text
train_engine_text(const char *string)
{
	return bridge_text_in(cstring_to_text(string));
}

void
train_refuse_null(const char *argument)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("%s must not be NULL", argument)));
}

static bool
is_feature(const train_state *t, int column)
{
	for (int i = 0; i < t->want.ninputs; i++)
		if (t->want.inputs[i] == column)
			return true;
	return false;
}

/* Does it play another part than that of a feature? */
static bool
has_part(const train_state *t, int column)
{
	return column == t->want.target || column == t->want.weight || column == t->want.split ||
		column == t->want.validation;
}

/*
 * The option "columns".
 */

/* A column that an option names; -1: it is gone, which does no harm. */
static int
option_column(const train_state *t, const ml_column_option *option)
{
	char	   *name = text_to_cstring(bridge_text_out(option->name));

	if (t->repeated && option->role == ML_ROLE_IGNORE)
	{
		for (int i = 0; i < t->source->columns->natts; i++)
			if (source_column_exists(t->source, i) && strcmp(source_column_name(t->source, i), name) == 0)
				return i;
		return -1;
	}
	return source_column(t->source, name);
}

static void
check_option(const train_state *t, const ml_column_option *option, int column)
{
	if (option->role == ML_ROLE_IGNORE)
		return;
	if (column == t->want.target)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" cannot be both target and feature",
						source_column_name(t->source, column)),
				 errhint("Leave it out of the option \"columns\".")));
	if (source_column_type(t->source, column) == ML_TYPE_COUNT)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" is of type %s, which is not learnt from",
						source_column_name(t->source, column), source_column_type_name(t->source, column)),
				 errhint("Make it a text or number in a query: SELECT %s::text AS %s, ...",
						 quote_identifier(source_column_name(t->source, column)),
						 quote_identifier(source_column_name(t->source, column)))));
}

/*
 * All columns of the source as the engine sees them, with their roles by the
 * option.
 */
static void
apply_option(train_state *t, choice *c)
{
	const source *s = t->source;
	int			natts = s->columns->natts;

	c->columns = palloc0_array(ml_column, natts + t->options.ncolumn_options);
	c->unused = palloc0_array(const char *, natts);
	c->ncolumns = natts;
	for (int i = 0; i < natts; i++)
	{
		ml_type		type = source_column_exists(s, i) ? source_column_type(s, i) : ML_TYPE_COUNT;

		c->columns[i].name = train_engine_text(source_column_exists(s, i) ? source_column_name(s, i) : "");
		c->columns[i].type = type == ML_TYPE_COUNT ? ML_TYPE_TEXT : type;
	}
	for (uint32 i = 0; i < t->options.ncolumn_options; i++)
	{
		const ml_column_option *option = &t->options.column_options[i];
		int			column = option_column(t, option);

		if (column >= 0)
			check_option(t, option, column);
		else
			c->columns[c->ncolumns++].name = option->name;
	}
	bridge_check(t->b, ml_options_apply_columns(&t->b->ctx, &t->options, c->columns, c->ncolumns), NULL);
}

/*
 * Features.
 */

/* Numbers of the columns of the primary key, as offsets of a bitmap set. */
static Bitmapset *
primary_key(const source *s)
{
	Oid			constraint;

	if (s->relkind != RELKIND_RELATION && s->relkind != RELKIND_PARTITIONED_TABLE)
		return NULL;
	return get_primary_key_attnos(s->relation, false, &constraint);
}

/* Why a column is not learnt from unless it is named; NULL: it is.  images: bytes are. */
static const char *
why_not(const source *s, int column, const Bitmapset *key, bool images)
{
	Form_pg_attribute attribute = TupleDescAttr(s->columns, column);

	if (source_column_type(s, column) == ML_TYPE_COUNT ||
		(source_column_type(s, column) == ML_TYPE_BYTES && !images))
		return psprintf("type %s", source_column_type_name(s, column));
	if (bms_is_member(attribute->attnum - FirstLowInvalidHeapAttributeNumber, key))
		return "primary key";
	if (attribute->attidentity != '\0')
		return "identity";
	if (attribute->attgenerated != '\0')
		return "generated";
	return NULL;
}

static int *
infer_features(const train_state *t, choice *c, int *n)
{
	const source *s = t->source;
	int		   *columns = palloc_array(int, s->columns->natts);
	Bitmapset  *key = primary_key(s);
	bool		images = strcmp(t->recipe.algorithm, "network") == 0;

	*n = 0;
	for (int i = 0; i < s->columns->natts; i++)
	{
		bool		named = c->columns[i].named;

		if (!source_column_exists(s, i) || i == t->want.target || (has_part(t, i) && !named))
			continue;
		c->unused[i] = c->columns[i].role == ML_ROLE_IGNORE ? "ignored" : named ? NULL : why_not(s, i, key, images);
		if (c->unused[i] != NULL)
			continue;
		(void) source_column(s, source_column_name(s, i));	/* is there one of that name? */
		columns[(*n)++] = i;
	}
	return columns;
}

/*
 * The columns that the caller named.
 */
static int *
named_features(const train_state *t, ArrayType *names, int *n)
{
	const source *s = t->source;
	int		   *columns;
	Datum	   *elements;
	bool	   *nulls;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, n);
	if (*n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("features must name at least one column")));
	columns = palloc_array(int, *n);
	for (int i = 0; i < *n; i++)
	{
		if (nulls[i])
			train_refuse_null("an element of features");
		columns[i] = source_column(s, TextDatumGetCString(elements[i]));
		if (source_column_type(s, columns[i]) == ML_TYPE_COUNT)
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("feature \"%s\" is of type %s, which is not learnt from",
							source_column_name(s, columns[i]), source_column_type_name(s, columns[i])),
					 errhint("Make it a text or number in a query: SELECT %s::text FROM ...",
							 quote_identifier(source_column_name(s, columns[i])))));
		for (int j = 0; j < i; j++)
			if (columns[j] == columns[i])
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("feature \"%s\" is named twice", source_column_name(s, columns[i]))));
	}
	return columns;
}

/* What the values decided once is not decided anew. */
static void
repeat_role(ml_column *column, ml_role role)
{
	if (column->role == ML_ROLE_AUTO && column->type == ML_TYPE_TEXT && ml_role_fits(column->type, role))
		column->role = role;
}

/* Named features take the option as well; what it names must be among them. */
static void
check_named(train_state *t, choice *c)
{
	int		   *kept = palloc_array(int, t->want.ninputs);
	int			n = 0;

	for (uint32 i = 0; i < t->options.ncolumn_options; i++)
	{
		const ml_column_option *option = &t->options.column_options[i];
		int			column = option_column(t, option);

		if (column >= 0 && option->role != ML_ROLE_IGNORE && !is_feature(t, column))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"columns\" names \"%s\", which is not among the features",
							source_column_name(t->source, column))));
	}
	for (int i = 0; i < t->want.ninputs; i++)
	{
		int			column = t->want.inputs[i];

		c->columns[column].named |= t->recipe.left_out == NULL || !t->recipe.left_out[i];
		if (t->recipe.roles != NULL)
			repeat_role(&c->columns[column], t->recipe.roles[i]);
		if (c->columns[column].role == ML_ROLE_IGNORE)
			c->unused[column] = "ignored";
		else
			kept[n++] = column;
	}
	t->want.inputs = kept;
	t->want.ninputs = n;
}

/*
 * Columns that options name.
 */
static void
find_weights(train_state *t)
{
	char	   *name;
	ml_type		type;

	t->want.weight = -1;
	if (t->options.weights.data == NULL)
		return;
	name = text_to_cstring(bridge_text_out(t->options.weights));
	t->want.weight = source_column(t->source, name);
	type = source_column_type(t->source, t->want.weight);
	if (type != ML_TYPE_NUMBER && type != ML_TYPE_INTEGER)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of weights is not a number", name)));
}

static void
find_split(train_state *t)
{
	const ml_options *o = &t->options;
	ml_text		name = o->holdout_by == ML_HOLDOUT_RANDOM ? o->groups : o->holdout_column;
	int			column;
	ml_type		type;

	t->want.split = -1;
	if (name.data == NULL)
		return;
	t->want.split_by = o->holdout_by == ML_HOLDOUT_RANDOM ? SOURCE_SPLIT_GROUP :
		o->holdout_by == ML_HOLDOUT_FLAG ? SOURCE_SPLIT_FLAG : SOURCE_SPLIT_TIME;
	column = source_column(t->source, text_to_cstring(bridge_text_out(name)));
	type = source_column_type(t->source, column);
	if (o->holdout_by == ML_HOLDOUT_FLAG && type != ML_TYPE_BOOLEAN)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of rows to hold out is of type %s instead of boolean",
						source_column_name(t->source, column), source_column_type_name(t->source, column)),
				 errhint("To hold out the latest rows: {\"holdout\": {\"column\": \"%s\", \"fraction\": 0.2}}.",
						 source_column_name(t->source, column))));
	if (o->holdout_by == ML_HOLDOUT_TIME && !ml_role_fits(type, ML_ROLE_DATE) &&
		type != ML_TYPE_NUMBER && type != ML_TYPE_INTEGER)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of rows to hold out is of type %s instead of a date or time",
						source_column_name(t->source, column), source_column_type_name(t->source, column))));
	t->want.split = column;
}

/*
 * Tell what was inferred, and what is left out.
 */

/* 'Not used: "id" (primary key), "note".', or NULL. */
static char *
unused_columns(const train_state *t, const choice *c)
{
	const source *s = t->source;
	StringInfoData list;
	int			n = 0;

	initStringInfo(&list);
	for (int i = 0; i < s->columns->natts; i++)
	{
		if (!source_column_exists(s, i) || is_feature(t, i) || has_part(t, i) || n++ >= REASONS_SHOWN)
			continue;
		appendStringInfo(&list, "%s\"%s\"", n == 1 ? "Not used: " : ", ", source_column_name(s, i));
		if (c->unused[i] != NULL)
			appendStringInfo(&list, " (%s)", c->unused[i]);
	}
	if (n > REASONS_SHOWN)
		appendStringInfo(&list, " and %d more", n - REASONS_SHOWN);
	if (n > 0)
		appendStringInfoChar(&list, '.');
	return n > 0 ? list.data : NULL;
}

static void
announce_columns(const train_state *t, const choice *c, const char *task, bool all_named)
{
	const source *s = t->source;
	bool	   *learnt = palloc0_array(bool, s->columns->natts);
	char	   *rest = all_named ? NULL : unused_columns(t, c);

	for (int i = 0; i < t->want.ninputs; i++)
		learnt[t->want.inputs[i]] = true;
	ereport(NOTICE,
			(errmsg("learning \"%s\" from %s", source_column_name(s, t->want.target), source_list_columns(s, learnt)),
			 task == NULL && rest == NULL ? 0 :
			 errdetail("%s%s%s", task == NULL ? "" : task, task == NULL || rest == NULL ? "" : "\n",
					   rest == NULL ? "" : rest)));
}

pg_noreturn static void
refuse_no_features(const train_state *t, const choice *c)
{
	char	   *rest = unused_columns(t, c);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("the source has no column to learn from besides \"%s\"",
					source_column_name(t->source, t->want.target)),
			 rest == NULL ? 0 : errdetail("%s", rest),
			 rest == NULL ? 0 : errhint("Cast columns of other types in a query; keys are learnt from when they are named: features => '{column}'.")));
}

/* The zone that timestamptz are read in: that of the session, kept for ever. */
static void
choose_zone(train_state *t)
{
	bool		needed = t->want.split >= 0 &&
		source_column_type(t->source, t->want.split) == ML_TYPE_TIMESTAMPTZ;

	for (int i = 0; i < t->want.ninputs; i++)
		needed |= t->columns[i].type == ML_TYPE_TIMESTAMPTZ;
	t->want.zone = session_timezone;
	if (!needed)
		t->recipe.time_zone = NULL;
	else if (t->recipe.time_zone == NULL)
		t->recipe.time_zone = pstrdup(pg_get_timezone_name(session_timezone));
	else
		t->want.zone = pg_tzset(t->recipe.time_zone);
	if (t->want.zone == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("time zone \"%s\" is not known to this server", t->recipe.time_zone)));
}

/* What was chosen, for the reader and for the manifest. */
static void
settle(train_state *t, const choice *c)
{
	int			n = t->want.ninputs;

	t->columns = palloc_array(ml_column, n);
	t->want.columns = t->columns;
	t->recipe.target = pstrdup(source_column_name(t->source, t->want.target));
	t->recipe.nfeatures = n;
	t->recipe.features = palloc_array(char *, n);
	for (int i = 0; i < n; i++)
	{
		t->columns[i] = c->columns[t->want.inputs[i]];
		t->recipe.features[i] = pstrdup(source_column_name(t->source, t->want.inputs[i]));
	}
	choose_zone(t);
}

void
train_choose_columns(train_state *t, const char *target, ArrayType *features)
{
	choice		c = {0};
	char	   *task;

	find_weights(t);
	find_split(t);
	train_find_validation(t);
	t->want.target = -1;
	if (features != NULL)
		t->want.inputs = named_features(t, features, &t->want.ninputs);
	t->want.target = target == NULL ? source_infer_target(t->source, t->want.inputs, t->want.ninputs, "Name it: target => 'column'.") :
		source_column(t->source, target);
	if (is_feature(t, t->want.target))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" cannot be both target and feature",
						source_column_name(t->source, t->want.target))));
	apply_option(t, &c);
	if (features != NULL)
		check_named(t, &c);
	else
		t->want.inputs = infer_features(t, &c, &t->want.ninputs);
	if (t->want.ninputs == 0)
		refuse_no_features(t, &c);
	settle(t, &c);
	task = train_choose_task(t);
	train_match_validation(t);
	if (target == NULL || features == NULL || task != NULL)
		announce_columns(t, &c, task, target != NULL && features != NULL);
}
