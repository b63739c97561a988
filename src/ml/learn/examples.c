/*-------------------------------------------------------------------------
 *
 * examples.c
 *	  Training rows as records of bytes, see examples.h.
 *
 * Blocks are all of one capacity, so a place in the file that is free again
 * fits any of them: splitting the rows into parts needs hardly more room than
 * the rows.  The first blocks stay in memory, the later ones are spilled.
 *
 *-------------------------------------------------------------------------
 */
#include "learn/examples.h"

#define BLOCK_SIZE		((size_t) 256 << 10)
#define GROUP_SIZE		((size_t) 8 << 20)	/* of blocks whose rows are shuffled together */
#define LEAST_BLOCKS	8		/* that a limit must have room for */
#define PARTS			32

typedef struct example_block
{
	char	   *bytes;			/* NULL: in the file */
	uint64_t	offset;
	uint32_t	used;
	uint32_t	n;
	uint8_t		part;
} example_block;

/* A block that is being filled, one for each part. */
typedef struct open_block
{
	char	   *bytes;
	uint32_t	used;
	uint32_t	n;
} open_block;

struct ml_examples
{
	size_t		limit;
	size_t		record_max;
	size_t		capacity;		/* of a block */
	size_t		group;			/* bytes of blocks whose rows are shuffled together */
	size_t		held;
	size_t		blocks_held;
	uint64_t	bytes;			/* of all rows */
	size_t		shortest;		/* row, with its header */
	bool		is_split;
	example_block *blocks;
	size_t		nblocks;
	size_t		blocks_capacity;
	open_block	open[PARTS];
	uint64_t	counts[PARTS];
	uint64_t	spilled;		/* blocks in the file */
	uint64_t   *holes;			/* places in the file that are free */
	size_t		nholes;
	size_t		holes_capacity;

	/* a pass */
	ml_rng	   *rng;
	uint32_t   *order;			/* blocks of the pass */
	size_t		norder;
	size_t		order_capacity;
	size_t		next;
	char	  **loaded;			/* buffers for blocks of the group that are in the file */
	size_t		nloaded;
	size_t		loaded_capacity;
	const ml_example **rows;
	size_t		rows_capacity;
};

/* ml_grow, counted. */
static ml_status
grow(ml_context *ctx, ml_examples *examples, void **array, size_t *capacity, size_t need, size_t width)
{
	size_t		before = *capacity;

	ML_TRY(ml_grow(ctx, array, capacity, need, width));
	examples->held += (*capacity - before) * width;
	return ML_OK;
}

static ml_status
take_block(ml_context *ctx, ml_examples *examples, char **bytes)
{
	void	   *memory;

	ML_TRY(ml_alloc(ctx, examples->capacity, &memory));
	*bytes = memory;
	examples->held += examples->capacity;
	examples->blocks_held++;
	return ML_OK;
}

static void
give_block(ml_context *ctx, ml_examples *examples, char *bytes)
{
	if (bytes == NULL)
		return;
	ml_release(ctx, bytes);
	examples->held -= examples->capacity;
	examples->blocks_held--;
}

/* What a limit makes of blocks and groups; false: it is too small. */
static bool
divide(size_t memory, size_t record_max, size_t *capacity, size_t *group)
{
	size_t		record = ml_size_align(ml_size_add(record_max, sizeof(ml_example)), sizeof(ml_example));

	*capacity = ML_MAX(record, ML_MIN(BLOCK_SIZE, ml_size_align(memory / 64, 4096)));
	*group = *capacity * ML_MAX(ML_MIN(GROUP_SIZE, memory / 4) / *capacity, (size_t) 1);
	return *capacity <= UINT32_MAX && ml_size_mul(*capacity, LEAST_BLOCKS) <= memory;
}

/* Bytes of the lists of blocks and of a group's rows, however rows fall into blocks of that capacity. */
static size_t
list_bytes(const ml_examples *examples, size_t capacity, size_t group)
{
	uint64_t	rows = ml_examples_count(examples, UINT32_MAX);
	/* two blocks that follow each other are more than full; while rows are split there are twice as many */
	uint64_t	blocks = 2 * (2 * (examples->bytes / capacity) + 2 * PARTS);
	uint64_t	grouped = ML_MIN(rows, group / ML_MAX(examples->shortest, (size_t) 1) + 1);

	/* lists grow to twice their size at most */
	return (size_t) (2 * blocks * (sizeof(example_block) + sizeof(uint32_t) + sizeof(uint64_t) + sizeof(char *)) +
					 2 * grouped * sizeof(ml_example *));
}

ml_status
ml_examples_open(ml_context *ctx, size_t memory, size_t record_max, ml_examples **result)
{
	size_t		capacity;
	size_t		group;
	void	   *block;

	*result = NULL;
	if (!divide(memory, record_max, &capacity, &group))
	{
		ml_fail(ctx, ML_MEMORY_LIMIT, "rows of up to %zu kB need %zu MB of memory, and %zu MB are allowed",
				(record_max >> 10) + 1, (ml_size_mul(capacity, LEAST_BLOCKS) >> 20) + 1, memory >> 20);
		return ml_hint(ctx, "Raise maintenance_work_mem, or make inputs smaller.");
	}
	ML_TRY(ml_alloc_zero(ctx, sizeof(ml_examples), &block));
	*result = block;
	(*result)->limit = memory;
	(*result)->record_max = record_max;
	(*result)->capacity = capacity;
	(*result)->group = group;
	(*result)->shortest = SIZE_MAX;
	return ML_OK;
}

void
ml_examples_close(ml_context *ctx, ml_examples *examples)
{
	if (examples == NULL)
		return;
	for (size_t i = 0; i < examples->nblocks; i++)
		ml_release(ctx, examples->blocks[i].bytes);
	for (int i = 0; i < PARTS; i++)
		ml_release(ctx, examples->open[i].bytes);
	for (size_t i = 0; i < examples->nloaded; i++)
		ml_release(ctx, examples->loaded[i]);
	ml_release(ctx, examples->blocks);
	ml_release(ctx, examples->holes);
	ml_release(ctx, examples->order);
	ml_release(ctx, examples->loaded);
	ml_release(ctx, (void *) examples->rows);
	ml_release(ctx, examples);
}

uint64_t
ml_examples_count(const ml_examples *examples, uint32_t parts)
{
	uint64_t	n = 0;

	for (int i = 0; i < PARTS; i++)
		if (parts >> i & 1)
			n += examples->counts[i];
	return n;
}

size_t
ml_examples_memory(const ml_examples *examples)
{
	return sizeof(*examples) + examples->held;
}

uint64_t
ml_examples_spilled(const ml_examples *examples)
{
	return examples->spilled * examples->capacity;
}

/* ---------- the file ---------- */

static ml_status
spill(ml_context *ctx, ml_examples *examples, example_block *block)
{
	const ml_host *host = ctx->host;
	bool		written;
	bool		again = examples->nholes > 0;

	if (host->spill_write == NULL)
		return ml_fail(ctx, ML_MEMORY_LIMIT,
					   "the training rows need more than %zu MB of memory, and there is no file for them",
					   examples->limit >> 20);
	memset(block->bytes + block->used, 0, examples->capacity - block->used);
	block->offset = again ? examples->holes[--examples->nholes] : ctx->spilled;
	if (again)
		written = host->spill_rewrite(host->user, block->offset, block->bytes, examples->capacity);
	else
		written = host->spill_write(host->user, block->bytes, examples->capacity);
	if (!written)
		return ml_fail(ctx, ML_IO, "could not write the training rows to a temporary file");
	if (!again)
		ctx->spilled += examples->capacity;
	examples->spilled++;
	give_block(ctx, examples, block->bytes);
	block->bytes = NULL;
	return ml_poll(ctx);
}

static ml_status
load(ml_context *ctx, const ml_examples *examples, const example_block *block, char *bytes)
{
	if (!ctx->host->spill_read(ctx->host->user, block->offset, bytes, block->used))
		return ml_fail(ctx, ML_IO, "could not read the training rows from a temporary file");
	return ml_poll(ctx);
}

/* ---------- adding ---------- */

/* Is there room for one more block, beside what passes take?  Those are the group's buffers, if all its blocks are in the file. */
static bool
has_room(const ml_examples *examples)
{
	size_t		lists = list_bytes(examples, examples->capacity, examples->group);

	return (examples->blocks_held + 1) * examples->capacity + examples->group + lists <= examples->limit;
}

/* A block is full: keep it, or write it to the file. */
static ml_status
close_block(ml_context *ctx, ml_examples *examples, int part)
{
	open_block *open = &examples->open[part];
	void	   *memory = examples->blocks;
	example_block *block;

	if (open->n == 0)
		return ML_OK;
	ML_TRY(grow(ctx, examples, &memory, &examples->blocks_capacity, examples->nblocks + 1,
				sizeof(example_block)));
	examples->blocks = memory;
	block = &examples->blocks[examples->nblocks++];
	*block = (example_block)
	{
		.bytes = open->bytes,
		.used = open->used,
		.n = open->n,
		.part = (uint8_t) part
	};
	*open = (open_block) {0};
	if (has_room(examples))
		return ML_OK;
	return spill(ctx, examples, block);
}

static ml_status
room(ml_context *ctx, ml_examples *examples, int part, size_t size)
{
	open_block *open = &examples->open[part];

	if (open->bytes != NULL && open->used + sizeof(ml_example) + size <= examples->capacity)
		return ML_OK;
	ML_TRY(close_block(ctx, examples, part));
	return take_block(ctx, examples, &open->bytes);
}

ml_status
ml_examples_reserve(ml_context *ctx, ml_examples *examples, size_t size, void **record)
{
	open_block *open = &examples->open[0];

	size = ml_size_align(size, 8);
	if (ml_size_add(size, sizeof(ml_example)) > examples->capacity)
		return ml_fail(ctx, ML_INTERNAL, "a record of %zu bytes is too large", size);
	ML_TRY(room(ctx, examples, 0, size));
	*record = open->bytes + open->used + sizeof(ml_example);
	return ML_OK;
}

static void
append(ml_examples *examples, int part, const ml_example *example)
{
	open_block *open = &examples->open[part];

	memcpy(open->bytes + open->used, example, sizeof(ml_example));
	open->used += (uint32_t) (sizeof(ml_example) + example->size);
	open->n++;
	examples->counts[part]++;
}

ml_status
ml_examples_add(ml_context *ctx, ml_examples *examples, const ml_example *example)
{
	ml_example	head = *example;
	open_block *open = &examples->open[0];
	size_t		size = ml_size_align(example->size, 8);

	/* bytes of no meaning are the same in every run */
	memset(open->bytes + open->used + sizeof(ml_example) + example->size, 0, size - example->size);
	head.size = (uint32_t) size;
	examples->bytes += sizeof(ml_example) + size;
	examples->shortest = ML_MIN(examples->shortest, sizeof(ml_example) + size);
	append(examples, 0, &head);
	return ML_OK;
}

/* ---------- passes ---------- */

/* The group's i-th buffer. */
static ml_status
buffer(ml_context *ctx, ml_examples *examples, size_t i, char **bytes)
{
	void	   *memory = examples->loaded;

	if (i < examples->nloaded)
	{
		*bytes = examples->loaded[i];
		return ML_OK;
	}
	ML_TRY(grow(ctx, examples, &memory, &examples->loaded_capacity, i + 1, sizeof(char *)));
	examples->loaded = memory;
	ML_TRY(take_block(ctx, examples, bytes));
	examples->loaded[examples->nloaded++] = *bytes;
	return ML_OK;
}

ml_status
ml_examples_begin(ml_context *ctx, ml_examples *examples, uint32_t parts, ml_rng *rng)
{
	void	   *memory = examples->order;

	for (int part = 0; part < PARTS; part++)
		ML_TRY(close_block(ctx, examples, part));
	ML_TRY(grow(ctx, examples, &memory, &examples->order_capacity, examples->nblocks + 1,
				sizeof(uint32_t)));
	examples->order = memory;
	examples->norder = 0;
	examples->next = 0;
	examples->rng = rng;
	for (size_t i = 0; i < examples->nblocks; i++)
		if (parts >> examples->blocks[i].part & 1)
			examples->order[examples->norder++] = (uint32_t) i;
	/* the rows of a single group are mixed as they are, so that their order doesn't depend on where blocks end */
	if (rng != NULL && examples->norder * examples->capacity > examples->group)
		ml_rng_shuffle(rng, examples->order, examples->norder);
	return ML_OK;
}

/* Pointers to the rows of a block. */
static ml_status
point(ml_context *ctx, ml_examples *examples, const example_block *block, const char *bytes, size_t n)
{
	void	   *memory = (void *) examples->rows;

	ML_TRY(grow(ctx, examples, &memory, &examples->rows_capacity, n + block->n, sizeof(ml_example *)));
	examples->rows = memory;
	for (uint32_t i = 0; i < block->n; i++)
	{
		const ml_example *example = (const ml_example *) (const void *) bytes;

		examples->rows[n + i] = example;
		bytes += sizeof(ml_example) + example->size;
	}
	return ML_OK;
}

static void
shuffle_rows(ml_rng *rng, const ml_example **rows, size_t n)
{
	for (size_t i = n; i > 1; i--)
	{
		size_t		j = (size_t) ml_rng_below(rng, i);
		const ml_example *swap = rows[i - 1];

		rows[i - 1] = rows[j];
		rows[j] = swap;
	}
}

ml_status
ml_examples_next(ml_context *ctx, ml_examples *examples, const ml_example *const **rows, size_t *n)
{
	size_t		size = 0;
	size_t		nbuffers = 0;

	*n = 0;
	while (examples->next < examples->norder)
	{
		const example_block *block = &examples->blocks[examples->order[examples->next]];
		char	   *bytes = block->bytes;

		/* whole blocks count, so that a group is the same wherever they lie */
		if (*n > 0 && (examples->rng == NULL || size + examples->capacity > examples->group))
			break;
		if (bytes == NULL)
		{
			ML_TRY(buffer(ctx, examples, nbuffers++, &bytes));
			ML_TRY(load(ctx, examples, block, bytes));
		}
		ML_TRY(point(ctx, examples, block, bytes, *n));
		*n += block->n;
		size += examples->capacity;
		examples->next++;
	}
	if (examples->rng != NULL)
		shuffle_rows(examples->rng, examples->rows, *n);
	*rows = examples->rows;
	return ml_poll(ctx);
}

ml_status
ml_examples_each(ml_context *ctx, ml_examples *examples, uint32_t parts, ml_examples_look look, void *arg)
{
	const ml_example *const *rows;
	size_t		n;

	ML_TRY(ml_examples_begin(ctx, examples, parts, NULL));
	for (;;)
	{
		ML_TRY(ml_examples_next(ctx, examples, &rows, &n));
		if (n == 0)
			return ML_OK;
		for (size_t i = 0; i < n; i++)
			ML_TRY(look(ctx, arg, rows[i]));
	}
}

/* ---------- parts ---------- */

/* A block's rows were copied: its memory, or its place in the file, is free. */
static ml_status
drop_block(ml_context *ctx, ml_examples *examples, example_block *block)
{
	void	   *memory = examples->holes;

	if (block->bytes != NULL)
	{
		give_block(ctx, examples, block->bytes);
		block->bytes = NULL;
		return ML_OK;
	}
	examples->spilled--;
	if (ctx->host->spill_rewrite == NULL)
		return ML_OK;
	ML_TRY(grow(ctx, examples, &memory, &examples->holes_capacity, examples->nholes + 1, sizeof(uint64_t)));
	examples->holes = memory;
	examples->holes[examples->nholes++] = block->offset;
	return ML_OK;
}

/* Deal the rows of blocks[i] into the open blocks of their parts. */
static ml_status
deal(ml_context *ctx, ml_examples *examples, size_t i, ml_examples_part part_of, void *arg)
{
	example_block block = examples->blocks[i];
	const char *bytes = block.bytes;

	if (bytes == NULL)
	{
		char	   *loaded;

		ML_TRY(buffer(ctx, examples, 0, &loaded));
		ML_TRY(load(ctx, examples, &block, loaded));
		bytes = loaded;
	}
	for (uint32_t row = 0; row < block.n; row++)
	{
		const ml_example *example = (const ml_example *) (const void *) bytes;
		uint8_t		part = part_of(arg, example);
		open_block *open;

		ML_TRY(room(ctx, examples, part, example->size));
		open = &examples->open[part];
		memcpy(open->bytes + open->used + sizeof(ml_example), example + 1, example->size);
		append(examples, part, example);
		bytes += sizeof(ml_example) + example->size;
	}
	/* blocks may have moved */
	return drop_block(ctx, examples, &examples->blocks[i]);
}

ml_status
ml_examples_split(ml_context *ctx, ml_examples *examples, ml_examples_part part, void *arg)
{
	size_t		before;

	if (examples->is_split)
		return ml_fail(ctx, ML_INTERNAL, "these rows are split already");
	ML_TRY(close_block(ctx, examples, 0));
	examples->is_split = true;
	before = examples->nblocks;
	memset(examples->counts, 0, sizeof(examples->counts));
	for (size_t i = 0; i < before; i++)
	{
		ML_TRY(deal(ctx, examples, i, part, arg));
		ML_TRY(ml_poll(ctx));
	}
	for (int i = 0; i < PARTS; i++)
		ML_TRY(close_block(ctx, examples, i));
	memmove(examples->blocks, examples->blocks + before, (examples->nblocks - before) * sizeof(example_block));
	examples->nblocks -= before;
	return ML_OK;
}

size_t
ml_examples_least(const ml_examples *examples, size_t memory)
{
	size_t		capacity;
	size_t		group;

	/* a group and a block that is being dealt */
	(void) divide(memory, examples->record_max, &capacity, &group);
	return ml_size_add(sizeof(ml_examples) + list_bytes(examples, capacity, group), group + capacity);
}

ml_status
ml_examples_shrink(ml_context *ctx, ml_examples *examples, size_t memory)
{
	for (int part = 0; part < PARTS; part++)
		ML_TRY(close_block(ctx, examples, part));
	/* buffers of passes come back when they are needed */
	while (examples->nloaded > 0)
		give_block(ctx, examples, examples->loaded[--examples->nloaded]);
	examples->limit = memory;
	for (size_t i = examples->nblocks; i-- > 0 && !has_room(examples);)
		if (examples->blocks[i].bytes != NULL)
			ML_TRY(spill(ctx, examples, &examples->blocks[i]));
	return ML_OK;
}
