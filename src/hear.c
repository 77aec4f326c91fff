/*
 * hear.c
 *	  What backends tell the worker (control.h).
 *
 *	  BORN -> LEAVING		[now_leaving]: it says so and owns nothing
 *
 * What one says of a client counts only while it owns it.
 *
 * src/hear.c
 */
#include "postgres.h"

#include <sys/socket.h>
#include <unistd.h>

#include "libpq/libpq.h"

#include "admit.h"
#include "client.h"
#include "control.h"
#include "evloop.h"
#include "hear.h"
#include "member.h"
#include "net.h"
#include "pool.h"
#include "records.h"

static void
send_file(int member, const ControlMessage *request)
{
	ControlMessage answer = *request;
	int			fd = pooler_shared->base_fd + request->slot;
	bool		have = pooler_client_is(request->slot, request->generation);

	answer.type = have ? CONTROL_FILE : CONTROL_NO_FILE;
	/* one request at a time: the socket cannot be full */
	if (!pooler_net_send(pooler_worker_members[member].control, &answer,
						 sizeof(answer), &fd, have ? 1 : 0))
		ereport(LOG,
				(errcode_for_socket_access(),
				 errmsg("could not send a client's socket to backend %d: %m",
						(int) pooler_members[member].pid)));
}

static void
take_greeting(const ControlMessage *m)
{
	dsa_area   *area = pooler_shmem_dsa();

	if (pooler_client_is(m->slot, m->generation))
		pooler_admit_greeted(m->slot, m, dsa_get_address(area, m->text));
	else
		pooler_records_unref(m->record);
	dsa_free(area, m->text);
}

static void
now_leaving(int member)
{
	PoolerMember *m = &pooler_members[member];

	if (m->state != MEMBER_BORN)
		return;
	m->state = MEMBER_LEAVING;
	pooler_member_leave_route(m, true);
	m->route = POOLER_NO_ROUTE;
	pooler_worker_pools[m->pool].dirty = true;
}

static bool
takes_over(int member, const ControlMessage *m)
{
	return m->slot < pooler_shared->max_clients &&
		pooler_member_owned(&pooler_members[member],
							pooler_client_pack(m->slot, m->generation));
}

static void
serve_message(int member, const ControlMessage *m)
{
	switch (m->type)
	{
		case CONTROL_FETCH:
			if (m->slot < pooler_shared->max_clients)
				send_file(member, m);
			break;
		case CONTROL_CLOSED:
			if (takes_over(member, m))
				pooler_client_close(m->slot);
			break;
		case CONTROL_MISPLACED:
			if (takes_over(member, m))
				pooler_client_misplaced(m->slot);
			break;
		case CONTROL_HUNG_UP:
			if (takes_over(member, m))
				pooler_client_hung_up(m->slot);
			break;
		case CONTROL_GREETED:
			take_greeting(m);
			break;
		case CONTROL_LEAVING:
			now_leaving(member);
			break;
		case CONTROL_FILE:
		case CONTROL_NO_FILE:
			break;				/* the worker's own words */
	}
}

/* All that it has said: who left makes room for those who come (worker.c). */
void
pooler_hear(int member)
{
	PoolerMember *m = &pooler_members[member];
	WorkerMember *w = &pooler_worker_members[member];

	while (m->state != MEMBER_FREE && w->control >= 0)
	{
		ControlMessage message;
		int			n = recv(w->control, &message, sizeof(message),
							 MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n == sizeof(message))
			serve_message(member, &message);
		else if (m->state == MEMBER_BIRTH)
		{
			/* libpq will say why it ended */
			pooler_evloop_remove(w->control);
			close(w->control);
			w->control = -1;
		}
		else
			pooler_member_drop(member);
	}
}
