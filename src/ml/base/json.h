/*-------------------------------------------------------------------------
 *
 * json.h
 *	  A small strict JSON (RFC 8259) reader and writer: options, recipes,
 *	  safetensors headers.
 *
 * The reader turns a text into one flat array of nodes in the arena, checked
 * completely before anything is used: well-formed UTF-8, no duplicate names in
 * an object, depth and node count bounded (so memory is at most a fixed
 * multiple of the input).  Strings without escapes are borrowed from the
 * input, which must outlive the tree.
 *
 *-------------------------------------------------------------------------
 */
#ifndef ML_JSON_H
#define ML_JSON_H

#include "base/mem.h"
#include "base/print.h"

#define ML_JSON_MAX_DEPTH 32
#define ML_JSON_MAX_NODES (1 << 22)

typedef enum ml_json_kind
{
	ML_JSON_NULL,
	ML_JSON_BOOL,
	ML_JSON_NUMBER,
	ML_JSON_STRING,
	ML_JSON_ARRAY,
	ML_JSON_OBJECT
} ml_json_kind;

typedef struct ml_json ml_json;

struct ml_json
{
	ml_json_kind kind;
	bool		boolean;
	double		number;
	ml_text		string;			/* unescaped; of a NUMBER its spelling */
	ml_text		key;			/* name of this member, when in an object */
	uint32_t	count;			/* elements or members */
	const ml_json *first;		/* first child, or NULL */
	const ml_json *next;		/* next sibling, or NULL */
};

/* status_if_bad is the status of a malformed text (ML_BAD_MODEL, ...). */
extern ml_status ml_json_parse(ml_context *ctx, ml_arena *arena, ml_text text,
							   ml_status status_if_bad, const ml_json **result);

/* The member, or NULL when absent or not an object. */
extern const ml_json *ml_json_get(const ml_json *object, const char *key);

/*
 * False when the node is NULL, of another kind, not spelled as an integer
 * (1.0 and 1e3 are not), or out of [min, max].
 */
extern bool ml_json_integer(const ml_json *node, int64_t min, int64_t max, int64_t *value);

/* Append a quoted, escaped string; ML_BAD_TEXT when it is not UTF-8. */
extern ml_status ml_json_quote(ml_context *ctx, ml_buffer *buffer, ml_text text);

/* Append a value as it was parsed. */
extern ml_status ml_json_write(ml_context *ctx, ml_buffer *buffer, const ml_json *node);

#endif							/* ML_JSON_H */
