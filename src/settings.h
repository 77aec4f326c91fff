/*
 * settings.h
 *	  Carries a client's settings from backend to backend.
 *
 * src/settings.h
 */
#ifndef POOLER_SETTINGS_H
#define POOLER_SETTINGS_H

#include "lib/stringinfo.h"

typedef enum SettingsResult
{
	SETTINGS_OK,
	SETTINGS_PIN,				/* cannot be carried: keep client and backend together */
	SETTINGS_CLOSE				/* this backend cannot take the state: close it */
} SettingsResult;

/* At the first boundary after birth: reads the base, checks internals. */
extern void pooler_settings_init(void);

/* What the client set and has been told, as bytes for pooler_records_intern().
 * At a boundary, outside any transaction.  SETTINGS_OK or SETTINGS_PIN. */
extern SettingsResult pooler_settings_collect(StringInfo out);

/* From whatever is loaded to the state of these bytes (len 0: the base). Tells
 * the client, through pq_putmessage, what differs from what it was told. */
extern SettingsResult pooler_settings_load(const char *data, int len);

/* To the base. False: it cannot be had again, close this backend. */
extern bool pooler_settings_unload(void);

/* The startup packet's settings (name\0value\0...), over the loaded base, with the
 * rules and errors of process_startup_options(); inside a transaction of its
 * own.  A bad value is FATAL, as on a direct connection. */
extern void pooler_settings_login(const char *pairs, int len);

/* Appends one ParameterStatus message for each reported setting, as
 * BeginReportingGUCOptions() would send them, and notes them as told. */
extern void pooler_settings_greeting(StringInfo out);

/* A reload is pending or went by while a client's values were loaded. */
extern bool pooler_settings_reload_due(void);

/* Unloads, lets the server process the file, reads the base anew. False: as
 * pooler_settings_unload(). */
extern bool pooler_settings_reload(void);

#endif							/* POOLER_SETTINGS_H */
