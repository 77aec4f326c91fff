/*
 * memory.c
 *	  pooler.memory: the private memory of backends of pools.
 *
 * The kernel says what a process has resident and how much of that is shared
 * (/proc/PID/statm, in pages; proc(5)); the difference is its own: sorts,
 * hashes, caches, plans.  Shared buffers do not count.  Backends belong to the
 * same operating system user, so nothing more is needed to read it.  A process
 * that ends meanwhile has no row.
 *
 * src/memory.c
 */
#include "postgres.h"

#include <unistd.h>

#include "fmgr.h"
#include "storage/fd.h"

#include "cgroup.h"
#include "rows.h"
#include "shmem.h"

PG_FUNCTION_INFO_V1(pooler_memory_backends);

/* A line of a file in /proc; false: it is not there. */
static bool
read_line(const char *path, char *line, int size)
{
	FILE	   *file = AllocateFile(path, "r");
	bool		good;

	if (file == NULL)
		return false;
	good = fgets(line, size, file) != NULL;
	FreeFile(file);
	return good;
}

/* In bytes; -1 if there is no such process. */
static int64
private_memory(pid_t pid)
{
	char		path[64];
	char		line[256];
	long		resident;
	long		shared;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int) pid);
	if (!read_line(path, line, sizeof(line)) ||
		sscanf(line, "%*s %ld %ld", &resident, &shared) != 2)
		return -1;
	return (int64) Max(resident - shared, 0) * sysconf(_SC_PAGESIZE);
}

static int64
all_memory(void)
{
	int64		machine = (int64) sysconf(_SC_PHYS_PAGES) *
		sysconf(_SC_PAGESIZE);
	int64		group = pooler_cgroup_memory("");

	return group >= 0 ? Min(machine, group) : machine;
}

/*
 * pooler.memory(): for each backend of a pool its private memory, and that of
 * the machine, or of the server's control group if that is less, in bytes.
 */
Datum
pooler_memory_backends(PG_FUNCTION_ARGS)
{
	int64		machine = all_memory();
	Row			row;

	pooler_rows_begin(fcinfo, &row);
	for (int i = 0; i < pooler_shared->max_members; i++)
	{
		PoolerMember *m = &pooler_members[i];
		pid_t		pid = m->pid;
		int			pool = m->pool;
		int64		bytes;

		if (m->state == MEMBER_FREE || pid <= 0 || pool < 0 ||
			pool >= POOLER_MAX_POOLS || (bytes = private_memory(pid)) < 0)
			continue;
		put_int(&row, pid);
		put_text(&row, pooler_pools[pool].name);
		put_int8(&row, bytes);
		put_int8(&row, machine);
		pooler_rows_end(&row);
	}
	return (Datum) 0;
}
