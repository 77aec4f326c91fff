/*
 * identity.c
 *	  Whom a backend shows as its client.
 *
 * Log lines and inet_client_addr() read MyProcPort, pg_stat_activity reads
 * MyBEEntry. Both are set to the client when it is taken, and to nobody when it
 * is given up: an idle backend shows that it is the pooler's, and neither an address
 * nor a query that somebody ran. The application's name follows from its setting (settings.c);
 * only its absence is written here. Port's caches of the TCP settings belong to
 * one socket and are made unknown at every change.
 *
 * src/identity.c
 */
#include "postgres.h"

#include "libpq/libpq-be.h"
#include "miscadmin.h"
#include "utils/backend_status.h"

#include "identity.h"

/* In pg_stat_activity, between clients. */
#define NOBODY_NAME		"pooler"

static void
forget_socket_caches(Port *port)
{
	port->keepalives_idle = 0;
	port->keepalives_interval = 0;
	port->keepalives_count = 0;
	port->tcp_user_timeout = 0;
	port->default_keepalives_idle = 0;
	port->default_keepalives_interval = 0;
	port->default_keepalives_count = 0;
	port->default_tcp_user_timeout = 0;
}

void
pooler_identity_show(PoolerClient *client)
{
	PgBackendStatus *entry = MyBEEntry;

	MyProcPort->raddr = client->raddr;
	MyProcPort->laddr = client->laddr;
	MyProcPort->remote_host = client->remote_host;
	MyProcPort->remote_port = client->remote_port;
	MyProcPort->remote_hostname = NULL;
	forget_socket_caches(MyProcPort);
	PGSTAT_BEGIN_WRITE_ACTIVITY(entry);
	memcpy(&entry->st_clientaddr, &client->raddr,
		   sizeof(SockAddr));
	entry->st_clienthostname[0] = '\0';
	strlcpy(entry->st_appname, client->application_name,
			NAMEDATALEN);
	PGSTAT_END_WRITE_ACTIVITY(entry);
}

void
pooler_identity_hide(void)
{
	PgBackendStatus *entry = MyBEEntry;

	MyProcPort->remote_host = "[local]";
	MyProcPort->remote_port = "";
	PGSTAT_BEGIN_WRITE_ACTIVITY(entry);
	memset(&entry->st_clientaddr, 0, sizeof(SockAddr));
	entry->st_activity_raw[0] = '\0';
	entry->st_query_id = 0;
	strlcpy(entry->st_appname, NOBODY_NAME, NAMEDATALEN);
	PGSTAT_END_WRITE_ACTIVITY(entry);
}
