/*
 * auth_dialog.c
 *	  Logs clients in, in the worker, by the server's own pg_hba.conf.
 *
 * The dialog of ClientAuthentication() and what it calls (auth.c, auth-sasl.c
 * of the server) as steps that never wait: each takes one message of the client
 * and appends the answer. Lines are matched, secrets read and proofs verified
 * by the server's own functions; only the dialog around them is ours, for the
 * server's reads from a blocking socket.
 *
 *	  START			-> trust: OK; reject, no line, other methods: FAILED
 *					-> MD5 or SASL_FIRST		[begin_password]
 *	  MD5			-> OK or FAILED				[check_md5]
 *	  SASL_FIRST	-> SASL						[check_sasl]
 *	  SASL			-> SASL, OK or FAILED		[check_sasl]
 *
 * Nobody learns here whether a role exists: as in the server a role without a
 * usable secret goes through the same dialog with a mock one, and fails at its
 * end with the same words. The reason is in the server's log.
 *
 * Each step is a transaction, which catalogs and pg_hmac_create() need. An
 * ERROR in it, which a malformed SCRAM message is, becomes a FATAL to the
 * client, as in a backend. All memory is the login's own context.
 *
 * Not done here: channel binding and everything else of TLS; methods that ask
 * somebody else (ldap, radius, pam, ident ...) or that need a slow hash of a
 * clear-text password; name servers (auth_hba.c); authorization (auth_role.c).
 *
 * src/auth_dialog.c
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/user.h"
#include "common/ip.h"
#include "libpq/auth.h"
#include "libpq/crypt.h"
#include "libpq/libpq-be.h"
#include "libpq/pqformat.h"
#include "libpq/scram.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "utils/catcache.h"
#include "utils/memutils.h"

#include "auth_cache.h"
#include "auth_refuse.h"
#include "compat.h"
#include "wire.h"

#define MAX_SASL_MESSAGE	1024	/* as PG_MAX_SASL_MESSAGE_LENGTH */
#define MD5_SALT_LEN		4
#define MOST_UNKNOWN		1000

typedef enum AuthState
{
	AUTH_START,
	AUTH_MD5,
	AUTH_SASL_FIRST,			/* SASLInitialResponse is awaited */
	AUTH_SASL,
	AUTH_DONE
} AuthState;

struct PoolerAuth
{
	MemoryContext cxt;
	AuthState	state;
	AuthNames	names;
	Port		port;			/* what the server's functions look at */
	UserAuth	method;			/* copied: port.hba is gone after a reload */
	char	   *line;			/* the same, as text for the log; or NULL */
	char	   *secret;			/* of pg_authid; NULL: bound to fail */
	const char *log_detail;		/* why that is so */
	uint8		md5_salt[MD5_SALT_LEN];
	void	   *sasl;
};

/*
 * Begins a login. Names are as they came in the startup packet; database may be
 * NULL or empty. Nothing of the arguments is kept but copies in cxt.
 */
PoolerAuth *
pooler_auth_begin(MemoryContext cxt, const char *user, const char *database,
				  const SockAddr *raddr, const SockAddr *laddr)
{
	PoolerAuth *auth = MemoryContextAllocZero(cxt, sizeof(PoolerAuth));

	auth->cxt = cxt;
	auth->state = AUTH_START;
	pooler_auth_names(&auth->names, user, database);
	auth->port.sock = PGINVALID_SOCKET;
	auth->port.raddr = *raddr;
	auth->port.laddr = *laddr;
	auth->port.user_name = auth->names.user;
	auth->port.database_name = auth->names.database;
	/* "An error in name resolution": lines with host names do not match */
	auth->port.remote_hostname_resolv = -2;
	return auth;
}

static AuthRefusal
refusal(PoolerAuth *auth, int sqlstate, const char *message)
{
	AuthRefusal why = {0};

	why.sqlstate = sqlstate;
	why.message = message;
	why.line = auth->line;
	why.client = &auth->port.raddr;
	return why;
}

static AuthResult
refuse(PoolerAuth *auth, int sqlstate, const char *message, StringInfo out)
{
	AuthRefusal why = refusal(auth, sqlstate, message);

	return pooler_auth_refuse(&auth->names, &why, out);
}

static AuthResult
refuse_message(PoolerAuth *auth, const char *message, StringInfo out)
{
	return refuse(auth, ERRCODE_PROTOCOL_VIOLATION, message, out);
}

/* As auth_failed() for these methods. */
static AuthResult
refuse_password(PoolerAuth *auth, StringInfo out)
{
	const char *message =
		psprintf(_("password authentication failed for user \"%s\""),
				 auth->names.user);
	AuthRefusal why = refusal(auth, ERRCODE_INVALID_PASSWORD, message);

	why.log_detail = auth->log_detail;
	return pooler_auth_refuse(&auth->names, &why, out);
}

/* The messages for uaReject and uaImplicitReject; nothing is encrypted. */
static AuthResult
refuse_host(PoolerAuth *auth, StringInfo out)
{
	const char *format = auth->method == uaReject ?
		_("pg_hba.conf rejects connection for host \"%s\", user \"%s\", database \"%s\", %s") :
		_("no pg_hba.conf entry for host \"%s\", user \"%s\", database \"%s\", %s");
	char		host[NI_MAXHOST];

	pg_getnameinfo_all(&auth->port.raddr.addr, auth->port.raddr.salen,
					   host, sizeof(host), NULL, 0, NI_NUMERICHOST);
	return refuse(auth, ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
				  psprintf(format, host, auth->names.user,
						   auth->names.database, _("no encryption")), out);
}

/* By its last name, for the client hears of it. */
static const char *
file_of_line(const HbaLine *line)
{
	const char *path = pooler_file_of_line(line);
	const char *slash = last_dir_separator(path);

	if (strcmp(path, HbaFileName) == 0)
		return "pg_hba.conf";
	return slash != NULL ? slash + 1 : path;
}

static AuthResult
refuse_method(PoolerAuth *auth, StringInfo out)
{
	const char *message =
		psprintf("authentication method \"%s\" of %s line %d is not supported by pooler",
				 hba_authname(auth->method), file_of_line(auth->port.hba),
				 auth->port.hba->linenumber);
	AuthRefusal why = refusal(auth, ERRCODE_FEATURE_NOT_SUPPORTED, message);

	why.hint = "Use scram-sha-256, md5 or trust for clients of pooler, or connect to the server's own port.";
	return pooler_auth_refuse(&auth->names, &why, out);
}

/* SQLSTATE and texts of an ERROR, as they would have reached the client. */
static AuthResult
refuse_error(PoolerAuth *auth, const ErrorData *error, StringInfo out)
{
	AuthRefusal why = refusal(auth, error->sqlerrcode,
							  error->message ? error->message :
							  _("missing error text"));

	why.detail = error->detail;
	why.hint = error->hint;
	why.log_detail = error->detail_log;
	return pooler_auth_refuse(&auth->names, &why, out);
}

/* The log line of set_authn_id(), or what is said instead where trust has none. */
static void
log_success(PoolerAuth *auth)
{
	if (!pooler_logs_authentication())
		return;
	if (auth->method != uaTrust)
		ereport(LOG,
				(errmsg_internal("connection authenticated: identity=\"%s\" method=%s",
								 pooler_auth_clean(auth->names.user),
								 hba_authname(auth->method)),
				 errdetail_internal("%s", auth->line), errhidestmt(true)));
	else if (POOLER_LOGS_TRUST)
		ereport(LOG,
				(errmsg_internal("connection authenticated: user=\"%s\" method=%s (%s:%d)",
								 pooler_auth_clean(auth->names.user),
								 hba_authname(auth->method),
								 pooler_file_of_line(auth->port.hba),
								 auth->port.hba->linenumber),
				 errhidestmt(true)));
}

static AuthResult
succeed(PoolerAuth *auth, StringInfo out)
{
	auth->state = AUTH_DONE;
	log_success(auth);
	pooler_wire_put_auth(out, AUTH_REQ_OK, NULL, 0);
	return AUTH_OK;
}

/* As CheckMD5Auth(), up to where it waits. */
static AuthResult
begin_md5(PoolerAuth *auth, StringInfo out)
{
	if (!pg_strong_random(auth->md5_salt, MD5_SALT_LEN))
	{
		auth->log_detail = "Could not generate random MD5 salt.";
		return refuse_password(auth, out);
	}
	pooler_wire_put_auth(out, AUTH_REQ_MD5, (const char *) auth->md5_salt,
						 MD5_SALT_LEN);
	auth->state = AUTH_MD5;
	return AUTH_MORE;
}

/* As CheckSASLAuth(), up to where it waits. */
static AuthResult
begin_sasl(PoolerAuth *auth, StringInfo out)
{
	StringInfoData mechanisms;

	initStringInfo(&mechanisms);
	pg_be_scram_mech.get_mechanisms(&auth->port, &mechanisms);
	appendStringInfoChar(&mechanisms, '\0');
	pooler_wire_put_auth(out, AUTH_REQ_SASL, mechanisms.data, mechanisms.len);
	auth->state = AUTH_SASL_FIRST;
	return AUTH_MORE;
}

/*
 * As CheckPWChallengeAuth(): "md5" lines use SCRAM where the secret is one, and
 * for a role without a secret what most genuine roles have.
 */
static AuthResult
begin_password(PoolerAuth *auth, StringInfo out)
{
	PasswordType type = Password_encryption;

	auth->secret = get_role_password(auth->names.user, &auth->log_detail);
	if (auth->secret != NULL)
		type = get_password_type(auth->secret);
	if (auth->method == uaMD5 && type == PASSWORD_TYPE_MD5)
		return begin_md5(auth, out);
	return begin_sasl(auth, out);
}

/* Copies what is needed of the line, which dies at the next reload. */
static void
match_line(PoolerAuth *auth)
{
	hba_getauthmethod(&auth->port);
	auth->method = auth->port.hba->auth_method;
	if (auth->method != uaImplicitReject)
		auth->line = pooler_describe_line(auth->port.hba);
}

/*
 * Matching asks the server's catalog cache for the user, and for a samerole line
 * for a role called as the database. What does not exist is kept there, too, for
 * the life of this process: anybody could fill its memory with names.
 */
static void
bound_unknown(PoolerAuth *auth)
{
	static int	unknown = 0;
	AuthRole	role;
	AuthDatabase database;
	bool		has_role = pooler_auth_find_role(auth->names.user, InvalidOid,
												 &role);

	/* in any case: else the time that it takes would tell of the role */
	if (pooler_auth_find_database(auth->names.database, InvalidOid,
								  &database) && has_role)
		return;
	if (++unknown < MOST_UNKNOWN)
		return;
	unknown = 0;
	ResetCatalogCaches();
}

static AuthResult
begin(PoolerAuth *auth, StringInfo out)
{
	if (!pooler_auth_lines_usable())
		return refuse(auth, ERRCODE_CONFIG_FILE_ERROR,
					  "pooler cannot use the server's pg_hba.conf", out);
	if (pooler_names_by_database())
		return refuse(auth, ERRCODE_FEATURE_NOT_SUPPORTED,
					  "pooler does not support \"db_user_namespace\"", out);
	if (!pooler_auth_lock_catalogs())
		return refuse(auth, ERRCODE_LOCK_NOT_AVAILABLE,
					  "catalogs of roles and databases are locked", out);
	bound_unknown(auth);
	match_line(auth);
	/* only hostssl lines may have it, and those match nobody here */
	if (auth->port.hba->clientcert != clientCertOff)
		return refuse(auth, ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
					  _("connection requires a valid client certificate"), out);
	if (auth->method == uaTrust)
		return succeed(auth, out);
	if (auth->method == uaReject || auth->method == uaImplicitReject)
		return refuse_host(auth, out);
	if (auth->method == uaMD5 || auth->method == uaSCRAM)
		return begin_password(auth, out);
	return refuse_method(auth, out);
}

/* As recv_password_packet() and the rest of CheckMD5Auth(). */
static AuthResult
check_md5(PoolerAuth *auth, const char *body, int len, StringInfo out)
{
	if (len < 1 || memchr(body, '\0', len) != body + len - 1)
		return refuse_message(auth, _("invalid password packet size"), out);
	if (len == 1)
		return refuse(auth, ERRCODE_INVALID_PASSWORD,
					  _("empty password returned by client"), out);
	if (auth->secret == NULL ||
		pooler_md5_verify(auth->names.user, auth->secret, body,
						  auth->md5_salt, MD5_SALT_LEN,
						  &auth->log_detail) != STATUS_OK)
		return refuse_password(auth, out);
	return succeed(auth, out);
}

/*
 * What is for the mechanism in a SASL message; NULL where the first one has no
 * initial response. Errors of pq_getmsg*() are the client's.
 */
static const char *
read_sasl(PoolerAuth *auth, StringInfo message, int *len)
{
	const char *input = NULL;

	*len = message->len;
	if (auth->state == AUTH_SASL_FIRST)
	{
		const char *mechanism = pq_getmsgrawstring(message);

		auth->sasl = pg_be_scram_mech.init(&auth->port, mechanism,
										   auth->secret);
		auth->state = AUTH_SASL;
		*len = (int) pq_getmsgint(message, 4);
	}
	if (*len != -1)
		input = pq_getmsgbytes(message, *len);
	pq_getmsgend(message);
	return input;
}

/* As the loop of CheckSASLAuth(). */
static AuthResult
check_sasl(PoolerAuth *auth, const char *body, int body_len, StringInfo out)
{
	StringInfoData message;
	const char *input;
	char	   *output = NULL;
	int			len;
	int			output_len = 0;
	int			result;

	/* The server counts the length word. */
	if (body_len + 4 > MAX_SASL_MESSAGE)
		return refuse_password(auth, out);
	/* a copy that has a NUL at its end, which the mechanism relies on */
	initStringInfo(&message);
	appendBinaryStringInfo(&message, body, body_len);
	input = read_sasl(auth, &message, &len);

	/*
	 * 18's SCRAM code leaves the client's keys in MyProcPort. This Port must do
	 * for that, but not longer: log_line_prefix takes names from it, raw.
	 */
	MyProcPort = &auth->port;
	result = pg_be_scram_mech.exchange(auth->sasl, input, len, &output,
									   &output_len, &auth->log_detail);
	MyProcPort = NULL;
	pooler_wipe_scram_keys(&auth->port);

	if (result == PG_SASL_EXCHANGE_FAILURE)
		return refuse_password(auth, out);
	if (output != NULL)
		pooler_wire_put_auth(out, result == PG_SASL_EXCHANGE_SUCCESS ?
							 AUTH_REQ_SASL_FIN : AUTH_REQ_SASL_CONT,
							 output, output_len);
	return result == PG_SASL_EXCHANGE_SUCCESS ? succeed(auth, out) : AUTH_MORE;
}

static AuthResult
take_answer(PoolerAuth *auth, const char *message, int len, StringInfo out)
{
	bool		md5 = auth->state == AUTH_MD5;
	int64		whole;
	char		type;

	if (pooler_wire_message(message, len, &type, &whole) != WIRE_OK ||
		whole != len || len > POOLER_AUTH_MAX_MESSAGE)
		return refuse_message(auth, _("invalid message length"), out);
	if (type != 'p')
		return refuse_message(auth,
							  psprintf(md5 ?
									   _("expected password response, got message type %d") :
									   _("expected SASL response, got message type %d"),
									   (unsigned char) type), out);
	message += WIRE_MESSAGE_HEAD;
	len -= WIRE_MESSAGE_HEAD;
	return md5 ? check_md5(auth, message, len, out) :
		check_sasl(auth, message, len, out);
}

static AuthResult
take_step(PoolerAuth *auth, const char *message, int len, StringInfo out)
{
	switch (auth->state)
	{
		case AUTH_START:
			return begin(auth, out);
		case AUTH_MD5:
		case AUTH_SASL_FIRST:
		case AUTH_SASL:
			return take_answer(auth, message, len, out);
		case AUTH_DONE:
			break;
	}
	return refuse_message(auth, "the login is over", out);
}

/* An ERROR of this step: out is put back to `start`, and the client told. */
static AuthResult
recover(PoolerAuth *auth, StringInfo out, int start)
{
	ErrorData  *error;

	MemoryContextSwitchTo(auth->cxt);
	error = CopyErrorData();
	FlushErrorState();
	AbortCurrentTransaction();
	MemoryContextSwitchTo(auth->cxt);
	out->len = start;
	out->data[start] = '\0';
	return refuse_error(auth, error, out);
}

/* One step of a login; see auth.h. Outside a transaction, and leaves none. */
AuthResult
pooler_auth_step(PoolerAuth *auth, const char *message, int len,
				 StringInfo out)
{
	MemoryContext caller = CurrentMemoryContext;
	int			start = out->len;
	AuthResult	result;

	PG_TRY();
	{
		StartTransactionCommand();
		MemoryContextSwitchTo(auth->cxt);
		result = take_step(auth, message, len, out);
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		MyProcPort = NULL;
		result = recover(auth, out, start);
	}
	PG_END_TRY();
	if (result == AUTH_FAILED)
		auth->state = AUTH_DONE;
	MemoryContextSwitchTo(caller);
	return result;
}
