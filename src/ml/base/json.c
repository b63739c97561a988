/*-------------------------------------------------------------------------
 *
 * json.c
 *	  Strict JSON (RFC 8259).
 *
 * A first pass over the text counts the nodes it can have at most, so that
 * they are one array, in the order of the text: a container's first child
 * follows it directly.  Strings with escapes go into a second array, no
 * longer than the text, since no escape is shorter than what it stands for.
 * Those two are all the memory a tree takes, but for what finding duplicate
 * names needs (a sort: no choice of names makes it quadratic).
 *
 *-------------------------------------------------------------------------
 */
#include "base/json.h"
#include "base/sort.h"

#include <math.h>

typedef struct parser
{
	ml_context *ctx;
	ml_arena   *arena;
	ml_status	status_if_bad;
	const char *start;
	const char *at;
	const char *end;
	ml_json    *node;			/* the next free one */
	char	   *unescaped;		/* the next free byte */
} parser;

static ml_status parse_value(parser *p, int depth, ml_json **result);

static ml_status
malformed(parser *p, const char *what)
{
	return ml_fail(p->ctx, p->status_if_bad, "malformed JSON at byte %zu: %s",
				   (size_t) (p->at - p->start) + 1, what);
}

static void
skip_space(parser *p)
{
	while (p->at < p->end &&
		   (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
		p->at++;
}

/* Is c the next character that is no space?  Then take it. */
static bool
take(parser *p, char c)
{
	skip_space(p);
	if (p->at == p->end || *p->at != c)
		return false;
	p->at++;
	return true;
}

static bool
is_digit(const parser *p)
{
	return p->at < p->end && *p->at >= '0' && *p->at <= '9';
}

/* The four hexadecimal digits of \uXXXX, or -1. */
static int32_t
hex4(parser *p)
{
	int32_t		value = 0;

	if (p->end - p->at < 4)
		return -1;
	for (int i = 0; i < 4; i++)
	{
		char		c = p->at[i];

		if (c >= '0' && c <= '9')
			value = value * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value * 16 + (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			value = value * 16 + (c - 'A' + 10);
		else
			return -1;
	}
	p->at += 4;
	return value;
}

static void
put_utf8(parser *p, uint32_t c)
{
	char	   *to = p->unescaped;

	if (c < 0x80)
		*to++ = (char) c;
	else if (c < 0x800)
	{
		*to++ = (char) (0xC0 | c >> 6);
		*to++ = (char) (0x80 | (c & 0x3F));
	}
	else if (c < 0x10000)
	{
		*to++ = (char) (0xE0 | c >> 12);
		*to++ = (char) (0x80 | (c >> 6 & 0x3F));
		*to++ = (char) (0x80 | (c & 0x3F));
	}
	else
	{
		*to++ = (char) (0xF0 | c >> 18);
		*to++ = (char) (0x80 | (c >> 12 & 0x3F));
		*to++ = (char) (0x80 | (c >> 6 & 0x3F));
		*to++ = (char) (0x80 | (c & 0x3F));
	}
	p->unescaped = to;
}

/* What follows \u: one unit, or two that are a surrogate pair. */
static ml_status
unescape_unicode(parser *p)
{
	int32_t		high = hex4(p);
	int32_t		low;

	if (high < 0)
		return malformed(p, "\\u takes four hexadecimal digits");
	if (high < 0xD800 || high > 0xDFFF)
	{
		put_utf8(p, (uint32_t) high);
		return ML_OK;
	}
	if (high > 0xDBFF || p->end - p->at < 6 || p->at[0] != '\\' || p->at[1] != 'u')
		return malformed(p, "half of a surrogate pair");
	p->at += 2;
	low = hex4(p);
	if (low < 0xDC00 || low > 0xDFFF)
		return malformed(p, "half of a surrogate pair");
	put_utf8(p, 0x10000 + (((uint32_t) high - 0xD800) << 10) + ((uint32_t) low - 0xDC00));
	return ML_OK;
}

static ml_status
unescape(parser *p)
{
	static const char names[] = "\"\\/bfnrt";
	static const char values[] = "\"\\/\b\f\n\r\t";
	const char *name;

	if (p->at == p->end)
		return malformed(p, "string without an end");
	if (*p->at == 'u')
	{
		p->at++;
		return unescape_unicode(p);
	}
	name = *p->at == '\0' ? NULL : strchr(names, *p->at);
	if (name == NULL)
		return malformed(p, "unknown escape");
	*p->unescaped++ = values[name - names];
	p->at++;
	return ML_OK;
}

/* The opening quote has been taken. */
static ml_status
parse_string(parser *p, ml_text *result)
{
	const char *from = p->at;
	char	   *copy = NULL;	/* once there was an escape */

	for (;;)
	{
		const char *run = p->at;

		while (p->at < p->end && *p->at != '"' && *p->at != '\\' &&
			   (unsigned char) *p->at >= 0x20)
			p->at++;
		if (p->at == p->end)
			return malformed(p, "string without an end");
		if ((unsigned char) *p->at < 0x20)
			return malformed(p, "control character in a string");
		if (*p->at == '\\' && copy == NULL)
		{
			copy = p->unescaped;
			run = from;
		}
		if (copy != NULL)
		{
			memcpy(p->unescaped, run, (size_t) (p->at - run));
			p->unescaped += p->at - run;
		}
		if (*p->at++ == '"')
			break;
		ML_TRY(unescape(p));
	}
	result->data = copy != NULL ? copy : from;
	result->size = (size_t) (copy != NULL ? p->unescaped - copy : p->at - 1 - from);
	return ML_OK;
}

static ml_status
parse_number(parser *p, ml_json *node)
{
	const char *from = p->at;

	if (*p->at == '-')
		p->at++;
	if (!is_digit(p))
		return malformed(p, "expected a digit");
	if (*p->at++ == '0' && is_digit(p))
		return malformed(p, "number with a leading zero");
	while (is_digit(p))
		p->at++;
	if (p->at < p->end && *p->at == '.')
	{
		p->at++;
		if (!is_digit(p))
			return malformed(p, "expected a digit after the decimal point");
		while (is_digit(p))
			p->at++;
	}
	if (p->at < p->end && (*p->at == 'e' || *p->at == 'E'))
	{
		p->at++;
		if (p->at < p->end && (*p->at == '+' || *p->at == '-'))
			p->at++;
		if (!is_digit(p))
			return malformed(p, "expected a digit in the exponent");
		while (is_digit(p))
			p->at++;
	}
	node->kind = ML_JSON_NUMBER;
	node->string.data = from;
	node->string.size = (size_t) (p->at - from);
	ml_parse_double(from, node->string.size, &node->number);
	if (isinf(node->number))
	{
		p->at = from;
		return malformed(p, "number out of range");
	}
	return ML_OK;
}

static bool
take_word(parser *p, const char *word)
{
	size_t		n = strlen(word);

	if ((size_t) (p->end - p->at) < n || memcmp(p->at, word, n) != 0)
		return false;
	p->at += n;
	return true;
}

static int
compare_keys(const void *a, const void *b)
{
	return ml_text_compare(*(const ml_text *) a, *(const ml_text *) b);
}

static ml_status
duplicate_name(parser *p, ml_text key)
{
	return ml_fail(p->ctx, p->status_if_bad,
				   "malformed JSON: duplicate name \"%.*s\" in the object that ends at byte %zu",
				   (int) ML_MIN(key.size, (size_t) 100), key.data,
				   (size_t) (p->at - p->start));
}

static ml_status
check_names(parser *p, const ml_json *object)
{
	void	   *memory;
	ml_text    *keys;
	size_t		n = 0;

	if (object->count <= 8)
	{
		for (const ml_json *a = object->first; a != NULL; a = a->next)
			for (const ml_json *b = a->next; b != NULL; b = b->next)
				if (ml_text_equal(a->key, b->key))
					return duplicate_name(p, b->key);
		return ML_OK;
	}
	ML_TRY(ml_arena_alloc(p->ctx, p->arena, ml_size_mul(object->count, sizeof(ml_text)),
						  &memory));
	keys = memory;
	for (const ml_json *member = object->first; member != NULL; member = member->next)
		keys[n++] = member->key;
	ml_sort(keys, n, sizeof(ml_text), compare_keys);
	for (size_t i = 1; i < n; i++)
		if (ml_text_equal(keys[i - 1], keys[i]))
			return duplicate_name(p, keys[i]);
	return ML_OK;
}

/* The opening bracket has been taken; close is the one to come. */
static ml_status
parse_children(parser *p, int depth, ml_json *node, char close)
{
	const ml_json **link = &node->first;

	if (depth >= ML_JSON_MAX_DEPTH)
		return malformed(p, "nested too deeply");
	if (take(p, close))
		return ML_OK;
	do
	{
		ml_text		key = {NULL, 0};
		ml_json    *child;

		if (close == '}')
		{
			if (!take(p, '"'))
				return malformed(p, "expected a name in double quotes");
			ML_TRY(parse_string(p, &key));
			if (!take(p, ':'))
				return malformed(p, "expected a colon");
		}
		ML_TRY(parse_value(p, depth + 1, &child));
		child->key = key;
		*link = child;
		link = &child->next;
		node->count++;
	} while (take(p, ','));
	if (!take(p, close))
		return malformed(p, close == '}' ? "expected a comma or \"}\"" : "expected a comma or \"]\"");
	return close == '}' ? check_names(p, node) : ML_OK;
}

static ml_status
parse_value(parser *p, int depth, ml_json **result)
{
	ml_json    *node = p->node++;

	memset(node, 0, sizeof(*node));
	*result = node;
	skip_space(p);
	if (p->at == p->end)
		return malformed(p, "the text ends too early");
	switch (*p->at)
	{
		case '{':
			p->at++;
			node->kind = ML_JSON_OBJECT;
			return parse_children(p, depth, node, '}');
		case '[':
			p->at++;
			node->kind = ML_JSON_ARRAY;
			return parse_children(p, depth, node, ']');
		case '"':
			p->at++;
			node->kind = ML_JSON_STRING;
			return parse_string(p, &node->string);
		default:
			break;
	}
	if (*p->at == '-' || is_digit(p))
		return parse_number(p, node);
	if (take_word(p, "null"))
		return ML_OK;
	node->kind = ML_JSON_BOOL;
	node->boolean = take_word(p, "true");
	if (node->boolean || take_word(p, "false"))
		return ML_OK;
	return malformed(p, "expected a value");
}

/*
 * Every node but the first follows an opening bracket or a comma outside
 * strings.  *escapes: is there a backslash?
 */
static size_t
count_nodes(ml_text text, bool *escapes)
{
	size_t		n = 1;
	bool		in_string = false;

	*escapes = false;
	for (size_t i = 0; i < text.size; i++)
	{
		char		c = text.data[i];

		if (c == '"')
			in_string = !in_string;
		else if (!in_string)
			n += c == ',' || c == '[' || c == '{';
		else if (c == '\\')
		{
			*escapes = true;
			i++;
		}
	}
	return n;
}

ml_status
ml_json_parse(ml_context *ctx, ml_arena *arena, ml_text text, ml_status status_if_bad,
			  const ml_json **result)
{
	parser		p = {ctx, arena, status_if_bad, text.data, text.data, NULL, NULL, NULL};
	size_t		valid = ml_utf8_valid(text.data, text.size);
	size_t		n;
	bool		escapes;
	void	   *memory;
	ml_json    *root;

	*result = NULL;
	if (text.size == 0)
		return malformed(&p, "the text is empty");
	p.end = text.data + text.size;
	if (valid != text.size)
	{
		p.at += valid;
		return malformed(&p, "not valid UTF-8");
	}
	n = count_nodes(text, &escapes);
	if (n > ML_JSON_MAX_NODES)
		return ml_fail(ctx, status_if_bad, "JSON of more than %d values", ML_JSON_MAX_NODES);
	ML_TRY(ml_arena_alloc(ctx, arena, ml_size_mul(n, sizeof(ml_json)), &memory));
	p.node = memory;
	if (escapes)
	{
		ML_TRY(ml_arena_alloc(ctx, arena, text.size, &memory));
		p.unescaped = memory;
	}
	ML_TRY(parse_value(&p, 0, &root));
	skip_space(&p);
	if (p.at != p.end)
		return malformed(&p, "something follows the value");
	*result = root;
	return ML_OK;
}

const ml_json *
ml_json_get(const ml_json *object, const char *key)
{
	ml_text		wanted = {key, strlen(key)};

	if (object == NULL || object->kind != ML_JSON_OBJECT)
		return NULL;
	for (const ml_json *member = object->first; member != NULL; member = member->next)
		if (ml_text_equal(member->key, wanted))
			return member;
	return NULL;
}

/* From the spelling: a double would lose digits above 2^53. */
bool
ml_json_integer(const ml_json *node, int64_t min, int64_t max, int64_t *value)
{
	int64_t		n = 0;
	bool		negative;

	if (node == NULL || node->kind != ML_JSON_NUMBER)
		return false;
	negative = node->string.data[0] == '-';
	for (size_t i = negative; i < node->string.size; i++)
	{
		int			digit = node->string.data[i] - '0';

		if (digit < 0 || digit > 9 ||
			__builtin_mul_overflow(n, 10, &n) ||
			__builtin_sub_overflow(n, digit, &n))
			return false;		/* a fraction, an exponent, or too large */
	}
	/* counted downwards, since the least integer has no counterpart */
	if (!negative && __builtin_sub_overflow(0, n, &n))
		return false;
	if (n < min || n > max)
		return false;
	*value = n;
	return true;
}

ml_status
ml_json_quote(ml_context *ctx, ml_buffer *buffer, ml_text text)
{
	static const char named[] = "\"\"\\\\\bb\ff\nn\rr\tt";	/* character, escape */
	size_t		done = 0;

	if (ml_utf8_valid(text.data, text.size) != text.size)
		return ml_fail(ctx, ML_BAD_TEXT, "a string that is not valid UTF-8 cannot be JSON");
	ML_TRY(ml_append(ctx, buffer, "\"", 1));
	for (size_t i = 0; i < text.size; i++)
	{
		unsigned char c = (unsigned char) text.data[i];
		char		escape[8] = "\\";
		size_t		at = 0;

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		while (named[at] != '\0' && named[at] != (char) c)
			at += 2;
		if (named[at] != '\0')
			escape[1] = named[at + 1];
		else
		{
			memcpy(escape, "\\u00", 4);
			escape[4] = "0123456789abcdef"[c >> 4];
			escape[5] = "0123456789abcdef"[c & 15];
		}
		ML_TRY(ml_append(ctx, buffer, text.data + done, i - done));
		ML_TRY(ml_append(ctx, buffer, escape, strlen(escape)));
		done = i + 1;
	}
	ML_TRY(ml_append(ctx, buffer, text.data + done, text.size - done));
	return ml_append(ctx, buffer, "\"", 1);
}

ml_status
ml_json_write(ml_context *ctx, ml_buffer *buffer, const ml_json *node)
{
	bool		object = node->kind == ML_JSON_OBJECT;

	switch (node->kind)
	{
		case ML_JSON_NULL:
			return ml_appendf(ctx, buffer, "null");
		case ML_JSON_BOOL:
			return ml_appendf(ctx, buffer, "%s", node->boolean ? "true" : "false");
		case ML_JSON_NUMBER:
			return ml_append(ctx, buffer, node->string.data, node->string.size);
		case ML_JSON_STRING:
			return ml_json_quote(ctx, buffer, node->string);
		default:
			break;
	}
	ML_TRY(ml_appendf(ctx, buffer, object ? "{" : "["));
	for (const ml_json *child = node->first; child != NULL; child = child->next)
	{
		if (object)
		{
			ML_TRY(ml_json_quote(ctx, buffer, child->key));
			ML_TRY(ml_appendf(ctx, buffer, ": "));
		}
		ML_TRY(ml_json_write(ctx, buffer, child));
		if (child->next != NULL)
			ML_TRY(ml_appendf(ctx, buffer, ", "));
	}
	return ml_appendf(ctx, buffer, object ? "}" : "]");
}
