/*-------------------------------------------------------------------------
 *
 * test_tabular_json.c
 *	  Recipes of tables as JSON, and the arrays that are stored beside it: what
 *	  is written comes back, what is damaged is refused.
 *
 *-------------------------------------------------------------------------
 */
#include "toy_table.h"

#include "base/hash.h"

/* Written, read and written again; the tensors go across as they are. */
static ml_status
round_trip(ml_context *ctx, const ml_tabular *tabular, ml_arena *arena, ml_buffer *json, ml_buffer *again,
		   ml_tabular *read)
{
	void	   *slots;

	ML_TRY(ml_tabular_write(ctx, tabular, json));
	ML_TRY(ml_tabular_read(ctx, arena, (ml_text) {json->data, json->size}, read));
	read->scaling = tabular->scaling;
	read->level_end = tabular->level_end;
	read->levels = tabular->levels;
	ML_TRY(ml_tabular_check(ctx, read, tabular->nlevels == 0 ? 0 : tabular->level_end[tabular->nlevels - 1]));
	ML_TRY(ml_arena_alloc(ctx, arena, read->nslots * sizeof(uint32_t), &slots));
	ML_TRY(ml_tabular_hash(ctx, read, slots));
	read->slots = slots;
	return ml_tabular_write(ctx, read, again);
}

static ml_status
small_scenario(ml_context *ctx, void *argument)
{
	ml_tabular_options options = defaults;
	ml_arena	arena = {0};
	ml_buffer	json = {0};
	ml_buffer	again = {0};
	ml_tabular	read;
	table		t;
	ml_status	status;

	options.unseen = ML_UNSEEN_ERROR;
	options.reference = true;
	options.winsorize = 0.1;
	status = open_small(ctx, &t, &options);
	if (status == ML_OK)
		status = round_trip(ctx, &t.tabular, &arena, &json, &again, &read);
	if (status == ML_OK && argument != NULL)
	{
		unit_ok(json.size == again.size && memcmp(json.data, again.data, json.size) == 0, "written as read");
		unit_ok(memcmp(t.tabular.columns, read.columns, NCOLUMNS * sizeof(ml_tabular_column)) == 0,
				"columns come back");
		unit_ok(read.ndense == t.tabular.ndense && read.nhot == t.tabular.nhot && read.nlevels == t.tabular.nlevels &&
					read.nslots == t.tabular.nslots && read.ntexts == 1 && read.ncategories == 1 &&
					read.unseen == ML_UNSEEN_ERROR && read.standardize, "with all counts");
		unit_ok(memcmp(t.tabular.slots, read.slots, read.nslots * sizeof(uint32_t)) == 0, "and slots");
		unit_is_text(read.time_zone, "UTC", "and the time zone");
	}
	ml_buffer_free(ctx, &json);
	ml_buffer_free(ctx, &again);
	ml_arena_free(ctx, &arena);
	return close_table(&t, status);
}

static const char good[] =
	"{\"columns\":[{\"name\":\"d\",\"type\":\"number\",\"role\":\"number\",\"indicator\":true},"
	"{\"name\":\"x\",\"type\":\"array\",\"role\":\"number\",\"indicator\":false,\"items\":3},"
	"{\"name\":\"t\",\"type\":\"time\",\"role\":\"date\",\"indicator\":false},"
	"{\"name\":\"c\",\"type\":\"enum\",\"role\":\"category\",\"levels\":5,\"joined\":2,\"other\":true,"
	"\"missing\":false,\"most_frequent\":null,\"reference\":4},"
	"{\"name\":\"n\",\"type\":\"text\",\"role\":\"text\"}],"
	"\"standardize\":true,\"unseen\":\"error\",\"time_zone\":\"UTC\",\"dense\":8,\"hot\":6}";

/* The good recipe with one piece of it replaced is refused. */
static void
refuse(unit_host *host, const char *from, const char *to, const char *message)
{
	char		json[sizeof(good) + 200];
	const char *at = strstr(good, from);
	ml_arena	arena = {0};
	ml_tabular	tabular;

	snprintf(json, sizeof(json), "%.*s%s%s", (int) (at - good), good, to, at + strlen(from));
	unit_fails(host, ml_tabular_read(&host->ctx, &arena, unit_text(json), &tabular), ML_BAD_MODEL, message,
			   "%s -> %s", from, to);
	ml_arena_free(&host->ctx, &arena);
}

static void
test_refusals(unit_host *host)
{
	refuse(host, "\"number\",\"role\"", "\"numbers\",\"role\"", "type");
	refuse(host, "\"role\":\"number\"", "\"role\":\"auto\"", "role");
	refuse(host, "\"role\":\"number\"", "\"role\":\"ignore\"", "role");
	refuse(host, "\"role\":\"number\"", "\"role\":\"date\"", "role");
	refuse(host, "\"role\":\"number\"", "\"role\":7", "role");
	refuse(host, "\"name\":\"d\",", "", "name");
	refuse(host, "\"indicator\":true", "\"indicator\":1", "indicator");
	refuse(host, ",\"indicator\":true", "", "indicator");
	refuse(host, "\"indicator\":true", "\"indicator\":false", "dense");
	refuse(host, "\"items\":3", "\"items\":0", "items");
	refuse(host, "\"items\":3", "\"items\":-3", "items");
	refuse(host, "\"items\":3", "\"items\":4", "dense");
	refuse(host, "\"items\":3", "\"items\":268435457", "items");
	refuse(host, "\"items\":3", "\"items\":268435456", "features");
	refuse(host, ",\"items\":3", "", "items");
	refuse(host, "\"type\":\"array\"", "\"type\":\"number\"", "members");
	refuse(host, "\"levels\":5", "\"levels\":4294967296", "levels");
	refuse(host, "\"levels\":5", "\"levels\":5.0", "levels");
	refuse(host, "\"levels\":5", "\"levels\":6", "hot");
	refuse(host, "\"joined\":2", "\"joined\":268435456", "features");
	refuse(host, "\"other\":true", "\"other\":false", "joined");
	refuse(host, "\"levels\":5,\"joined\":2,\"other\":true", "\"levels\":0,\"joined\":0,\"other\":false", "levels");
	refuse(host, "\"reference\":4", "\"reference\":6", "reference");
	refuse(host, "\"reference\":4", "\"reference\":-1", "reference");
	refuse(host, "\"reference\":4", "\"references\":4", "reference");
	refuse(host, "\"most_frequent\":null", "\"most_frequent\":\"UA\"", "most_frequent");
	refuse(host, "\"role\":\"text\"", "\"role\":\"text\",\"levels\":1", "members");
	refuse(host, "\"standardize\":true", "\"standardize\":null", "standardize");
	refuse(host, "\"unseen\":\"error\"", "\"unseen\":\"errors\"", "unseen");
	refuse(host, "\"time_zone\":\"UTC\"", "\"time_zone\":0", "time_zone");
	refuse(host, ",\"hot\":6", "", "members");
	refuse(host, "\"hot\":6", "\"cold\":6", "hot");
	refuse(host, "\"columns\":[", "\"columns\":{},\"c\":[", "members");
	refuse(host, "\"UTC\"", "\"UTC", "");
}

/* Whatever is read of a damaged recipe is consistent in itself. */
static bool
consistent(const ml_tabular *t)
{
	uint32_t	dense = 0;
	uint32_t	hot = t->ndense;
	uint32_t	levels = 0;

	for (uint32_t i = 0; i < t->ncolumns; i++)
	{
		const ml_tabular_column *c = &t->columns[i];

		if (c->role == ML_ROLE_TEXT)
			continue;
		if (c->role != ML_ROLE_CATEGORY)
		{
			if (c->first != dense)
				return false;
			dense += c->nterms + (c->indicator != ML_NO_TERM);
			continue;
		}
		if (c->first != hot || c->first_level != levels || c->nterms < c->nlevels ||
			(c->nslots & (c->nslots - 1)) != 0 || c->nslots / 2 < c->nlevels + c->njoined ||
			c->nslots > t->nslots - c->first_slot ||
			(c->reference != ML_NO_TERM && c->reference - c->first >= c->nterms) ||
			(c->most_frequent != ML_NO_TERM && c->most_frequent - c->first >= c->nterms))
			return false;
		hot += c->nterms;
		levels += c->nlevels + c->njoined;
	}
	return dense == t->ndense && hot == t->ndense + t->nhot && levels == t->nlevels;
}

static void
test_mutations(unit_host *host)
{
	static const char alphabet[] = "\"{}[]:,0123456789-.etrufalsn\\\x80";
	char	   *json = malloc(sizeof(good));
	ml_rng		rng;
	int			sound = 0;
	int			wrong = 0;

	ml_rng_seed(&rng, 11);
	for (int i = 0; i < 60000; i++)
	{
		ml_arena	arena = {0};
		ml_tabular	tabular;
		size_t		size = sizeof(good) - 1;
		ml_status	status;
		char	   *exact;

		memcpy(json, good, sizeof(good));
		for (uint64_t k = 1 + ml_rng_below(&rng, 3); k > 0; k--)
		{
			size_t		at = ml_rng_below(&rng, size);

			switch (ml_rng_below(&rng, 4))
			{
				case 0:
					memmove(json + at, json + at + 1, size - at - 1);
					size--;
					break;
				case 1:
					size = i % 8 == 0 ? at + 1 : size;
					break;
				default:
					json[at] = alphabet[ml_rng_below(&rng, sizeof(alphabet) - 1)];
			}
		}
		exact = malloc(size);	/* so that a sanitizer sees reads beyond */
		memcpy(exact, json, size);
		status = ml_tabular_read(&host->ctx, &arena, (ml_text) {exact, size}, &tabular);
		wrong += status != ML_OK && status != ML_BAD_MODEL;
		if (status == ML_OK)
		{
			sound++;
			wrong += !consistent(&tabular);
		}
		ml_arena_free(&host->ctx, &arena);
		free(exact);
	}
	unit_ok(sound > 100, "%d of 60000 damaged recipes can still be read", sound);
	unit_is_int(wrong, 0, "these make sense, and the others are refused");
	free(json);
}

/* Damaged tensors. */
static void
test_check(unit_host *host)
{
	ml_tabular_options options = defaults;
	table		t;
	ml_tabular *m = &t.tabular;
	ml_scaling *scaling;
	uint64_t	ends[3] = {2, 4, 6};
	ml_scaling	kept;

	options.unseen = ML_UNSEEN_ERROR;
	options.rare = 5;
	unit_is_int(open_small(&host->ctx, &t, &options), ML_OK, "a table");
	unit_is_int(ml_tabular_check(&host->ctx, m, 8), ML_OK, "is sound");
	scaling = (ml_scaling *) m->scaling;
	kept = scaling[0];
	scaling[0].scale = 0;
	unit_fails(host, ml_tabular_check(&host->ctx, m, 8), ML_BAD_MODEL, "scaling", "a scale of 0");
	scaling[0].scale = NAN;
	unit_fails(host, ml_tabular_check(&host->ctx, m, 8), ML_BAD_MODEL, "scaling", "none");
	scaling[0] = kept;
	scaling[0].low = NAN;
	unit_fails(host, ml_tabular_check(&host->ctx, m, 8), ML_BAD_MODEL, "scaling", "no lower end");
	scaling[0] = kept;
	scaling[0].mean = 1e308;
	scaling[0].fill = -1e308;
	unit_fails(host, ml_tabular_check(&host->ctx, m, 8), ML_BAD_MODEL, "scaling", "a fill without a feature");
	scaling[0] = kept;
	unit_fails(host, ml_tabular_check(&host->ctx, m, 7), ML_BAD_MODEL, "outside", "bytes are lacking");
	unit_fails(host, ml_tabular_check(&host->ctx, m, 9), ML_BAD_MODEL, "follow", "bytes too many");
	m->levels = "BAAAUADL";
	unit_fails(host, ml_tabular_check(&host->ctx, m, 8), ML_BAD_MODEL, "order", "levels out of order");
	m->levels = "AAAAUADL";
	unit_fails(host, ml_tabular_check(&host->ctx, m, 8), ML_BAD_MODEL, "order", "equal ones");
	m->levels = "AA\xFF\xFFUADL";
	unit_fails(host, ml_tabular_check(&host->ctx, m, 8), ML_BAD_MODEL, "UTF-8", "bytes that are no text");
	m->levels = "AAB6UADL";
	unit_is_int(ml_tabular_check(&host->ctx, m, 8), ML_OK, "these are right");
	ends[0] = 5;
	m->nlevels = 3;
	m->level_end = ends;
	unit_fails(host, ml_tabular_check(&host->ctx, m, 6), ML_BAD_MODEL, "outside", "ends that go back");
	ends[0] = UINT64_MAX;
	unit_fails(host, ml_tabular_check(&host->ctx, m, 6), ML_BAD_MODEL, "outside", "or far away");
	close_table(&t, ML_OK);
}

/* Use of whatever was found sound: no byte beyond the arrays is touched, which a sanitizer would see. */
static int
use(ml_context *ctx, ml_tabular *m)
{
	double		items[2];
	ml_value	inputs[NCOLUMNS];
	double		dense[WIDTH_MAX];
	uint32_t	hot[1];
	uint32_t   *slots = malloc(m->nslots * sizeof(uint32_t));
	int			wrong = ml_tabular_hash(ctx, m, slots) != ML_OK;

	m->slots = slots;
	for (int i = 0; i < 15; i++)
	{
		ml_status	status;

		small_row(i, items, inputs);
		status = ml_tabular_encode(ctx, m, inputs, dense, hot);
		wrong += status != ML_OK && status != ML_BAD_INPUT;
		for (uint32_t f = 0; status == ML_OK && f < m->ndense; f++)
			wrong += !isfinite(dense[f]);
		wrong += status == ML_OK && hot[0] != ML_NO_TERM && hot[0] - m->ndense >= m->nhot;
	}
	for (uint32_t term = 0; term < m->ndense + m->nhot; term++)
	{
		ml_buffer	name = {0};

		wrong += ml_tabular_term(ctx, m, term, &name) != ML_OK;
		ml_buffer_free(ctx, &name);
	}
	free(slots);
	return wrong;
}

static void
test_damaged_arrays(unit_host *host)
{
	ml_tabular_options options = defaults;
	table		t;
	ml_rng		rng;
	int			sound = 0;
	int			wrong = 0;

	ml_rng_seed(&rng, 12);
	options.unseen = ML_UNSEEN_ERROR;
	unit_is_int(open_small(&host->ctx, &t, &options), ML_OK, "a table");
	for (int i = 0; i < 20000; i++)
	{
		ml_tabular	m = t.tabular;
		size_t		sizes[3] = {m.ndense * sizeof(ml_scaling), m.nlevels * sizeof(uint64_t), 8};
		const void *from[3] = {m.scaling, m.level_end, m.levels};
		void	   *copies[3];
		size_t		which = ml_rng_below(&rng, 3);
		ml_status	status;

		for (int k = 0; k < 3; k++)
			copies[k] = memcpy(malloc(sizes[k]), from[k], sizes[k]);
		((uint8_t *) copies[which])[ml_rng_below(&rng, sizes[which])] ^= 1 << ml_rng_below(&rng, 8);
		m.scaling = copies[0];
		m.level_end = copies[1];
		m.levels = copies[2];
		status = ml_tabular_check(&host->ctx, &m, 8);
		wrong += status != ML_OK && status != ML_BAD_MODEL;
		if (status == ML_OK)
		{
			sound++;
			wrong += use(&host->ctx, &m);
		}
		for (int k = 0; k < 3; k++)
			free(copies[k]);
	}
	unit_ok(sound > 1000 && sound < 19000, "%d of 20000 damaged tables are still sound", sound);
	unit_is_int(wrong, 0, "and can be used");
	close_table(&t, ML_OK);
}

int
main(void)
{
	unit_host	host;

	unit_open(&host);
	unit_is_int(small_scenario(&host.ctx, &host), ML_OK, "a recipe is written and read");
	test_refusals(&host);
	test_mutations(&host);
	test_check(&host);
	test_damaged_arrays(&host);
	unit_close(&host, "recipes of tables");
	unit_every_allocation_fails("small table", small_scenario, NULL);
	return unit_done();
}
