/*
 * lock_file.c
 *	  What the postmaster says of itself in postmaster.pid.
 *
 * Its path is relative: every process of the server is in the data directory.
 *
 * src/lock_file.c
 */
#include "postgres.h"

#include "storage/fd.h"

#include "lock_file.h"

bool
pooler_lock_file_line(int number, char *line)
{
	FILE	   *file = AllocateFile("postmaster.pid", "r");
	int			n = 0;

	if (file == NULL)
		return false;
	while (n < number && fgets(line, MAXPGPATH, file) != NULL)
		n++;
	FreeFile(file);
	if (n < number)
		return false;
	line[strcspn(line, "\n")] = '\0';
	return true;
}
