/*
 * cgroup.c
 *	  How much memory the kernel lets this process's control groups have.
 *
 * A container or a systemd unit with a limit has less than the machine. The
 * process's groups are in /proc/self/cgroup, the limits in the files of the
 * group and of each one above it: the least counts (cgroups(7)).
 *
 *	  version 2		0::/GROUP			/sys/fs/cgroup/GROUP/memory.max
 *	  version 1		N:...memory...:/GROUP	/sys/fs/cgroup/memory/GROUP/
 *											memory.limit_in_bytes
 *
 * In a container that is mounted as the root, GROUP may not be there: then the
 * root's limit is the container's.
 *
 * src/cgroup.c
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "cgroup.h"

/* What version 1 says where there is no limit: about 2^63, in whole pages. */
#define NO_LIMIT	(PG_INT64_MAX / 2)

/* A short file as a string; false: it cannot be read. */
static bool
read_file(const char *path, char *text, int size)
{
	int			fd = open(path, O_RDONLY | O_CLOEXEC);
	int			n;

	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	if (n < 0)
		return false;
	text[n] = '\0';
	return true;
}

/* -1: none. */
static int64
limit_in(const char *folder, const char *group, const char *file)
{
	char		path[MAXPGPATH];
	char		text[64];
	char	   *end;
	int64		bytes;

	snprintf(path, sizeof(path), "%s%s/%s", folder, group, file);
	if (!read_file(path, text, sizeof(text)))
		return -1;
	bytes = strtoi64(text, &end, 10);
	return end == text || bytes >= NO_LIMIT ? -1 : bytes;
}

static int64
lesser(int64 a, int64 b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* The least limit from this group, which is cut short, up to the root. */
static int64
least_limit(const char *folder, char *group, const char *file)
{
	int64		least = -1;

	for (;;)
	{
		char	   *last = strrchr(group, '/');

		least = lesser(least, limit_in(folder, group, file));
		if (last == NULL)
			return least;
		*last = '\0';
	}
}

/* "memory" in a list like "cpu,memory"? */
static bool
is_of_memory(const char *controllers)
{
	for (const char *at = controllers; (at = strstr(at, "memory")) != NULL; at++)
	{
		char		after = at[strlen("memory")];

		if ((at == controllers || at[-1] == ',') &&
			(after == '\0' || after == ','))
			return true;
	}
	return false;
}

int64
pooler_cgroup_memory(const char *root)
{
	char		path[MAXPGPATH];
	char		text[8192];
	char	   *next;
	int64		least = -1;

	snprintf(path, sizeof(path), "%s/proc/self/cgroup", root);
	if (!read_file(path, text, sizeof(text)))
		return -1;
	for (char *line = strtok_r(text, "\n", &next); line != NULL;
		 line = strtok_r(NULL, "\n", &next))
	{
		char	   *controllers = strchr(line, ':');
		char	   *group = controllers ? strchr(controllers + 1, ':') : NULL;

		if (group == NULL)
			continue;
		*controllers++ = *group++ = '\0';
		if (is_of_memory(controllers))
		{
			snprintf(path, sizeof(path), "%s/sys/fs/cgroup/memory", root);
			least = lesser(least, least_limit(path, group,
											  "memory.limit_in_bytes"));
		}
		else if (controllers[0] == '\0')
		{
			snprintf(path, sizeof(path), "%s/sys/fs/cgroup", root);
			least = lesser(least, least_limit(path, group, "memory.max"));
		}
	}
	return least;
}
