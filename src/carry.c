/*
 * carry.c
 *	  A client's whole session state: onto a backend and off it again.
 *
 * Puts together what settings.c, unnamed.c and pins.c know. The settings are a
 * record in shared memory; client and backend each hold a number, and where the
 * numbers are equal, which is usual, nothing is done at a switch:
 *
 *	  load		record of the client != record loaded here: settings_load()
 *	  save		a setting may have changed (watch.c), and the bytes here are not
 *				those of the record: intern them anew
 *
 * A client's first contact with a backend is its greeting: the backend applies
 * the startup packet's settings with the server's own rules, and sends the end
 * of the login. What it sent is published, and the worker then greets clients
 * with the same role and the same settings without a backend.
 *
 * src/carry.c
 */
#include "postgres.h"

#include "access/xact.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "postmaster/interrupt.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "backend.h"
#include "carry.h"
#include "functions.h"
#include "inject.h"
#include "pins.h"
#include "records.h"
#include "settings.h"
#include "unnamed.h"
#include "variables.h"
#include "watch.h"

/* How many backends may refuse a client's settings before it is told. */
#define MAX_REFUSALS 3

static StringInfoData collected;	/* reused at every boundary */
static StringInfoData greeting;
static TimestampTz greeted_under;	/* the configuration read at this time */

void
pooler_carry_init(void)
{
	MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

	initStringInfo(&collected);
	initStringInfo(&greeting);
	pooler_settings_init();
	pooler_unnamed_init();
	pooler_pins_init(pooler_self.pool);
	pooler_functions_start();
	MemoryContextSwitchTo(old);
}

/* Our record is another from now on, of which the caller has a reference. */
static void
change_record(uint32 record)
{
	PoolerMember *me = pooler_self.member;

	pooler_unnamed_other_settings();
	pooler_records_unref(me->record);
	me->record = record;
}

/* What is loaded here is now this record; takes a reference of its own. */
static void
note_loaded(uint32 record)
{
	pooler_watch.settings = true;
	pooler_records_ref(record);
	change_record(record);
}

/* Another backend may manage, but not for ever another one. */
static bool
refuse(PoolerClient *client)
{
	if (++client->refusals >= MAX_REFUSALS)
		ereport(FATAL,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("could not restore the settings of this session"),
				 errhint("Use pooler.mode = session for this role.")));
	return false;
}

bool
pooler_carry_differs(PoolerClient *client, uint64 packed)
{
	uint32		record = client->record;

	return pooler_unnamed_differs(client, packed, record != 0 &&
								  record == pooler_self.member->record);
}

/* False: close the backend. */
static bool
load_settings(PoolerClient *client)
{
	const char *data = NULL;
	int			len = 0;

	if (client->record == pooler_self.member->record)
		return true;
	POOLER_INJECT("switch-load");
	if (client->record != 0)
		data = pooler_records_get(client->record, &len);
	if (pooler_settings_load(data, len) != SETTINGS_OK)
		return false;
	POOLER_INJECT("switch-loaded");
	note_loaded(client->record);
	client->refusals = 0;
	return true;
}

bool
pooler_carry_load(PoolerClient *client)
{
	if (load_settings(client) && pooler_functions_good())
		return true;
	return refuse(client);
}

static bool
same_as_record(uint32 record)
{
	const char *data;
	int			len;

	if (record == 0)
		return false;
	data = pooler_records_get(record, &len);
	return len == collected.len && memcmp(data, collected.data, len) == 0;
}

/* Our record says what is loaded here, and nothing can have changed since. */
static bool
settings_known(void)
{
	return !pooler_watch.settings && pooler_self.member->record != 0 &&
		!pooler_settings_reload_due();
}

void
pooler_carry_parse_complete(void)
{
	pooler_unnamed_parse_complete(settings_known());
}

/* The same at a boundary. */
static bool
settings_untouched(void)
{
	bool		untouched = settings_known();

#ifdef USE_ASSERT_CHECKING
	if (untouched)
	{
		resetStringInfo(&collected);
		Assert(pooler_settings_collect(&collected) == SETTINGS_OK &&
			   same_as_record(pooler_self.member->record));
	}
#endif
	return untouched;
}

/*
 * Sees to it that our record says what is loaded here. False: it cannot be
 * said, or there is no memory to say it in. A setting may have been another one
 * meanwhile, and the unnamed statement analysed or planned under it.
 */
static bool
collect(void)
{
	PoolerMember *me = pooler_self.member;
	uint32		record;

	pooler_unnamed_doubt();
	resetStringInfo(&collected);
	if (pooler_settings_collect(&collected) != SETTINGS_OK)
		return false;
	if (!same_as_record(me->record))
	{
		record = pooler_records_intern(collected.data, collected.len);
		if (record == 0)
			return false;
		change_record(record);
	}
	pooler_watch.settings = false;
	return true;
}

/* From the server's files the worker has it itself, and sees it change. */
static int
idle_session_timeout(void)
{
	static struct config_generic *var = NULL;

	if (unlikely(var == NULL))
		var = pooler_variables_find("idle_session_timeout");
	return var->source < PGC_S_GLOBAL ? -1 : IdleSessionTimeout;
}

void
pooler_carry_show(PoolerClient *client)
{
	client->idle_session_timeout_ms = idle_session_timeout();
	client->encoding = pg_get_client_encoding();
	strlcpy(client->application_name, application_name, NAMEDATALEN);
}

uint32
pooler_carry_save(PoolerClient *client, uint64 packed)
{
	PoolerMember *me = pooler_self.member;

	if (!pooler_unnamed_save(client, packed))
		return PIN_UNNAMED;
	POOLER_INJECT("switch-save");
	client->idle_session_timeout_ms = idle_session_timeout();
	if (settings_untouched() && client->record == me->record)
		return 0;
	if (!collect())
		return PIN_SETTINGS;
	if (client->record != me->record)
	{
		pooler_records_ref(me->record);
		pooler_records_unref(client->record);
		client->record = me->record;
		pooler_unnamed_settings_changed(client);
	}
	POOLER_INJECT("switch-saved");
	pooler_carry_show(client);
	return 0;
}

/*
 * Settings are not undone here but by the next client's load, which goes by our
 * record: it must say what is loaded.
 */
bool
pooler_carry_forget(void)
{
	if (!pooler_pins_clean())
		return false;
	pooler_pins_forget_sequences();
	return settings_untouched() || collect();
}

bool
pooler_carry_reload(void)
{
	if (!pooler_settings_reload())
		return false;
	note_loaded(0);
	return true;
}

/* Passes finished messages on, one by one. */
static void
put_messages(const PQcommMethods *methods, const char *data, int len)
{
	int			at = 0;

	while (at < len)
	{
		uint32		n;

		memcpy(&n, data + at + 1, 4);
		n = pg_ntoh32(n);
		(void) methods->putmessage(data[at], data + at + 5, n - 4);
		at += n + 1;
	}
}

static void
put_key(const PQcommMethods *methods, int32 pid, int32 key)
{
	int32		body[2] = {pg_hton32(pid), pg_hton32(key)};

	(void) methods->putmessage('K', (const char *) body, sizeof(body));
}

/* The startup packet's settings, over those of nobody. */
static void
apply_startup(PoolerClient *client)
{
	char	   *pairs = NULL;
	int			len = client->startup_len;

	note_loaded(0);
	if (len > 0)
	{
		pairs = MemoryContextAlloc(TopMemoryContext, len);
		memcpy(pairs, dsa_get_address(pooler_shmem_dsa(), client->startup),
			   len);
		dsa_free(pooler_shmem_dsa(), client->startup);
	}
	client->startup = InvalidDsaPointer;
	client->startup_len = 0;
	client->greet = false;
	if (len == 0)
		return;
	pooler_settings_login(pairs, len);
	pfree(pairs);
}

bool
pooler_carry_greet(PoolerClient *client, const PQcommMethods *methods)
{
	static const char idle = 'I';

	greeted_under = PgReloadTime;
	POOLER_INJECT("greet-startup");
	if (!pooler_settings_unload() || !pooler_functions_good())
		return refuse(client);
	client->refusals = 0;
	apply_startup(client);
	/* local_preload_libraries of the startup packet: such a backend is closed */
	if (client->closes_backend)
		process_session_preload_libraries();
	if (client->mode == MODE_SESSION)
		client->pid = MyProcPid;
	client->encoding = pg_get_client_encoding();
	resetStringInfo(&greeting);
	pooler_settings_greeting(&greeting);
	put_messages(methods, greeting.data, greeting.len);
	put_key(methods, client->pid, client->cancel_key);
	POOLER_INJECT("greet-said");
	(void) methods->putmessage('Z', &idle, 1);
	(void) methods->flush();
	return true;
}

/*
 * In the worker's stead this costs a backend; losing it costs just that. The worker
 * has read the configuration, and forgotten all greetings, maybe before we did.
 */
void
pooler_carry_publish_greeting(PoolerClient *client, uint64 packed)
{
	ControlMessage m = {.type = CONTROL_GREETED};

	if (ConfigReloadPending || PgReloadTime != greeted_under)
		return;
	m.slot = pooler_client_slot(packed);
	m.generation = pooler_client_generation(packed);
	m.text = pooler_shmem_allocate(greeting.len, NULL);
	if (!DsaPointerIsValid(m.text))
		return;
	POOLER_INJECT("greet-publish");
	memcpy(dsa_get_address(pooler_shmem_dsa(), m.text), greeting.data,
		   greeting.len);
	m.len = greeting.len;
	m.record = client->record;
	m.encoding = client->encoding;
	m.idle_session_timeout_ms = client->idle_session_timeout_ms;
	pooler_records_ref(m.record);
	pooler_backend_tell_message(&m);
}
