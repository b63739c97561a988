/*-------------------------------------------------------------------------
 *
 * train_look.c
 *	  Which columns can be learnt from, see train_look.h.
 *
 *-------------------------------------------------------------------------
 */
#include "model/train_look.h"

static const char *const reasons[] = {
	[ML_REASON_NO_VALUE] = "no values",
	[ML_REASON_ONE_VALUE] = "one value",
	[ML_REASON_SEQUENCE] = "numbers the rows",
	[ML_REASON_IDENTIFIER] = "an identifier by its name",
};

const char *
ml_reason_text(ml_reason reason)
{
	return reasons[reason];
}

uint32_t
ml_column_width(const ml_column *column)
{
	if (column->role == ML_ROLE_CATEGORY || column->role == ML_ROLE_TEXT)
		return 0;
	if (column->role == ML_ROLE_DATE)
		return (uint32_t) ml_date_nparts(column->type);
	return column->type == ML_TYPE_ARRAY ? column->size : 1;
}

ml_reason
ml_look_at_category(const ml_levels *levels, uint64_t missing)
{
	uint32_t	present = 0;

	for (uint32_t i = 0; i < levels->n && present < 2; i++)
		present += levels->counts[i] > 0;
	if (present == 0)
		return ML_REASON_NO_VALUE;
	return present == 1 && missing == 0 ? ML_REASON_ONE_VALUE : ML_REASON_KEPT;
}

ml_reason
ml_look_at_numbers(const ml_column *column, const ml_tabular_options *options,
				   const ml_summary *summaries, uint32_t width)
{
	bool		one = true;
	bool		none = true;

	for (uint32_t i = 0; i < width; i++)
	{
		const ml_summary *s = &summaries[i];
		bool		filled = s->nmissing > 0 &&
			(options->indicator || column->has_fill || options->impute == ML_IMPUTE_CONSTANT);

		none = none && s->nvalues == 0;
		one = one && (s->nvalues == 0 || s->min == s->max) && !filled;
	}
	return none ? ML_REASON_NO_VALUE : one ? ML_REASON_ONE_VALUE : ML_REASON_KEPT;
}

/* "id", "Id", "order_id", "orderId" */
static bool
is_named_id(ml_text name)
{
	const char *end = name.data + name.size;

	if (name.size < 2 || (end[-1] != 'd' && end[-1] != 'D') || (end[-2] != 'i' && end[-2] != 'I'))
		return false;
	return name.size == 2 || end[-3] == '_' || (end[-2] == 'I' && end[-3] >= 'a' && end[-3] <= 'z');
}

bool
ml_is_identifier(const ml_column *column, double min, double max, uint64_t nrows)
{
	return column->type == ML_TYPE_INTEGER && column->role == ML_ROLE_NUMBER && !column->named &&
		is_named_id(column->name) && max - min + 1 >= (double) nrows;
}

bool
ml_may_count(const ml_column *column, const ml_summary *s, uint64_t nrows)
{
	double		range;

	if (column->type != ML_TYPE_INTEGER || column->role != ML_ROLE_NUMBER || column->named)
		return false;
	range = s->max - s->min + 1;
	return s->nmissing == 0 && s->integers && range >= (double) s->nvalues && range <= (double) nrows;
}
