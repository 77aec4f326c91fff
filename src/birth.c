/*
 * birth.c
 *	  A pooled backend's life up to its first client.
 *
 * The worker opens a backend with libpq under a reserved name that no role has.
 * ClientAuthentication_hook runs in it after authentication and before the name
 * is looked up, and waits there:
 *
 *	  OPENING -> UNBORN [be_unborn] -> BIRTH [be_born] -> BORN [handoff.c]
 *
 * Unborn it is in no transaction and has no identity: any role of the pool may
 * become its role. The birth message names that role; its name is written into
 * the buffer that port->user_name points to, which is the very pointer that
 * InitPostgres() was given, and the hook returns. Everything after that is
 * PostgreSQL's own login: permission, limits, settings, log lines. Should the
 * hook not be there, the login fails for want of such a role: it fails closed.
 *
 * Who may speak the reserved name: the worker, recognised by SO_PEERCRED (the
 * server's own OS user, the worker's pid) and by a random nonce of its life,
 * for a pid alone may be a stale one. Anybody else is refused.
 *
 * src/birth.c
 */
#include "postgres.h"

#include <sys/socket.h>

#include "access/xact.h"
#include "libpq/auth.h"
#include "libpq/libpq.h"
#include "libpq/libpq-be.h"
#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "postmaster/postmaster.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "storage/sinval.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/ps_status.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

#include "auth.h"
#include "backend.h"
#include "birth.h"
#include "compat.h"
#include "control.h"
#include "counters.h"
#include "handoff.h"
#include "inject.h"
#include "net.h"

/* How often an unborn backend shows that it is alive. */
#define ALIVE_MS 1000


static ClientAuthentication_hook_type prev_authentication_hook = NULL;

StaticAssertDecl(sizeof(POOLER_RESERVED_USER) == NAMEDATALEN,
				 "the reserved name fills a role name's buffer");

static void
refuse(const char *detail)
{
	ereport(FATAL,
			(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
			 errmsg("this user name is reserved for pooler's own backends"),
			 errdetail_log("%s", detail)));
}

/* Is the peer of this connection the worker of this server? */
static void
check_peer(Port *port)
{
	struct ucred peer;
	socklen_t	len = sizeof(peer);

	if (pooler_shared == NULL || pooler_shared->worker_pid == 0)
		refuse("The pooler is not running.");
	if (port->raddr.addr.ss_family != AF_UNIX)
		refuse("It came over the network.");
	if (getsockopt(port->sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		refuse("The peer's credentials cannot be read.");
	if (peer.uid != geteuid() || peer.pid != pooler_shared->worker_pid)
		refuse("The peer is not the pooler's worker.");
}

/*
 * The member number, the opening's and the nonce travel as application_name.
 * Both it and the startup options are then forgotten, or the views would show
 * the nonce. One that is late finds its place taken or given to another.
 */
static int
check_nonce(Port *port)
{
	int			member = -1;
	uint32		opening = 0;
	char		nonce[40];
	Size		len = strlen(pooler_shared->nonce);

	if (port->application_name == NULL ||
		sscanf(port->application_name, "pooler:%d:%u:%39s", &member, &opening,
			   nonce) != 3)
		refuse("The startup packet carries no nonce.");
	if (strlen(nonce) != len || timingsafe_bcmp(nonce, pooler_shared->nonce,
												len) != 0)
		refuse("The nonce is not this worker's.");
	if (member < 0 || member >= pooler_shared->max_members ||
		pooler_members[member].state != MEMBER_OPENING ||
		pooler_members[member].opening != opening)
		refuse("No such backend is awaited.");
	port->guc_options = NIL;
	port->cmdline_options = NULL;
	port->application_name = NULL;
	return member;
}

/* Every exit of this process: whoever counts on it must not. */
static void
before_exit(int code, Datum arg)
{
	pooler_handoff_exit(code != 0);
}

static void
introduce(int member)
{
	PoolerMember *m = &pooler_members[member];

	pooler_self.index = member;
	pooler_self.member = m;
	m->pid = MyProcPid;
	m->pgprocno = pooler_procno(MyProc);
	m->status = MyBEEntry;
	m->alive_at = GetCurrentTimestamp();
	before_shmem_exit(before_exit, 0);
}

/*
 * The interrupts of a backend that waits without a transaction. SIGTERM first:
 * CHECK_FOR_INTERRUPTS() would say something to the worker's connection.
 */
static void
serve_interrupts(void)
{
	if (ProcDiePending)
		proc_exit(0);
	pooler_backend_drop_cancel();
	CHECK_FOR_INTERRUPTS();
	if (catchupInterruptPending)
		ProcessCatchupInterrupt();
	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
	if (pg_atomic_read_u32(&pooler_self.member->leave))
		proc_exit(0);
}

/*
 * Leaves the transaction that InitPostgres() is in, so that the wait holds no
 * snapshot, no lock and no time-out, and says that it is there.
 */
static void
be_unborn(Port *port)
{
	UnbornMessage hello;

	disable_timeout(STATEMENT_TIMEOUT, false);
	CommitTransactionCommand();
	/* else a SIGTERM would read "canceling authentication due to timeout" */
	ClientAuthInProgress = false;
	set_ps_display("pooler: unborn");
	hello.magic = CONTROL_UNBORN_MAGIC;
	hello.member = pooler_self.index;
	hello.pid = MyProcPid;
	if (!pooler_net_send(port->sock, &hello, sizeof(hello), NULL, 0))
		proc_exit(0);
}

/* Waits for the birth message, however long. EOF: the worker wants us gone. */
static void
await_birth(Port *port, BirthMessage *birth, int *fds)
{
	static uint32 wait_event = 0;
	int			got = 0;
	int			nfds = 0;

	fds[2] = -1;
	while (got < (int) sizeof(*birth))
	{
		int			here[NET_MAX_FDS];
		int			n_here;
		int			n = pooler_net_receive(port->sock, (char *) birth + got,
										   sizeof(*birth) - got, here,
										   &n_here);

		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			proc_exit(0);
		for (int i = 0; n > 0 && i < n_here && nfds < NET_MAX_FDS; i++)
			fds[nfds++] = here[i];
		if (n > 0)
		{
			got += n;
			continue;
		}
		(void) WaitLatchOrSocket(MyLatch,
								 WL_LATCH_SET | WL_SOCKET_READABLE |
								 WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
								 port->sock, ALIVE_MS,
								 pooler_wait_event(&wait_event, "PoolerUnborn"));
		ResetLatch(MyLatch);
		pooler_self.member->alive_at = GetCurrentTimestamp();
		serve_interrupts();
	}
	/* it may have come together with a SIGTERM */
	serve_interrupts();
	if (birth->magic != CONTROL_BIRTH_MAGIC || nfds < 2 ||
		birth->member != pooler_self.index)
		ereport(FATAL,
				(errcode(ERRCODE_PROTOCOL_VIOLATION),
				 errmsg("malformed birth message from the pooler")));
}

/*
 * Becomes the role: back into a transaction exactly as InitPostgres() left it,
 * and its name into the buffer that InitPostgres() will read.
 */
static void
be_born(Port *port, const BirthMessage *birth, const int *fds)
{
	pooler_self.control = fds[0];
	pooler_self.route_epoll = fds[1];
	pooler_self.worker = fds[2];
	pooler_self.pool = &pooler_pools[birth->pool];
	pooler_self.route = &pooler_routes[birth->route];
	pooler_self.route_index = birth->route;
	pooler_counters_start(pooler_self.member, birth->pool, birth->route);
	pooler_self.role = birth->role;
	pooler_self.superuser = birth->superuser;
	strlcpy(pooler_self.role_name, birth->role_name, NAMEDATALEN);

	ClientAuthInProgress = true;
	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	XactIsoLevel = XACT_READ_COMMITTED;
	(void) GetTransactionSnapshot();
	enable_timeout_after(STATEMENT_TIMEOUT, AuthenticationTimeout * 1000);

	strlcpy(port->user_name, birth->role_name, NAMEDATALEN);
	init_ps_display(psprintf("%s %s pooler", port->user_name,
							 port->database_name));
	pooler_backend_waive_reserved();
	/* it would be the worker's: a policy must not take a client for that */
	pooler_forget_system_user();
	pooler_handoff_wrap();
}

static void
authentication_hook(Port *port, int status)
{
	BirthMessage birth;
	int			fds[NET_MAX_FDS];

	pooler_auth_release();
	if (prev_authentication_hook)
		prev_authentication_hook(port, status);
	if (strcmp(port->user_name, POOLER_RESERVED_USER) != 0 ||
		status != STATUS_OK)
		return;
	check_peer(port);
	introduce(check_nonce(port));
	POOLER_INJECT("birth-introduced");
	pooler_handoff_raise_files();
	be_unborn(port);
	POOLER_INJECT("birth-unborn");
	await_birth(port, &birth, fds);
	POOLER_INJECT("birth-message");
	be_born(port, &birth, fds);
	POOLER_INJECT("birth-named");
}

/* In _PG_init: remembers whether another module came before us. */
void
pooler_birth_install(void)
{
	prev_authentication_hook = ClientAuthentication_hook;
	ClientAuthentication_hook = authentication_hook;
}

/*
 * Modules such as auth_delay, credcheck or sepgsql decide in this hook about
 * the user who logs in. In a pooled backend they would see the reserved name
 * only, and nobody's login in the worker: the pooler must not run beside them.
 */
bool
pooler_birth_foreign_hook(void)
{
	return prev_authentication_hook != NULL ||
		ClientAuthentication_hook != authentication_hook;
}
