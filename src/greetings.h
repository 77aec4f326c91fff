/*
 * greetings.h
 *	  Ends of logins that backends have made, for the worker to say again.
 *
 * src/greetings.h
 */
#ifndef POOLER_GREETINGS_H
#define POOLER_GREETINGS_H

#include "shmem.h"

typedef struct Greeting
{
	Oid			role;
	Oid			database;
	uint64		catalog_generation;
	char	   *startup;		/* name\0value\0... */
	char	   *text;			/* ParameterStatus messages */
	int			startup_len;
	int			text_len;
	uint32		record;			/* of the settings; holds a reference */
	int			encoding;		/* the client's */
	int			idle_session_timeout_ms;	/* see PoolerClient */
	uint64		used;			/* for LRU */
} Greeting;

extern const Greeting *pooler_greetings_find(Oid role, Oid database,
											 uint64 catalog_generation,
											 const char *startup,
											 int startup_len);

/* Copies it, and takes over the record's reference. */
extern void pooler_greetings_add(const Greeting *greeting);

/* The settings' defaults may have changed. */
extern void pooler_greetings_forget_all(void);

#endif							/* POOLER_GREETINGS_H */
