/*
 * reserved.c
 *	  The lines that let unborn backends in under their reserved name.
 *
 * The worker connects over the server's Unix socket as the server's own OS
 * user. Where local lines are not "trust", a line with "peer" and a map lets
 * just that user in under just that name; it owns the data directory, so this
 * gives nobody a right that he lacked. They must come first in their files.
 *
 * src/reserved.c
 */
#include "postgres.h"

#include <pwd.h>
#include <unistd.h>

#include "reserved.h"
#include "shmem.h"

#define PLAIN_NAME "abcdefghijklmnopqrstuvwxyz0123456789_-."

/* The OS user of the server, quoted where pg_ident.conf needs it. */
static char *
os_user(void)
{
	struct passwd *pw = getpwuid(geteuid());

	if (pw == NULL)
		return psprintf("%ld", (long) geteuid());
	if (pw->pw_name[0] == '/' ||
		strspn(pw->pw_name, PLAIN_NAME) != strlen(pw->pw_name))
		return psprintf("\"%s\"", pw->pw_name);
	return pstrdup(pw->pw_name);
}

char *
pooler_reserved_hba_line(void)
{
	return pstrdup("local all \"" POOLER_RESERVED_USER "\" peer map=pooler");
}

char *
pooler_reserved_ident_line(void)
{
	return psprintf("pooler %s \"%s\"", os_user(), POOLER_RESERVED_USER);
}
