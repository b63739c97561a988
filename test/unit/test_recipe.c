/*-------------------------------------------------------------------------
 *
 * test_recipe.c
 *	  Recipes as JSON; values in fixed point.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "feature/recipe.h"
#include "feature/weight.h"

#include <math.h>

static const char good[] =
	"{\"columns\":[\"subject\",\"b\\u00f6dy\"],\"word_ngrams\":[1,3],\"char_ngrams\":[2,5],"
	"\"script_ngrams\":[1,2],\"hash_bits\":20,\"min_df\":3,\"sublinear_tf\":true,\"idf\":false,"
	"\"l2_norm\":true,\"unicode\":\"15.0\"}";

static ml_status
round_trip(ml_context *ctx, void *argument)
{
	ml_arena	arena = {0};
	ml_buffer	json = {0};
	ml_recipe	recipe;
	ml_status	status = ml_recipe_read(ctx, &arena, unit_text(good), &recipe);

	if (status == ML_OK)
		status = ml_recipe_write(ctx, &recipe, &json);
	if (status == ML_OK && argument != NULL)
		unit_is_text(((ml_text) {json.data, json.size}), argument, "written as read");
	ml_buffer_free(ctx, &json);
	ml_arena_free(ctx, &arena);
	return status;
}

/* The good recipe with one piece of it replaced is refused. */
static void
refuse(unit_host *host, const char *from, const char *to, const char *message)
{
	char		json[sizeof(good) + 64];
	const char *at = strstr(good, from);
	ml_arena	arena = {0};
	ml_recipe	recipe;

	snprintf(json, sizeof(json), "%.*s%s%s", (int) (at - good), good, to, at + strlen(from));
	unit_fails(host, ml_recipe_read(&host->ctx, &arena, unit_text(json), &recipe),
			   ML_BAD_MODEL, message, "%s -> %s", from, to);
	ml_arena_free(&host->ctx, &arena);
}

static void
test_refusals(unit_host *host)
{
	refuse(host, "[1,3]", "[3,1]", "word_ngrams");
	refuse(host, "[1,3]", "[0,1]", "word_ngrams");
	refuse(host, "[1,3]", "[1,9]", "word_ngrams");
	refuse(host, "[1,3]", "[1,2,3]", "word_ngrams");
	refuse(host, "[1,3]", "[1]", "word_ngrams");
	refuse(host, "[1,3]", "2", "word_ngrams");
	refuse(host, "[2,5]", "[-1,5]", "char_ngrams");
	refuse(host, "[2,5]", "[2.5,5]", "char_ngrams");
	refuse(host, ":20", ":9", "hash_bits");
	refuse(host, ":20", ":25", "hash_bits");
	refuse(host, ":20", ":\"20\"", "hash_bits");
	refuse(host, ":3,", ":0,", "min_df");
	refuse(host, ":false", ":0", "idf");
	refuse(host, "\"idf\":false,", "", "members");
	refuse(host, "\"idf\"", "\"fdi\"", "idf");
	refuse(host, "\"15.0\"", "15", "unicode");
	refuse(host, "\"subject\"", "7", "not a name");
	refuse(host, "[\"subject\",\"b\\u00f6dy\"]", "[]", "columns");
	refuse(host, "\"15.0\"}", "\"15.0\"", "");
	refuse(host, "[1,3],\"char_ngrams\":[2,5],\"script_ngrams\":[1,2]",
		   "[0,0],\"char_ngrams\":[0,0],\"script_ngrams\":[0,0]", "no features");
}

static void
test_weights(void)
{
	uint16_t	table[ML_TF_COUNTS];

	ml_tf_table(true, table);
	unit_is_int(table[0], 0, "nothing weighs nothing");
	unit_is_int(table[1], ML_TF_ONE, "once");
	unit_is_int(table[10], lround(ML_TF_ONE * (1 + log(10))), "ten times, sublinear");
	unit_is_int(ml_tf_weight(true, 1000000), table[255], "counts end at 255");
	unit_is_int(ml_tf_weight(false, 7), 7 * ML_TF_ONE, "seven times, linear");
	unit_is_int(ml_tf_weight(false, 64), ML_TF_MAX, "clipped to what kernels take");
	unit_is_int(ml_idf_level(false, 100, 3), ML_IDF_ONE, "no idf");
	unit_is_int(ml_idf_level(true, 99, 9), lround(ML_IDF_ONE * (1 + log(10))), "idf");
	unit_is_int(ml_idf_level(true, 10, 10), ML_IDF_ONE, "idf of what is everywhere");
	unit_ok(ml_idf_level(true, UINT64_C(1) << 62, 1) > 40 * ML_IDF_ONE / 2, "idf of many rows");
}

int
main(void)
{
	unit_host	host;
	ml_recipe	recipe;

	unit_open(&host);
	unit_ok(round_trip(&host.ctx, "{\"columns\":[\"subject\",\"b\xc3\xb6" "dy\"],\"word_ngrams\":[1,3],"
								  "\"char_ngrams\":[2,5],\"script_ngrams\":[1,2],\"hash_bits\":20,\"min_df\":3,"
								  "\"sublinear_tf\":true,\"idf\":false,\"l2_norm\":true,\"unicode\":\"15.0\"}") == ML_OK,
			"a recipe is read");
	test_refusals(&host);
	unit_every_allocation_fails("round trip", round_trip, NULL);
	ml_recipe_default(&recipe);
	unit_ok(recipe.word_ngrams[0] == 1 && recipe.hash_bits <= ML_HASH_BITS_MAX, "a default recipe");
	test_weights();
	unit_close(&host, "recipe");
	return unit_done();
}
