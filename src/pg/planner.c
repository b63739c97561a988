/*-------------------------------------------------------------------------
 *
 * planner.c
 *	  Keeps temporary models out of parallel workers.
 *
 * aiaas_classify and its kin are PARALLEL SAFE, but a worker can't read a
 * temporary table of its leader.  Markings are per function, not per argument,
 * so a query that names a temporary model is planned without parallelism.
 * Named means: a constant of type regclass in the query, or the value of such
 * a parameter if it is known by now.  In a generic plan it is not; then the
 * function itself raises an error in the worker that says what to do.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "planner.h"

#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"
#include "optimizer/planner.h"

#include "callsite.h"

static planner_hook_type prev_planner_hook = NULL;

static bool
is_temporary(Datum regclass, bool isnull)
{
	return !isnull && catalog_is_temporary(DatumGetObjectId(regclass));
}

/*
 * True when the tree names a temporary relation by a regclass.
 */
static bool
names_temporary(Node *node, ParamListInfo parameters)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, names_temporary, parameters, 0);
	if (IsA(node, Const))
	{
		Const	   *value = (Const *) node;

		return value->consttype == REGCLASSOID &&
			is_temporary(value->constvalue, value->constisnull);
	}
	if (IsA(node, Param))
	{
		Param	   *param = (Param *) node;
		ParamExternData *value;
		ParamExternData workspace;

		if (param->paramkind != PARAM_EXTERN || param->paramtype != REGCLASSOID ||
			parameters == NULL || param->paramid > parameters->numParams)
			return false;
		value = parameters->paramFetch != NULL ?
			parameters->paramFetch(parameters, param->paramid, true, &workspace) :
			&parameters->params[param->paramid - 1];
		return value->ptype == REGCLASSOID && is_temporary(value->value, value->isnull);
	}
	return expression_tree_walker(node, names_temporary, parameters);
}

/*
 * Sessions without temporary tables pay one comparison.
 */
static bool
may_use_temporary(Query *query, ParamListInfo parameters)
{
	Oid			namespace;
	Oid			toast_namespace;

	GetTempNamespaceState(&namespace, &toast_namespace);
	if (!OidIsValid(namespace))
		return false;

	/* a query does not show whether it calls a function without a model */
	if (strncmp(callsite_default_model, "pg_temp", 7) == 0)
		return true;
	return names_temporary((Node *) query, parameters);
}

static PlannedStmt *
plan_query(Query *query, const char *query_string, int options, ParamListInfo parameters)
{
	if ((options & CURSOR_OPT_PARALLEL_OK) != 0 && may_use_temporary(query, parameters))
		options &= ~CURSOR_OPT_PARALLEL_OK;
	if (prev_planner_hook)
		return prev_planner_hook(query, query_string, options, parameters);
	return standard_planner(query, query_string, options, parameters);
}

void
planner_init(void)
{
	prev_planner_hook = planner_hook;
	planner_hook = plan_query;
}
