/*
 * wire.h
 *	  Messages of the v3 protocol in memory: bounds-checked, no I/O.
 *
 * src/wire.h
 */
#ifndef POOLER_WIRE_H
#define POOLER_WIRE_H

#include "lib/stringinfo.h"

typedef enum WireResult
{
	WIRE_MORE,					/* not whole yet */
	WIRE_OK,
	WIRE_BAD					/* no such message can follow: close */
} WireResult;

/* What opens a connection. */
typedef enum WireStartupKind
{
	STARTUP_SSL,				/* SSLRequest */
	STARTUP_GSS,				/* GSSENCRequest */
	STARTUP_CANCEL,				/* CancelRequest: pid, key */
	STARTUP_PACKET				/* protocol 3.x: parameters */
} WireStartupKind;

/* The server's MAX_STARTUP_PACKET_LENGTH, and the length word before it. */
#define WIRE_MAX_STARTUP	10004

typedef struct WireStartup
{
	WireStartupKind kind;
	int			len;			/* bytes of this packet */
	int			major;
	int			minor;
	int32		cancel_pid;
	int32		cancel_key;
	const char *params;			/* name\0value\0... without the last \0 */
	int			params_len;
} WireStartup;

/* Reads a startup packet from len bytes at data; points into them. */
extern WireResult pooler_wire_startup(const char *data, int len,
									  WireStartup *startup);

/* The value of a parameter in name\0value\0..., or NULL. */
extern const char *pooler_wire_param(const char *params, int len,
									 const char *name);

#define WIRE_MESSAGE_HEAD	5	/* type and length */

/* Type and whole length (type byte included) of the message at data. */
extern WireResult pooler_wire_message(const char *data, int len, char *type,
									  int64 *whole);

/* The text of the first Query or Parse among len bytes at data, as far as it is
 * there, without a NUL of its own; NULL: there is none, or something else that
 * runs comes before it. */
extern const char *pooler_wire_statement(const char *data, int len,
										 int *text_len);

/* The server's words for 57P01. */
#define WIRE_ADMIN_SHUTDOWN	"terminating connection due to administrator command"

/* Appends messages. */
extern void pooler_wire_put(StringInfo out, char type, const char *body,
							int len);
extern void pooler_wire_put_error(StringInfo out, const char *severity,
								  const char *sqlstate, const char *message,
								  const char *detail, const char *hint);
extern void pooler_wire_put_notice(StringInfo out, const char *severity,
								   const char *sqlstate, const char *message,
								   const char *detail, const char *hint);
extern void pooler_wire_put_auth(StringInfo out, int32 code, const char *data,
								 int len);
extern void pooler_wire_put_parameter(StringInfo out, const char *name,
									  const char *value);
extern void pooler_wire_put_key(StringInfo out, int32 pid, int32 key);
extern void pooler_wire_put_ready(StringInfo out, char status);

/* NegotiateProtocolVersion where the client needs it; false: it does not. */
extern bool pooler_wire_put_negotiate(StringInfo out,
									  const WireStartup *startup,
									  int newest_minor);

/*
 * The books of the extended protocol, where the worker answers in the server's
 * place: skips a client's bytes up to the end of its batch (a simple Query or
 * FunctionCall, or everything up to and with Sync).
 */
typedef struct WireBatch
{
	int64		skip;			/* bytes of a message still to come */
	bool		ends;			/* ... with which the batch ends */
	bool		extended;		/* seen something that needs a Sync */
	bool		goodbye;		/* WIRE_BAD, because it was a Terminate */
	char		head[5];
	int			head_len;
} WireBatch;

/* Both of these: */
typedef WireResult (*WireReader) (WireBatch *batch, const char *data, int len,
								  int *used);

/* Consumes from data; *used says how much. WIRE_OK: the batch has ended there;
 * WIRE_MORE: all consumed, and it has not; WIRE_BAD: close. */
extern WireResult pooler_wire_batch(WireBatch *batch, const char *data,
									int len, int *used);

/* Consumes what is answered by nothing and begins no batch. WIRE_OK: behind it
 * something else begins; WIRE_MORE: all consumed, maybe within a message. */
extern WireResult pooler_wire_unanswered(WireBatch *batch, const char *data,
										 int len, int *used);
extern bool pooler_wire_is_within(const WireBatch *batch);

/* A message that by itself yields no answer: a Flush, and what is sent in a COPY,
 * when there is none any more. */
static inline bool
pooler_wire_is_unanswered(char type)
{
	return type == 'H' || type == 'd' || type == 'c' || type == 'f';
}

#endif							/* POOLER_WIRE_H */
