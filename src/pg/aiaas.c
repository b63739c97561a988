/*-------------------------------------------------------------------------
 *
 * aiaas.c
 *	  The module's entry: settings and hooks, nothing else.
 *
 * Everything works without preloading; preloaded (shared_preload_libraries),
 * models live once per server in shared memory, and the settings that other
 * backends must agree on are fixed at server start.
 *
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "bridge.h"
#include "callsite.h"
#include "miscadmin.h"
#include "planner.h"
#include "residency.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

static const struct config_enum_entry kernel_levels[] = {
	{"auto", ML_LEVEL_AUTO, false},
	{"ref", ML_LEVEL_REF, false},
	{"avx2", ML_LEVEL_AVX2, false},
	{"avx512", ML_LEVEL_AVX512, false},
	{NULL, 0, false}
};

/* schema.name or nothing: a bare name would depend on the search_path. */
static bool
check_default_model(char **value, void **extra, GucSource source)
{
	char	   *copy = pstrdup(*value);
	List	   *names = NIL;
	bool		valid = **value == '\0' ||
		(SplitIdentifierString(copy, '.', &names) && list_length(names) == 2);

	/* a postmaster that reads its file again must not grow */
	list_free(names);
	pfree(copy);
	if (!valid)
		GUC_check_errdetail("A model is named with its schema: schema.name.");
	return valid;
}

static void
define_settings(void)
{
	/* preloaded, the level is the server's; else each backend is on its own */
	DefineCustomEnumVariable("aiaas.kernel",
							 "Chooses the kernels for a CPU level.",
							 "auto takes what is fast on this CPU; aiaas_kernels() shows it.",
							 &bridge_kernel_level, ML_LEVEL_AUTO, kernel_levels,
							 process_shared_preload_libraries_in_progress ? PGC_POSTMASTER : PGC_USERSET,
							 0, NULL, NULL, NULL);
	DefineCustomIntVariable("aiaas.private_memory",
							"Sets the memory that one backend may use for models of its own.",
							"Models are private where shared memory cannot hold them: not preloaded, temporary, or written by the current transaction.",
							&residency_private_memory, 256 * 1024, 1024, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomStringVariable("aiaas.default_model",
							   "Names the model of the functions that are called without one.",
							   "It is named with its schema; an empty value names none.",
							   &callsite_default_model, "aiaas.sentiment",
							   PGC_USERSET, 0, check_default_model, NULL, NULL);
	if (!process_shared_preload_libraries_in_progress)
		return;
	DefineCustomIntVariable("aiaas.shared_memory",
							"Sets the shared memory for models, in which each is held once per server.",
							"0 holds none.",
							&residency_shared_memory, 256 * 1024, 0, MAX_KILOBYTES,
							PGC_POSTMASTER, GUC_UNIT_KB, NULL, NULL, NULL);
	MarkGUCPrefixReserved("aiaas");
}

void
_PG_init(void)
{
	define_settings();
	if (process_shared_preload_libraries_in_progress)
		residency_init();
	planner_init();
}
