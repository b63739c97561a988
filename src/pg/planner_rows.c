/*-------------------------------------------------------------------------
 *
 * planner_rows.c
 *	  aiaas_predict('m', t) -> aiaas.predict_columns('m', '{a,b}', t.a, t.b)
 *
 * A row as an argument costs more than the prediction: the server takes the
 * tuple apart, puts its columns together as a new one, and we take that apart
 * again.  So the planner asks us, by a support function, and we pass the
 * columns instead.
 *
 * Only the forms of the live version are written so: those of a version may be
 * indexed, and an index's expression is not.  Rows of a table and ROW(...) are
 * (a subquery's row is one, too, once it is pulled up); any other record is
 * passed as it is, and so is a row that the query groups by, since there are
 * no columns of it behind the grouping.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "nodes/value.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parse_func.h"
#include "parser/parsetree.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

/* What is rewritten. */
typedef struct rewrite
{
	const char *from;
	const char *to;				/* in schema aiaas */
	bool		has_label;
} rewrite;

static const rewrite rewrites[] = {
	{"aiaas_predict", "predict_columns", false},
	{"aiaas_classify", "classify_columns", false},
	{"aiaas_score", "score_columns", true}
};

/* A row's columns. */
typedef struct row
{
	List	   *columns;		/* expressions */
	int			n;
	Datum		names[FUNC_MAX_ARGS];
} row;

static bool
add_column(row *r, const char *name, Expr *column)
{
	if (r->n == FUNC_MAX_ARGS)
		return false;
	r->names[r->n++] = CStringGetTextDatum(name);
	r->columns = lappend(r->columns, column);
	return true;
}

/*
 * Does the tree have a row, of the table of that number or, for 0, put together
 * from columns?
 */
static bool
has_row(Node *node, Index *table)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return ((Var *) node)->varno == *table && ((Var *) node)->varattno == InvalidAttrNumber;
	if (IsA(node, RowExpr) && *table == 0)
		return true;
	return expression_tree_walker(node, has_row, table);
}

static bool
groups_by(Query *query, Index table)
{
	ListCell   *cell;

	foreach(cell, query->groupClause)
	{
		if (has_row(get_sortgroupclause_expr(lfirst(cell), query->targetList), &table))
			return true;
	}
	return false;
}

/* The row of a table. */
static bool
open_table_row(row *r, PlannerInfo *root, const Var *var)
{
	TupleDesc	tupdesc;
	bool		complete = true;

	if (var->varattno != InvalidAttrNumber || var->varlevelsup != 0 ||
		rt_fetch(var->varno, root->parse->rtable)->rtekind != RTE_RELATION ||
		groups_by(root->parse, var->varno))
		return false;
	tupdesc = lookup_rowtype_tupdesc(var->vartype, -1);
	for (int i = 0; i < tupdesc->natts && complete; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(tupdesc, i);
		Var		   *column;

		if (attribute->attisdropped)
			continue;
		column = (Var *) copyObjectImpl(var);
		column->varattno = attribute->attnum;
		column->varattnosyn = attribute->attnum;
		column->vartype = attribute->atttypid;
		column->vartypmod = attribute->atttypmod;
		column->varcollid = attribute->attcollation;
		complete = add_column(r, NameStr(attribute->attname), (Expr *) column);
	}

	/* so are the columns of ROW(...) called, which has another rule */
	complete = complete && tupdesc->natts > 0 &&
		namestrcmp(&TupleDescAttr(tupdesc, 0)->attname, "f1") != 0;
	ReleaseTupleDesc(tupdesc);
	return complete;
}

/* ROW(...), or the row of a subquery that was pulled up. */
static bool
open_expression(row *r, PlannerInfo *root, const RowExpr *expression)
{
	ListCell   *column;
	ListCell   *name;

	if (expression->row_typeid != RECORDOID || groups_by(root->parse, 0) ||
		list_length(expression->args) != list_length(expression->colnames))
		return false;
	forboth(column, expression->args, name, expression->colnames)
	{
		if (!add_column(r, strVal(lfirst(name)), lfirst(column)))
			return false;
	}
	return r->n > 0;
}

static bool
open_row(row *r, PlannerInfo *root, Node *input)
{
	if (IsA(input, Var))
		return open_table_row(r, root, (Var *) input);
	return IsA(input, RowExpr) && open_expression(r, root, (RowExpr *) input);
}

static Const *
names_of(row *r)
{
	return makeConst(TEXTARRAYOID, -1, DEFAULT_COLLATION_OID, -1,
					 PointerGetDatum(construct_array(r->names, r->n, TEXTOID, -1, false, TYPALIGN_INT)),
					 false, false);
}

/* InvalidOid: no such function, so that nothing is rewritten. */
static Oid
find_function(const rewrite *rule)
{
	Oid			types[4] = {REGCLASSOID, TEXTOID, TEXTARRAYOID, ANYOID};

	if (!rule->has_label)
	{
		types[1] = TEXTARRAYOID;
		types[2] = ANYOID;
	}
	return LookupFuncName(list_make2(makeString("aiaas"), makeString(unconstify(char *, rule->to))),
						  rule->has_label ? 4 : 3, types, true);
}

static const rewrite *
find_rewrite(Oid function)
{
	char	   *name = get_func_name(function);

	for (int i = 0; name != NULL && i < lengthof(rewrites); i++)
	{
		if (strcmp(rewrites[i].from, name) == 0)
			return &rewrites[i];
	}
	return NULL;
}

/*
 * model, row [, label] -> model [, label], names, columns ...
 */
static Node *
rewrite_call(PlannerInfo *root, FuncExpr *call)
{
	const rewrite *rule = find_rewrite(call->funcid);
	row			r = {NIL};
	FuncExpr   *result;
	List	   *arguments;
	Oid			function;

	if (rule == NULL || list_length(call->args) != (rule->has_label ? 3 : 2) ||
		!compat_may_execute(call->funcid) || !open_row(&r, root, lsecond(call->args)))
		return NULL;
	arguments = list_make1(linitial(call->args));
	if (rule->has_label)
		arguments = lappend(arguments, lthird(call->args));
	arguments = list_concat(lappend(arguments, names_of(&r)), r.columns);
	function = find_function(rule);
	if (!OidIsValid(function) || list_length(arguments) > FUNC_MAX_ARGS)
		return NULL;
	result = makeFuncExpr(function, call->funcresulttype, arguments, call->funccollid,
						  call->inputcollid, COERCE_EXPLICIT_CALL);
	result->location = call->location;
	return (Node *) result;
}

AIAAS_FUNCTION(aiaas_row_support);
Datum
aiaas_row_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	Node	   *result = NULL;

	if (IsA(request, SupportRequestSimplify))
	{
		SupportRequestSimplify *simplify = (SupportRequestSimplify *) request;

		if (simplify->root != NULL)
			result = rewrite_call(simplify->root, simplify->fcall);
	}
	PG_RETURN_POINTER(result);
}
