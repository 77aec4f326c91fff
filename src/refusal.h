/*
 * refusal.h
 *	  What the server said when it refused a login, out of libpq's text.
 *
 * src/refusal.h
 */
#ifndef POOLER_REFUSAL_H
#define POOLER_REFUSAL_H

#include "shmem.h"

/* A CONNECTION LIMIT, which counts backends. */
typedef enum RefusedBy
{
	REFUSED_OTHERWISE,
	REFUSED_BY_ROLE_LIMIT,
	REFUSED_BY_DATABASE_LIMIT
} RefusedBy;

typedef struct Refusal
{
	char		sqlstate[6];	/* "": not the server's word */
	char		message[POOLER_MAX_MESSAGE];
	char		detail[POOLER_MAX_MESSAGE]; /* "": none */
	char		hint[POOLER_MAX_MESSAGE];
	RefusedBy	by;
} Refusal;

/* `text` is PQerrorMessage() with PQERRORS_VERBOSE. False: it is libpq's own
 * word, such as that the connection was lost; then it is the whole message. */
extern bool pooler_refusal_read(const char *text, Refusal *refusal);

/* The server's rules (pg_hba.conf) do not let us in. */
extern bool pooler_refusal_by_rules(const Refusal *refusal);

#endif							/* POOLER_REFUSAL_H */
