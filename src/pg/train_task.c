/*-------------------------------------------------------------------------
 *
 * train_task.c
 *	  Whether a training learns labels or numbers.
 *
 * The option "task" says so, or the algorithm if it does one task only, or of
 * a network its loss or last layer, or the type of the target: floats and
 * numerics are numbers, integers are if they have not just two values, all else
 * are labels.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "train.h"

static bool
is_number(ml_type type)
{
	return type == ML_TYPE_NUMBER || type == ML_TYPE_INTEGER || type == ML_TYPE_BOOLEAN;
}

static ml_task
task_of_type(const train_state *t, ml_type type, char **why)
{
	const char *name = source_column_name(t->source, t->want.target);
	const char *type_name = source_column_type_name(t->source, t->want.target);

	switch (type)
	{
		case ML_TYPE_TEXT:
			return ML_CLASSIFICATION;
		case ML_TYPE_NUMBER:
			*why = psprintf("Regression, since \"%s\" is of type %s; {\"task\": \"classification\"} takes its values as labels.",
							name, type_name);
			return ML_REGRESSION;
		case ML_TYPE_INTEGER:
			if (source_count_distinct(t->source, t->want.target, 3) == 2)
			{
				*why = psprintf("Classification, since \"%s\" has two values; {\"task\": \"regression\"} takes them as numbers.",
								name);
				return ML_CLASSIFICATION;
			}
			*why = psprintf("Regression, since \"%s\" is of type %s; {\"task\": \"classification\"} takes its values as labels.",
							name, type_name);
			return ML_REGRESSION;
		default:
			*why = psprintf("Classification, since \"%s\" is of type %s.", name, type_name);
			return ML_CLASSIFICATION;
	}
}

/*
 * The loss or the last layer of a network is one of labels or of numbers.  Losses of
 * numbers do for labels too, and labels they are where the target is no number.
 */
static bool
network_decides(train_state *t, ml_type type)
{
	bool		has_task;
	ml_task		task;

	if (strcmp(t->recipe.algorithm, "network") != 0)
		return false;
	bridge_check(t->b, ml_options_network_task(&t->b->ctx, &t->options, &has_task, &task), NULL);
	if (t->options.has_task || !has_task || (task == ML_REGRESSION && !is_number(type)))
		return false;
	t->task = task;
	return true;
}

/*
 * The algorithm does one task only, or the network.  Say so where the type of the
 * target would have said the other.
 */
static char *
why_by_algorithm(const train_state *t, ml_type type)
{
	const char *name = source_column_name(t->source, t->want.target);
	const char *type_name = source_column_type_name(t->source, t->want.target);
	const char *algorithm = t->recipe.algorithm;
	bool		numbers = type == ML_TYPE_NUMBER ||
		(type == ML_TYPE_INTEGER && source_count_distinct(t->source, t->want.target, 3) != 2);

	if (strcmp(algorithm, "network") == 0)
	{
		if (t->task == ML_REGRESSION && !numbers)
			return psprintf("Regression, since the loss is one of numbers: the values of \"%s\" (%s) are taken as numbers; "
							"{\"task\": \"classification\"} takes them as labels.", name, type_name);
		if (t->task == ML_CLASSIFICATION && numbers)
			return psprintf("Classification, since the %s is one of labels: the values of \"%s\" (%s) are taken as labels.",
							t->options.network.loss.data != NULL ? "loss" : "last layer", name, type_name);
		return NULL;
	}
	if (t->task == ML_REGRESSION && is_number(type) && !numbers)
		return psprintf("Regression, since the algorithm is %s: the values of \"%s\" (%s) are taken as numbers; "
						"algorithm => 'logistic_regression' takes them as labels.", algorithm, name, type_name);
	if (t->task == ML_CLASSIFICATION && numbers)
		return psprintf("Classification, since the algorithm is %s: the values of \"%s\" (%s) are taken as labels; "
						"algorithm => 'linear_regression' takes them as numbers.", algorithm, name, type_name);
	return NULL;
}

static void
check_target(const train_state *t, ml_type type)
{
	bool		by_algorithm = !t->options.has_task;

	if (t->task != ML_REGRESSION || is_number(type))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("regression needs a number to learn, but \"%s\" is of type %s",
					source_column_name(t->source, t->want.target),
					source_column_type_name(t->source, t->want.target)),
			 by_algorithm ? errhint("To learn labels: algorithm => 'logistic_regression'. Numbers that are written as text are cast in a query.") :
			 errhint("To learn labels leave out the option \"task\". Numbers that are written as text are cast in a query.")));
}

char *
train_choose_task(train_state *t)
{
	ml_type		type = source_column_type(t->source, t->want.target);
	const char *algorithm = t->recipe.algorithm;
	char	   *why = NULL;
	bool		by_type = false;
	bool		by_network = t->recipe.task == NULL && network_decides(t, type);

	t->asked = t->options.has_task || t->recipe.task != NULL;
	if (t->options.has_task)
		t->task = t->options.task;
	else if (t->recipe.task != NULL)
		t->task = strcmp(t->recipe.task, "regression") == 0 ? ML_REGRESSION : ML_CLASSIFICATION;
	else if (by_network)
		t->asked = true;
	else if (strcmp(algorithm, "linear_regression") == 0)
		t->task = ML_REGRESSION;
	else if (strcmp(algorithm, "logistic_regression") == 0)
		t->task = ML_CLASSIFICATION;
	else
	{
		t->task = task_of_type(t, type, &why);
		by_type = true;
	}
	check_target(t, type);
	if ((!t->asked || by_network) && !by_type)
		why = why_by_algorithm(t, type);
	t->want.is_number = t->task == ML_REGRESSION;
	return why;
}
