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
 * Rows of a table and ROW(...) are written so (a subquery's row is one, too,
 * once it is pulled up); any other record is passed as it is, and so is a row
 * that the query groups by, since there are no columns of it behind the
 * grouping.  The expression of an index is never rewritten; so where a table
 * has such an index, the forms of a version, which may be in it, are not.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/* What is rewritten. */
typedef struct rewrite
{
	const char *from;
	const char *to;				/* in schema aiaas */
	int			row;			/* number of that argument */
	int			nargs;
} rewrite;

static const rewrite rewrites[] = {
	{"aiaas_predict", "predict_columns", 1, 2},
	{"aiaas_predict", "predict_version_columns", 2, 3},
	{"aiaas_classify", "classify_columns", 1, 2},
	{"aiaas_classify", "classify_version_columns", 2, 3},
	{"aiaas_score", "score_columns", 1, 3},
	{"aiaas_score", "score_version_columns", 2, 4}
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
		Var *column;

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

static const rewrite *
find_rewrite(const FuncExpr *call)
{
	char	   *name = get_func_name(call->funcid);

	for (int i = 0; name != NULL && i < lengthof(rewrites); i++)
	{
		if (strcmp(rewrites[i].from, name) == 0 && rewrites[i].nargs == list_length(call->args))
			return &rewrites[i];
	}
	return NULL;
}

/* Has a table of the query an index on an expression, or on some of its rows? */
static bool
has_expression_index(Query *query)
{
	ListCell   *cell;

	foreach(cell, query->rtable)
	{
		RangeTblEntry *entry = lfirst(cell);
		bool		found = false;
		Relation	table;
		List	   *indexes;
		ListCell   *index;

		if (entry->rtekind != RTE_RELATION)
			continue;
		table = table_open(entry->relid, NoLock);
		indexes = RelationGetIndexList(table);
		table_close(table, NoLock);
		foreach(index, indexes)
		{
			HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(lfirst_oid(index)));

			if (!HeapTupleIsValid(tuple))
				continue;
			found = found || !heap_attisnull(tuple, Anum_pg_index_indexprs, NULL) ||
				!heap_attisnull(tuple, Anum_pg_index_indpred, NULL);
			ReleaseSysCache(tuple);
		}
		list_free(indexes);
		if (found)
			return true;
	}
	return false;
}

/*
 * InvalidOid: no such function, or not for this user, so that nothing is
 * rewritten.  Not looked up as a name in a query is: whoever may call
 * aiaas_predict needs no right on the schema of our helpers.
 */
static Oid
find_function(const char *name, List *arguments, int n)
{
	Oid			types[5];
	Oid			function;

	for (int i = 0; i < n; i++)
		types[i] = exprType(list_nth(arguments, i));
	types[n] = ANYOID;
	function = GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid, CStringGetDatum(name),
							   PointerGetDatum(buildoidvector(types, n + 1)),
							   ObjectIdGetDatum(get_namespace_oid("aiaas", true)));
	return OidIsValid(function) && compat_may_execute(function) ? function : InvalidOid;
}

/*
 * model [, version], row [, label] -> model [, version] [, label], names, columns ...
 */
static Node *
rewrite_call(PlannerInfo *root, FuncExpr *call)
{
	const rewrite *rule = find_rewrite(call);
	row			r = {NIL};
	FuncExpr   *result;
	List	   *arguments = NIL;
	Oid			function;

	if (rule == NULL || !compat_may_execute(call->funcid) ||
		!open_row(&r, root, list_nth(call->args, rule->row)) ||
		(rule->row == 2 && has_expression_index(root->parse)))
		return NULL;
	for (int i = 0; i < rule->nargs; i++)
	{
		if (i != rule->row)
			arguments = lappend(arguments, list_nth(call->args, i));
	}
	arguments = lappend(arguments, names_of(&r));
	function = find_function(rule->to, arguments, list_length(arguments));
	arguments = list_concat(arguments, r.columns);
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
