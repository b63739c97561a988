/*-------------------------------------------------------------------------
 *
 * test_json.c
 *	  JSON: what is accepted and what it becomes, what is refused, the limits.
 *
 *-------------------------------------------------------------------------
 */
#include "unit.h"

#include "base/json.h"

static ml_status
parse(unit_host *host, ml_arena *arena, ml_text text, const ml_json **root)
{
	return ml_json_parse(&host->ctx, arena, text, ML_BAD_MODEL, root);
}

/* The text in a block of its exact size, for sanitizers. */
static bool
accepts(ml_text text)
{
	unit_host	host;
	ml_arena	arena = {0};
	const ml_json *root;
	ml_status	status;
	char	   *copy = malloc(text.size);

	unit_open(&host);
	if (text.size > 0)
		memcpy(copy, text.data, text.size);
	status = parse(&host, &arena, (ml_text) {copy, text.size}, &root);
	ml_arena_free(&host.ctx, &arena);
	free(copy);
	if (status != ML_OK && status != ML_BAD_MODEL)
		abort();
	return status == ML_OK;
}

static void
test_grammar(void)
{
	static const char *const good[] = {
		"null", "true", "false", "0", "-0", "-1.5e+10", "1E2", "0.5", "\"\"", "[]", "{}",
		" \t\r\n[ 1 , 2 ] ", "{\"a\":{\"b\":[{}]},\"\":0}", "\"\\u0041\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
		"\"\\ud83d\\ude00\"", "\"\\uD800\\uDC00\"", "\"\\u0000\"", "\"\x7f\"", "\"\xf4\x8f\xbf\xbf\"",
		"1e-999", "[[[]]]", "123456789012345678901234567890", "{\"a\":1,\"A\":1}"
	};
	static const char *const bad[] = {
		"", " ", "nul", "nulll", "True", "+1", "01", "-", "-01", "1.", ".5", "1e", "1e+", "0x1",
		"1e999", "NaN", "Infinity", "-Infinity", "\"", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"",
		"\"\\ud83d\"", "\"\\ude00\"", "\"\\ud83d\\u0041\"", "\"\\ud83dx\"", "\"\n\"", "\"\x1f\"",
		"\"\x80\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\xef\xbb\xbfnull",
		"[", "]", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "{", "}", "{\"a\"", "{\"a\":", "{\"a\":1",
		"{\"a\":1,", "{\"a\":1,}", "{a:1}", "{'a':1}", "{1:1}", "{\"a\" 1}", "{\"a\":1 \"b\":2}",
		"[}", "{]", "1 2", "[] []", "/* */ 1", "1//", "{\"a\":1,\"a\":2}",
		"{\"\\u0061\":1,\"b\":{},\"a\":2}"
	};
	int			wrong = 0;

	for (size_t i = 0; i < ML_LENGTH(good); i++)
		if (!accepts(unit_text(good[i])))
		{
			unit_note("refused: %s", good[i]);
			wrong++;
		}
	unit_is_int(wrong, 0, "well-formed texts are accepted");
	wrong = 0;
	for (size_t i = 0; i < ML_LENGTH(bad); i++)
		if (accepts(unit_text(bad[i])))
		{
			unit_note("accepted: %s", bad[i]);
			wrong++;
		}
	unit_is_int(wrong, 0, "malformed texts are refused");
	unit_ok(!accepts((ml_text) {"\"\0\"", 3}), "a NUL byte in a string is refused");
	unit_ok(!accepts((ml_text) {"1\0", 2}), "and after the value");
}

static void
test_tree(void)
{
	static const char text[] = "{\"list\": [1, \"zwei\\n\", null, true, {\"x\": -2.5}],"
							   " \"caf\\u00e9 \\ud83d\\ude00\": \"\\u20ac\", \"n\": 12345678901234567, \"e\": 1e3}";
	unit_host	host;
	ml_arena	arena = {0};
	const ml_json *root;
	const ml_json *list;
	const ml_json *item;
	int64_t		n = 0;

	unit_open(&host);
	if (!unit_ok(parse(&host, &arena, ML_TEXT(text), &root) == ML_OK, "a text is read"))
		return;
	unit_ok(root->kind == ML_JSON_OBJECT && root->count == 4, "an object of four members");
	list = ml_json_get(root, "list");
	unit_ok(list != NULL && list->kind == ML_JSON_ARRAY && list->count == 5, "an array of five");
	item = list->first;
	unit_ok(item->kind == ML_JSON_NUMBER && item->number == 1 && item->key.data == NULL, "a number");
	item = item->next;
	unit_is_text(item->string, "zwei\n", "an escaped string");
	item = item->next;
	unit_ok(item->kind == ML_JSON_NULL, "null");
	item = item->next;
	unit_ok(item->kind == ML_JSON_BOOL && item->boolean, "true");
	item = item->next;
	unit_ok(ml_json_get(item, "x")->number == -2.5 && item->next == NULL, "a nested object, the last");
	item = list->next;
	unit_is_text(item->key, "caf\xc3\xa9 \xf0\x9f\x98\x80", "a name with escapes");
	unit_is_text(item->string, "\xe2\x82\xac", "three bytes from one escape");
	unit_ok(ml_json_integer(ml_json_get(root, "n"), 0, INT64_MAX, &n) && n == 12345678901234567,
			"an integer beyond 2^53 keeps all digits");
	unit_is_text(ml_json_get(root, "n")->string, "12345678901234567", "and its spelling");
	unit_ok(!ml_json_integer(ml_json_get(root, "e"), 0, INT64_MAX, &n), "1e3 is no integer");
	unit_ok(ml_json_get(root, "nothing") == NULL, "an absent member");
	unit_ok(ml_json_get(list, "x") == NULL && ml_json_get(NULL, "x") == NULL, "no object, no member");
	ml_arena_free(&host.ctx, &arena);
	unit_close(&host, "tree");
}

static bool
integer(const char *text, int64_t min, int64_t max, int64_t *value)
{
	unit_host	host;
	ml_arena	arena = {0};
	const ml_json *root;
	bool		result;

	unit_open(&host);
	if (parse(&host, &arena, unit_text(text), &root) != ML_OK)
		abort();
	*value = 0;
	result = ml_json_integer(root, min, max, value);
	ml_arena_free(&host.ctx, &arena);
	return result;
}

static void
test_integer(void)
{
	int64_t		n;

	unit_ok(integer("9223372036854775807", 0, INT64_MAX, &n) && n == INT64_MAX, "greatest integer");
	unit_ok(!integer("9223372036854775808", 0, INT64_MAX, &n), "one more is refused");
	unit_ok(integer("-9223372036854775808", INT64_MIN, 0, &n) && n == INT64_MIN, "least integer");
	unit_ok(!integer("-9223372036854775809", INT64_MIN, 0, &n), "one less is refused");
	unit_ok(integer("-0", -1, 1, &n) && n == 0, "-0 is 0");
	unit_ok(!integer("1.0", 0, 2, &n) && !integer("\"1\"", 0, 2, &n), "1.0 and \"1\" are refused");
	unit_ok(!integer("3", 4, 9, &n) && !integer("10", 4, 9, &n) && integer("4", 4, 9, &n) &&
			integer("9", 4, 9, &n), "the limits are inclusive");
	unit_ok(!ml_json_integer(NULL, 0, 1, &n), "nothing is no integer");
}

static void
test_limits(void)
{
	unit_host	host;
	ml_arena	arena = {0};
	ml_buffer	text = {0};
	const ml_json *root;
	bool		added = true;

	unit_open(&host);
	for (int depth = ML_JSON_MAX_DEPTH; depth <= ML_JSON_MAX_DEPTH + 1; depth++)
	{
		char		nested[200];

		memset(nested, '[', (size_t) depth);
		memset(nested + depth, ']', (size_t) depth);
		unit_ok(accepts((ml_text) {nested, (size_t) depth * 2}) == (depth <= ML_JSON_MAX_DEPTH),
				"an array nested %d deep", depth);
	}
	unit_fails(&host, parse(&host, &arena, ML_TEXT("[1,\n x]"), &root), ML_BAD_MODEL, "at byte 6",
			   "the position of an error is told");
	unit_fails(&host, parse(&host, &arena, ML_TEXT("{\"a\":1,\"b\":2,\"a\":3}"), &root),
			   ML_BAD_MODEL, "\"a\"", "a duplicate name is told");

	/* 100,000 names, the last one a duplicate */
	for (int i = 0; i < 100000; i++)
		added = added && ml_appendf(&host.ctx, &text, "%s\"name %d\":%d", i == 0 ? "{" : ",",
									i * 7919 % 100000, i) == ML_OK;
	ml_append(&host.ctx, &text, "}", 1);
	unit_ok(added && parse(&host, &arena, (ml_text) {text.data, text.size}, &root) == ML_OK,
			"many names");
	unit_ok(arena.total < 60 * text.size, "in memory bounded by the text");
	text.size--;
	ml_appendf(&host.ctx, &text, ",\"name 5\":1}");
	unit_fails(&host, parse(&host, &arena, (ml_text) {text.data, text.size}, &root), ML_BAD_MODEL,
			   "\"name 5\"", "a duplicate among them");

	/* commas alone: refused before they take memory */
	text.size = 0;
	ml_append(&host.ctx, &text, "[", 1);
	for (int i = 0; i <= ML_JSON_MAX_NODES / 4; i++)
		ml_append(&host.ctx, &text, "0,0,0,0,", 8);
	ml_arena_free(&host.ctx, &arena);
	unit_fails(&host, parse(&host, &arena, (ml_text) {text.data, text.size}, &root), ML_BAD_MODEL,
			   "more than", "too many values");
	unit_is_int(arena.total, 0, "before memory is taken");
	ml_buffer_free(&host.ctx, &text);
	unit_close(&host, "limits");
}

static void
test_quote(void)
{
	char		all[0x80];
	ml_buffer	buffer = {0};
	ml_arena	arena = {0};
	unit_host	host;
	const ml_json *root = NULL;

	unit_open(&host);
	for (int i = 0; i < 0x80; i++)
		all[i] = (char) i;
	unit_ok(ml_json_quote(&host.ctx, &buffer, ML_TEXT("a\"b\\c\n\x01\xc3\xa9")) == ML_OK,
			"a string is quoted");
	unit_is_text(((ml_text) {buffer.data, buffer.size}), "\"a\\\"b\\\\c\\n\\u0001\xc3\xa9\"",
				 "with escapes where needed");
	buffer.size = 0;
	unit_ok(ml_json_quote(&host.ctx, &buffer, (ml_text) {all, sizeof(all)}) == ML_OK &&
				parse(&host, &arena, (ml_text) {buffer.data, buffer.size}, &root) == ML_OK &&
				ml_text_equal(root->string, (ml_text) {all, sizeof(all)}),
			"every ASCII character comes back");
	buffer.size = 0;
	unit_ok(ml_json_quote(&host.ctx, &buffer, (ml_text) {NULL, 0}) == ML_OK, "an absent text");
	unit_is_text(((ml_text) {buffer.data, buffer.size}), "\"\"", "is an empty string");
	unit_fails(&host, ml_json_quote(&host.ctx, &buffer, ML_TEXT("\xff")), ML_BAD_TEXT, "UTF-8",
			   "what is not UTF-8 can't be quoted");
	ml_buffer_free(&host.ctx, &buffer);
	ml_arena_free(&host.ctx, &arena);
	unit_close(&host, "quote");
}

static ml_status
read_and_quote(ml_context *ctx, void *argument)
{
	ml_arena	arena = {0};
	ml_buffer	buffer = {0};
	const ml_json *root;
	ml_status	status;

	status = ml_json_parse(ctx, &arena, *(ml_text *) argument, ML_BAD_OPTION, &root);
	if (status == ML_OK)
		status = ml_json_quote(ctx, &buffer, *(ml_text *) argument);
	ml_arena_free(ctx, &arena);
	ml_buffer_free(ctx, &buffer);
	return status;
}

/* No prefix of a text is a text, and none reads beyond its end. */
static void
test_truncation(ml_text text)
{
	int			wrong = 0;

	for (size_t n = 0; n < text.size; n++)
		wrong += accepts((ml_text) {text.data, n});
	unit_is_int(wrong, 0, "truncated at any byte, a text is refused");
}

int
main(void)
{
	static const char text[] = "{\"a\":[1,2,{\"b\":\"\\u00e9\\ud83d\\ude00\"}],\"c\":1,\"d\":2,\"e\":3,"
							   "\"f\":4,\"g\":5,\"h\":6,\"i\":7,\"j\":8,\"k\":{\"z\":[[],{}]}}";
	ml_text		whole = ML_TEXT(text);

	test_grammar();
	test_tree();
	test_integer();
	test_limits();
	test_quote();
	test_truncation(whole);
	unit_every_allocation_fails("JSON", read_and_quote, &whole);
	return unit_done();
}
