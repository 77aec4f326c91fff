/*
 * greetings.c
 *	  Ends of logins that backends have made, for the worker to say again.
 *
 * What a login answers depends on the role, the database and the settings in
 * the startup packet, and applications' clients send the same ones each time.
 * The first such login is finished by a backend, with the server's own rules;
 * the worker keeps what was said and which settings it left, and finishes
 * further ones without a backend. A greeting is found only under the generation
 * of role and database that it was made under (shmem.c), and all are forgotten
 * when the configuration is reloaded. The least recently used one makes room.
 *
 * src/greetings.c
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "greetings.h"
#include "records.h"

static Greeting greetings[POOLER_MAX_GREETINGS];
static uint64 uses = 0;

const Greeting *
pooler_greetings_find(Oid role, Oid database, uint64 catalog_generation,
					  const char *startup, int startup_len)
{
	for (int i = 0; i < POOLER_MAX_GREETINGS; i++)
	{
		Greeting   *g = &greetings[i];

		if (g->text != NULL && g->role == role && g->database == database &&
			g->catalog_generation == catalog_generation &&
			g->startup_len == startup_len &&
			memcmp(g->startup, startup, startup_len) == 0)
		{
			g->used = ++uses;
			return g;
		}
	}
	return NULL;
}

static void
forget(Greeting *g)
{
	if (g->text == NULL)
		return;
	pooler_records_unref(g->record);
	pfree(g->startup);
	pfree(g->text);
	memset(g, 0, sizeof(*g));
}

static char *
copy(const char *data, int len)
{
	char	   *result = MemoryContextAlloc(TopMemoryContext, Max(len, 1));

	memcpy(result, data, len);
	return result;
}

void
pooler_greetings_add(const Greeting *greeting)
{
	Greeting   *oldest = &greetings[0];

	if (pooler_greetings_find(greeting->role, greeting->database,
							  greeting->catalog_generation, greeting->startup,
							  greeting->startup_len) != NULL)
	{
		pooler_records_unref(greeting->record);
		return;
	}
	for (int i = 1; i < POOLER_MAX_GREETINGS; i++)
	{
		if (greetings[i].used < oldest->used)
			oldest = &greetings[i];
	}
	forget(oldest);
	*oldest = *greeting;
	oldest->startup = copy(greeting->startup, greeting->startup_len);
	oldest->text = copy(greeting->text, greeting->text_len);
	oldest->used = ++uses;
}

void
pooler_greetings_forget_all(void)
{
	for (int i = 0; i < POOLER_MAX_GREETINGS; i++)
		forget(&greetings[i]);
}
