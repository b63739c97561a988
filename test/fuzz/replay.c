/*-------------------------------------------------------------------------
 *
 * replay.c
 *	  Runs a fuzz target over its seeds: the main of a program test_fuzz_NAME,
 *	  which takes them from test/fuzz/corpus/NAME, or over the files that are
 *	  its arguments.
 *
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"

#include <dirent.h>

static void
replay(const char *path)
{
	size_t		size;
	char	   *bytes = unit_read(path, &size);
	uint8_t    *exact;

	if (!unit_ok(bytes != NULL, "%s", path))
		return;
	/* without the NUL that unit_read adds, so that a sanitizer sees its end */
	exact = malloc(size);
	if (size > 0)
		memcpy(exact, bytes, size);
	free(bytes);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

static int
visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int
main(int argc, char **argv)
{
	const char *name = strstr(argv[0], "test_fuzz_");
	struct dirent **entries = NULL;
	char		folder[512];
	int			n = 0;

	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc == 1)
	{
		snprintf(folder, sizeof(folder), "test/fuzz/corpus/%s",
				 name == NULL ? "" : name + strlen("test_fuzz_"));
		n = scandir(folder, &entries, visible, alphasort);
		unit_ok(n > 0, "there are seeds in %s", folder);
	}
	for (int i = 0; i < n; i++)
	{
		char		path[1024];

		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		replay(path);
		free(entries[i]);
	}
	free(entries);
	return unit_done();
}
