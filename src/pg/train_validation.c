/*-------------------------------------------------------------------------
 *
 * train_validation.c
 *	  The rows that choose a network's epoch, by the option "validation": those
 *	  that a boolean column of the source marks, or all of another source.
 *
 * Another source is opened and read as the first one is: by the same user, with
 * columns matched by name, in the same transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"

#include "document.h"
#include "train.h"

static void
validation_callback(void *from)
{
	errcontext("rows that validate, from %s", (const char *) from);
}

static void
push_callback(ErrorContextCallback *callback, const char *from)
{
	callback->callback = validation_callback;
	callback->arg = unconstify(char *, from);
	callback->previous = error_context_stack;
	error_context_stack = callback;
}

static void
use_column(train_state *t, int column)
{
	if (source_column_type(t->source, column) != ML_TYPE_BOOLEAN)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of rows that validate is of type %s instead of boolean",
						source_column_name(t->source, column), source_column_type_name(t->source, column))));
	t->want.validation = column;
}

/* Repeated, the option must mean the same under another search_path. */
static void
rewrite_option(train_state *t)
{
	StringInfoData option;

	initStringInfo(&option);
	appendStringInfoString(&option, "{\"validation\": ");
	escape_json(&option, t->validation->stored);
	appendStringInfoChar(&option, '}');
	t->recipe.options = JsonbToCString(NULL, &document_merge(document_parse(t->recipe.options), document_parse(option.data))->root, 0);
}

void
train_find_validation(train_state *t)
{
	ml_text		option = t->options.network.validation_source;
	ErrorContextCallback callback;
	char	   *name;
	int			column;

	t->want.validation = -1;
	if (option.data == NULL)
		return;
	name = text_to_cstring(bridge_text_out(option));
	column = source_find_column(t->source, name);
	if (column >= 0)
	{
		use_column(t, column);
		return;
	}
	push_callback(&callback, name);
	t->validation = source_open(name);
	error_context_stack = callback.previous;
	rewrite_option(t);
}

/* The column of the other source that is called as that of the first, which is a number. */
static int
match_number(const train_state *t, int column)
{
	const char *name = source_column_name(t->source, column);
	int			other = source_column(t->validation, name);
	ml_type		type = source_column_type(t->validation, other);

	/* a date is a number to readers, and another one */
	if (type != ML_TYPE_NUMBER && type != ML_TYPE_INTEGER && type != ML_TYPE_BOOLEAN)
		source_refuse_type(t->validation, other, ML_TYPE_NUMBER);
	return other;
}

/* The columns of the other source that are called as those of the first. */
static source_want
match_columns(const train_state *t)
{
	source_want want = t->want;
	int		   *inputs = palloc_array(int, want.ninputs);

	for (int i = 0; i < want.ninputs; i++)
		inputs[i] = source_column(t->validation, source_column_name(t->source, want.inputs[i]));
	want.inputs = inputs;
	want.target = want.is_number ? match_number(t, want.target) :
		source_column(t->validation, source_column_name(t->source, want.target));
	if (want.weight >= 0)
		want.weight = match_number(t, want.weight);
	want.split = -1;
	return want;
}

typedef struct sink_state
{
	source_sink sink;
	void	   *state;
	size_t		n;
	bool	   *validates;		/* [n] true */
} sink_state;

static void
pass_on(void *state, const ml_batch *batch)
{
	sink_state *s = state;
	ml_batch	marked = *batch;

	if (batch->n > s->n)
	{
		s->n = batch->n;
		s->validates = palloc_array(bool, s->n);
		memset(s->validates, true, s->n);
	}
	marked.validates = s->validates;
	s->sink(s->state, &marked);
}

/* Before the first row is read: what is wrong with the columns. */
void
train_match_validation(train_state *t)
{
	ErrorContextCallback callback;

	if (t->validation == NULL)
		return;
	push_callback(&callback, t->validation->from);
	t->validation_want = match_columns(t);
	source_check(t->validation, &t->validation_want);
	error_context_stack = callback.previous;
}

void
train_read_validation(train_state *t, source_sink sink, void *state)
{
	sink_state	s = {sink, state};
	ErrorContextCallback callback;

	if (t->validation == NULL)
		return;
	push_callback(&callback, t->validation->from);
	(void) source_read(t->validation, &t->validation_want, pass_on, &s);
	error_context_stack = callback.previous;
}
