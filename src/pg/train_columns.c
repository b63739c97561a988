/*-------------------------------------------------------------------------
 *
 * train_columns.c
 *	  Which columns of a source are learnt from, and what is said of it.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "train.h"

static bool
is_feature(const train_state *t, int column)
{
	for (int i = 0; i < t->want.ninputs; i++)
		if (t->want.inputs[i] == column)
			return true;
	return false;
}

static int *
infer_features(const train_state *t, int *n)
{
	const source *s = t->source;
	int		   *columns = palloc_array(int, s->columns->natts);

	*n = 0;
	for (int i = 0; i < s->columns->natts; i++)
		if (source_column_exists(s, i) && i != t->want.label && i != t->want.weight &&
			source_column_is_text(s, i))
			columns[(*n)++] = i;
	if (*n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("the source has no text column to learn from besides \"%s\"",
						source_column_name(s, t->want.label)),
				 errhint("Only text is learnt from; make one in a query: SELECT %s, column::text FROM ...",
						 quote_identifier(source_column_name(s, t->want.label)))));
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
		if (!source_column_is_text(s, columns[i]))
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("feature \"%s\" is of type %s", source_column_name(s, columns[i]),
							format_type_be(TupleDescAttr(s->columns, columns[i])->atttypid)),
					 errhint("Only text is learnt from; make one in a query: SELECT %s::text FROM ...",
							 quote_identifier(source_column_name(s, columns[i])))));
		for (int j = 0; j < i; j++)
			if (columns[j] == columns[i])
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("feature \"%s\" is named twice", source_column_name(s, columns[i]))));
	}
	return columns;
}

/*
 * Tell what was inferred, and what is left out.
 */
static void
announce_columns(const train_state *t)
{
	const source *s = t->source;
	bool	   *learnt = palloc0_array(bool, s->columns->natts);
	bool	   *ignored = palloc0_array(bool, s->columns->natts);
	char	   *rest;

	for (int i = 0; i < s->columns->natts; i++)
	{
		learnt[i] = is_feature(t, i);
		ignored[i] = source_column_exists(s, i) && !learnt[i] && i != t->want.label && i != t->want.weight;
	}
	rest = source_list_columns(s, ignored);
	ereport(NOTICE,
			(errmsg("learning \"%s\" from %s", source_column_name(s, t->want.label), source_list_columns(s, learnt)),
			 rest[0] == '\0' ? 0 : errdetail("Not used: %s.", rest)));
}

static void
find_weights(train_state *t)
{
	char	   *name;
	char		category;
	bool		preferred;

	t->want.weight = -1;
	if (t->options.weights.data == NULL)
		return;
	name = text_to_cstring(bridge_text_out(t->options.weights));
	t->want.weight = source_column(t->source, name);
	get_type_category_preferred(TupleDescAttr(t->source->columns, t->want.weight)->atttypid,
								&category, &preferred);
	if (category != TYPCATEGORY_NUMERIC)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of weights is not a number", name)));
}

void
train_choose_columns(train_state *t, const char *target, ArrayType *features)
{
	find_weights(t);
	if (features != NULL)
		t->want.inputs = named_features(t, features, &t->want.ninputs);
	t->want.label = target == NULL ? source_infer_target(t->source, t->want.inputs, t->want.ninputs, "Name it: target => 'column'.") :
		source_column(t->source, target);
	if (features == NULL)
		t->want.inputs = infer_features(t, &t->want.ninputs);
	if (is_feature(t, t->want.label))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" cannot be both target and feature",
						source_column_name(t->source, t->want.label))));
	if (target == NULL || features == NULL)
		announce_columns(t);

	t->recipe.target = pstrdup(source_column_name(t->source, t->want.label));
	t->recipe.nfeatures = t->want.ninputs;
	t->recipe.features = palloc_array(char *, t->want.ninputs);
	for (int i = 0; i < t->want.ninputs; i++)
		t->recipe.features[i] = pstrdup(source_column_name(t->source, t->want.inputs[i]));
}
