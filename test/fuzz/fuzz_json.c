/*-------------------------------------------------------------------------
 *
 * fuzz_json.c
 *	  Any bytes as JSON: refused, or a tree that comes back when it is written
 *	  and read again.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include "base/json.h"

static void
write_node(ml_context *ctx, ml_buffer *text, const ml_json *node)
{
	bool		object = node->kind == ML_JSON_OBJECT;
	uint32_t	count = 0;

	switch (node->kind)
	{
		case ML_JSON_NULL:
			fuzz_check(ml_append(ctx, text, "null", 4) == ML_OK);
			break;
		case ML_JSON_BOOL:
			fuzz_check(ml_appendf(ctx, text, "%s", node->boolean ? "true" : "false") == ML_OK);
			break;
		case ML_JSON_NUMBER:
			fuzz_check(ml_append(ctx, text, node->string.data, node->string.size) == ML_OK);
			break;
		case ML_JSON_STRING:
			fuzz_check(ml_json_quote(ctx, text, node->string) == ML_OK);
			break;
		case ML_JSON_ARRAY:
		case ML_JSON_OBJECT:
			ml_append(ctx, text, object ? "{" : "[", 1);
			for (const ml_json *child = node->first; child != NULL; child = child->next)
			{
				ml_append(ctx, text, ",", count++ > 0);
				if (object)
				{
					fuzz_check(ml_json_quote(ctx, text, child->key) == ML_OK);
					ml_append(ctx, text, ":", 1);
				}
				write_node(ctx, text, child);
			}
			fuzz_check(count == node->count);
			ml_append(ctx, text, object ? "}" : "]", 1);
			break;
	}
}

static bool
same(const ml_json *a, const ml_json *b)
{
	if (a->kind != b->kind || a->boolean != b->boolean || a->count != b->count ||
		a->number != b->number || !ml_text_equal(a->string, b->string) || !ml_text_equal(a->key, b->key))
		return false;
	for (a = a->first, b = b->first; a != NULL; a = a->next, b = b->next)
		if (!same(a, b))
			return false;
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unit_host	host;
	ml_arena	arena = {0};
	ml_buffer	text = {0};
	const ml_json *root;
	const ml_json *again;
	int64_t		integer;

	unit_open(&host);
	if (ml_json_parse(&host.ctx, &arena, (ml_text) {(const char *) data, size}, ML_BAD_OPTION, &root) == ML_OK)
	{
		fuzz_check(arena.total <= 10000 + 200 * size);
		write_node(&host.ctx, &text, root);
		fuzz_check(ml_json_parse(&host.ctx, &arena, (ml_text) {text.data, text.size}, ML_BAD_OPTION,
								 &again) == ML_OK && same(root, again));
		if (ml_json_integer(root, INT64_MIN / 4096, INT64_MAX / 4096, &integer))
			fuzz_check((double) integer == root->number);
	}
	else
		fuzz_check(host.ctx.error.status == ML_BAD_OPTION);
	ml_buffer_free(&host.ctx, &text);
	ml_arena_free(&host.ctx, &arena);
	fuzz_check(host.live_blocks == 0);
	return 0;
}
