/*
 * test_cgroup.c
 *	  Limits of memory in folders that look like /proc and /sys.
 *
 * links: src/cgroup.c
 *
 * test/unit/test_cgroup.c
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "tap.h"

static char root[] = "/tmp/pooler-cgroup.XXXXXX";

/* A file below the root, its folders too. */
static void
put(const char *name, const char *text)
{
	char	   *path = psprintf("%s/%s", root, name);
	FILE	   *file;

	for (char *at = path + strlen(root) + 1; (at = strchr(at, '/')) != NULL; at++)
	{
		*at = '\0';
		(void) mkdir(path, 0700);
		*at = '/';
	}
	file = fopen(path, "w");
	if (file == NULL || fputs(text, file) == EOF || fclose(file) != 0)
		exit(1);
	pfree(path);
}

static void
limit_is(int64 expected, const char *name)
{
	is(pooler_cgroup_memory(root), expected, name);
}

int
main(void)
{
	if (mkdtemp(root) == NULL)
		return 1;
	limit_is(-1, "nothing can be seen");
	put("proc/self/cgroup", "0::/\n");
	limit_is(-1, "the root group has none");
	put("sys/fs/cgroup/memory.max", "4096000\n");
	limit_is(4096000, "a container's root");
	put("proc/self/cgroup", "0::/system.slice/postgresql.service\n");
	limit_is(4096000, "of a group above");
	put("sys/fs/cgroup/system.slice/postgresql.service/memory.max", "max\n");
	limit_is(4096000, "the group itself has none");
	put("sys/fs/cgroup/system.slice/memory.max", "1024000\n");
	limit_is(1024000, "the least of all");
	put("sys/fs/cgroup/system.slice/postgresql.service/memory.max", "2048000\n");
	limit_is(1024000, "also where the group's own is more");
	put("proc/self/cgroup", "11:cpu,memory:/docker/1\n4:memory_other:/\n0::/\n");
	limit_is(4096000, "version 1 without its files");
	put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	put("sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes", "512000\n");
	limit_is(512000, "version 1");
	put("proc/self/cgroup", "4:memory:/\n");
	limit_is(-1, "version 1 without a limit");
	put("proc/self/cgroup", "nonsense\n:\n");
	limit_is(-1, "nonsense");
	if (system(psprintf("rm -r %s", root)) != 0)
		return 1;
	return tap_end();
}
