/*
 * auth_hba.c
 *	  Keeps the server's pg_hba.conf lines usable in the worker.
 *
 * hba.c holds the parsed lines behind static pointers, in two contexts under
 * PostmasterContext. The postmaster deletes that context in every background
 * worker before it calls us, so there the pointers dangle: hba_getauthmethod()
 * would read freed memory, and load_hba() would free it a second time. Nothing
 * in hba.c lets us set the pointers to NULL. What is left is to keep them
 * true: a child handler of fork() moves the two contexts out of harm's way,
 * under TopMemoryContext.
 *
 *	  postmaster forks	-> kept				[keep_lines, in the child]
 *	  a backend logs in -> given back		[pooler_auth_release]
 *	  our worker		-> used, replaced	[pooler_auth_reload]
 *
 * At fork() no child can know yet which one it is, hence all of them move the
 * contexts. A backend gives them back in ClientAuthentication_hook, and
 * PostgresMain() frees them with PostmasterContext as ever. The other children
 * keep them. That costs them nothing of their own: the pages are the
 * postmaster's until somebody writes to them, and only freeing them would. (A
 * backend that keeps 2,000 lines, 3 MB, has 350 kB *less* memory of its own
 * than one that frees them; they are given back so that no session lists them
 * in pg_backend_memory_contexts and no backend holds the secrets in them.)
 *
 * At start nothing is loaded: the lines are those of the postmaster at that
 * moment, which is what direct connections are judged by, even if the file has
 * been changed since and nobody has reloaded it. From then on each SIGHUP
 * loads the file in both processes, with the same result; a file with errors
 * leaves the old lines in both.
 *
 * src/auth_hba.c
 */
#include "postgres.h"

#include <pthread.h>

#include "access/xact.h"
#include "libpq/hba.h"
#include "storage/fd.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "auth_cache.h"
#include "auth_refuse.h"
#include "compat.h"

/* What the child handler found; hba.c's statics point to these. */
static MemoryContext hba_lines = NULL;
static MemoryContext ident_lines = NULL;

/* In our worker: the lines are alive, and hba.c may load new ones. */
static bool lines_usable = false;

/*
 * Runs in every child that the postmaster forks, and in every child of those:
 * it does nothing but change pointers. Only the postmaster's own children
 * have a PostmasterContext (and backends until they are logged in, whose forks
 * have nothing left to move).
 */
static void
keep_lines(void)
{
	MemoryContext child;
	MemoryContext next;

	if (PostmasterContext == NULL)
		return;
	for (child = PostmasterContext->firstchild; child != NULL; child = next)
	{
		next = child->nextchild;
		if (strcmp(child->name, "hba parser context") == 0)
			hba_lines = child;
		else if (strcmp(child->name, "ident parser context") == 0)
			ident_lines = child;
		else
			continue;
		MemoryContextSetParent(child, TopMemoryContext);
	}
}

void
pooler_auth_install(void)
{
	(void) pthread_atfork(NULL, NULL, keep_lines);
}

void
pooler_auth_release(void)
{
	if (PostmasterContext == NULL)
		return;
	if (hba_lines != NULL)
		MemoryContextSetParent(hba_lines, PostmasterContext);
	if (ident_lines != NULL)
		MemoryContextSetParent(ident_lines, PostmasterContext);
	hba_lines = NULL;
	ident_lines = NULL;
}

bool
pooler_auth_lines_usable(void)
{
	return lines_usable;
}

/* How many of these lines name a host, and which is the first. */
static int
count_host_names(List *tokenized, const HbaLine **first)
{
	ListCell   *cell;
	int			n = 0;

	foreach(cell, tokenized)
	{
		TokenizedAuthLine *tokens = (TokenizedAuthLine *) lfirst(cell);
		HbaLine    *line;

		/* load_hba() has complained already, and at LOG */
		if (tokens->err_msg != NULL)
			continue;
		line = parse_hba_line(tokens, DEBUG3);
		if (line == NULL || line->hostname == NULL)
			continue;
		if (n++ == 0)
			*first = line;
	}
	return n;
}

/*
 * A worker must not wait for a name server, so lines with host names match
 * nobody here. hba.c shows its lines to nobody; the file is read once more.
 */
static void
report_host_names(void)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext,
											  "pooler host names",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(cxt);
	FILE	   *file = pooler_open_auth_file(HbaFileName);
	List	   *tokenized = NIL;
	const HbaLine *first = NULL;
	int			n = 0;

	if (file != NULL)
	{
		pooler_tokenize_auth_file(HbaFileName, file, &tokenized);
		n = count_host_names(tokenized, &first);
		pooler_free_auth_file(file);
	}
	if (n > 0)
		ereport(LOG,
				(errmsg("host names in \"%s\" do not match clients of pooler",
						pooler_file_of_line(first)),
				 errdetail_plural("pooler asks no name server. %d line has a host name, line %d.",
								  "pooler asks no name server. %d lines have a host name, the first is line %d.",
								  n, n, first->linenumber),
				 errhint("Use addresses for the clients that connect through pooler.")));
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(cxt);
}

/*
 * The worker's own beginning; every login is refused where it fails or has not
 * been called. A PostmasterContext is made because load_hba() allocates in it,
 * as PerformAuthentication() does where processes are not forked. (There may be
 * no ident lines: a server starts without that file.)
 */
void
pooler_auth_start(void)
{
	StartTransactionCommand();
	/* InitPostgres() leaves this out where there is no database */
	initialize_acl();
	pooler_auth_catalog_start();
	CommitTransactionCommand();
	pooler_auth_cache_start();

	if (hba_lines == NULL)
	{
		ereport(LOG,
				(errmsg("pooler cannot find the server's pg_hba.conf lines, it will refuse all logins"),
				 errhint("This version of PostgreSQL is not one that pooler knows.")));
		return;
	}
	if (PostmasterContext == NULL)
		PostmasterContext = AllocSetContextCreate(TopMemoryContext,
												  "Postmaster",
												  ALLOCSET_DEFAULT_SIZES);
	/* From here on they are hba.c's to replace. */
	hba_lines = NULL;
	ident_lines = NULL;
	lines_usable = true;
	report_host_names();
}

/*
 * Both files are tried, as in the postmaster's SIGHUP handler. What is wrong
 * with a file hba.c has logged.
 */
bool
pooler_auth_reload(void)
{
	bool		loaded;

	if (!lines_usable)
		return false;
	loaded = load_hba();
	if (loaded)
		report_host_names();
	return load_ident() && loaded;
}
