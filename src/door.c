/*
 * door.c
 *	  Connections that come when nobody is let in: cancel requests are served.
 *
 * When max_client_conn is reached, and in a smart shutdown, a connection gets no
 * slot. It may bring a cancel request all the same, and the only way to end a
 * statement must not depend on a free place: as in ProcessStartupPacket() the
 * refusal comes after what the client has to say.
 *
 *	  free -> taken			[pooler_door_take]
 *	  taken -> free			[look]: a request served, anybody else refused
 *	  taken -> free			[take_place, pooler_door_upkeep]: it said nothing
 *
 * Nobody is trusted. There are few places; who comes when all are taken gets that
 * of the oldest, so that silent connections keep nobody out. No more is kept of
 * one than a cancel request is long, and none for long. They are no clients:
 * they have no slot, and their files are counted apart (worker.c).
 *
 * src/door.c
 */
#include "postgres.h"

#include <sys/socket.h>
#include <unistd.h>

#include "utils/timestamp.h"

#include "answer.h"
#include "door.h"
#include "evloop.h"
#include "shmem.h"
#include "since.h"
#include "wire.h"

#define PLACES			64		/* more than come in a turn (admit.c) */
#define TIME_MS			5000	/* to say what it wants */
#define REQUEST_MAX		16		/* a cancel request */
#define LAST_READS		4

typedef struct Place
{
	bool		taken;
	int			fd;
	uint32		stamp;			/* of those that had this place */
	TimestampTz since;
	bool		asked_ssl;
	bool		asked_gss;
	int			len;
	char		in[REQUEST_MAX];
} Place;

static Place places[PLACES];
static bool shut = false;

int
pooler_door_files(void)
{
	return PLACES;
}

void
pooler_door_shut(void)
{
	shut = true;
}

bool
pooler_door_is_shut(void)
{
	return shut;
}

/* ---- refusal ---- */

/* What the client has sent is thrown away: closed with bytes unread the
 * connection would be reset, and the client might lose what is said. */
static void
say(int fd, const char *sqlstate, const char *message, const char *detail,
	const char *hint)
{
	char		rest[8192];
	StringInfoData out;

	initStringInfo(&out);
	pooler_wire_put_error(&out, "FATAL", sqlstate, message, detail, hint);
	(void) send(fd, out.data, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	pfree(out.data);
	for (int n = 0; n < LAST_READS; n++)
	{
		if (recv(fd, rest, sizeof(rest), MSG_DONTWAIT) <= 0)
			break;
	}
	(void) shutdown(fd, SHUT_WR);
}

void
pooler_door_refuse(int fd, const char *message, const char *detail,
				   const char *hint)
{
	say(fd, "53300", message, detail, hint);
	close(fd);
}

static void
drop(Place *p)
{
	if (!p->taken)
		return;
	p->taken = false;
	p->stamp++;
	pooler_evloop_remove(p->fd);
	close(p->fd);
}

static void
refuse(Place *p)
{
	if (shut)
		say(p->fd, "57P03", "the database system is shutting down", NULL,
			NULL);
	else
		say(p->fd, "53300", "sorry, too many clients already",
			psprintf("pooler serves at most %d clients.",
					 pooler_shared->clients_allowed),
			"Raise pooler.max_client_conn.");
	drop(p);
}

/* ---- what it wants ---- */

/* TLS or GSS: as in login.c, once, and with nothing behind it. */
static void
deny(Place *p, bool *asked, int len)
{
	if (*asked || p->len > len ||
		send(p->fd, "N", 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
	{
		drop(p);
		return;
	}
	*asked = true;
	p->len = 0;
}

static void
look(Place *p)
{
	WireStartup startup;

	switch (pooler_wire_startup(p->in, p->len, &startup))
	{
		case WIRE_MORE:
			/* longer than what is served here */
			if (p->len == REQUEST_MAX)
				refuse(p);
			return;
		case WIRE_BAD:
			drop(p);
			return;
		case WIRE_OK:
			break;
	}
	switch (startup.kind)
	{
		case STARTUP_SSL:
			deny(p, &p->asked_ssl, startup.len);
			break;
		case STARTUP_GSS:
			deny(p, &p->asked_gss, startup.len);
			break;
		case STARTUP_CANCEL:
			pooler_answer_cancel_request(startup.cancel_pid,
										 startup.cancel_key);
			drop(p);
			break;
		case STARTUP_PACKET:
			refuse(p);
			break;
	}
}

static void
read_on(Place *p)
{
	ssize_t		n = recv(p->fd, p->in + p->len, REQUEST_MAX - p->len,
						 MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
	{
		drop(p);
		return;
	}
	p->len += n;
	look(p);
}

void
pooler_door_event(int index, uint32 stamp)
{
	if (places[index].taken && places[index].stamp == stamp)
		read_on(&places[index]);
}

void
pooler_door_failed(int index, uint32 stamp)
{
	if (places[index].stamp == stamp)
		drop(&places[index]);
}

/* ---- places ---- */

/* A free place, or that of the oldest. */
static Place *
take_place(void)
{
	Place	   *oldest = &places[0];

	for (int i = 0; i < PLACES; i++)
	{
		if (!places[i].taken)
			return &places[i];
		if (places[i].since < oldest->since)
			oldest = &places[i];
	}
	refuse(oldest);
	return oldest;
}

void
pooler_door_take(int fd)
{
	Place	   *p = take_place();

	p->taken = true;
	p->fd = fd;
	p->since = GetCurrentTimestamp();
	p->asked_ssl = p->asked_gss = false;
	p->len = 0;
	pooler_evloop_add(fd, false, EVENT_DOOR, p - places, p->stamp);
	/* most have said it by now: they need no other turn */
	read_on(p);
}

void
pooler_door_upkeep(TimestampTz now)
{
	for (int i = 0; i < PLACES; i++)
	{
		if (places[i].taken &&
			pooler_since_exceeds(places[i].since, now, TIME_MS))
			refuse(&places[i]);
	}
}

void
pooler_door_follow_clock(const ClockStep *step)
{
	for (int i = 0; i < PLACES; i++)
		pooler_since_follow(&places[i].since, step);
}
