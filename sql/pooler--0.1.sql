/* sql/pooler--0.1.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION pooler" to load this file. \quit

-- Functions of somebody else in this schema would be taken for pooler's, where
-- their arguments fit better: here, and by whoever calls pooler.cancel_client(4).
DO $$
DECLARE
    others pg_catalog.text;
BEGIN
    SELECT pg_catalog.string_agg(DISTINCT COALESCE(r.rolname, 'PUBLIC'), ', ')
    INTO others
    FROM pg_catalog.pg_namespace AS n
    CROSS JOIN LATERAL (
        SELECT n.nspowner AS role
        UNION ALL
        SELECT a.grantee FROM pg_catalog.aclexplode(n.nspacl) AS a
        WHERE a.privilege_type = 'CREATE'
        UNION ALL
        SELECT p.proowner FROM pg_catalog.pg_proc AS p
        WHERE p.pronamespace = n.oid
        UNION ALL
        SELECT o.oprowner FROM pg_catalog.pg_operator AS o
        WHERE o.oprnamespace = n.oid
    ) AS who
    LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = who.role
    WHERE n.nspname = 'pooler'
      AND NOT COALESCE(r.rolsuper OR r.rolname = CURRENT_USER, false);
    IF others IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'insufficient_privilege',
            MESSAGE = 'schema "pooler" is not safe for the extension',
            DETAIL = pg_catalog.format(
                'It belongs to %s, or has functions of theirs, or they may create some.',
                others),
            HINT = 'Drop it: CREATE EXTENSION makes it.';
    END IF;
END;
$$;

-- What changes something comes first: it is the superuser's to grant.

CREATE FUNCTION pooler.cancel_client(id pg_catalog.int8)
RETURNS pg_catalog.bool
AS 'MODULE_PATHNAME', 'pooler_ask_cancel_client'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION pooler.cancel_client(pg_catalog.int8) IS
'Cancels the statement of a client (pooler.clients.id), running or waiting for a backend; never that of another client. False if there is nothing to cancel.';

CREATE FUNCTION pooler.terminate_client(id pg_catalog.int8)
RETURNS pg_catalog.bool
AS 'MODULE_PATHNAME', 'pooler_ask_terminate_client'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION pooler.terminate_client(pg_catalog.int8) IS
'Closes the connection of a client (pooler.clients.id): its statement is cancelled, and what it has sent behind it is not run. False if there is no such client.';

CREATE FUNCTION pooler.reset_stats()
RETURNS pg_catalog.void
AS 'MODULE_PATHNAME', 'pooler_ask_reset_stats'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;

COMMENT ON FUNCTION pooler.reset_stats() IS
'Sets all counters and latencies to zero (pools, routes, usage, the console''s), and forgets last_error, at the worker''s next turn.';

-- What only reads.

CREATE FUNCTION pooler.version()
RETURNS pg_catalog.text
AS 'MODULE_PATHNAME', 'pooler_views_version'
LANGUAGE C STABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION pooler.version() IS
'Versions of the library that is loaded and of the server.';

CREATE FUNCTION pooler.hba_lines(
    OUT file pg_catalog.text,
    OUT line pg_catalog.text)
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'pooler_views_hba_lines'
LANGUAGE C STABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION pooler.hba_lines() IS
'The lines with which the server lets its own operating system user open backends for the pooler. Put each before the first line of its file, then reload.';

CREATE FUNCTION pooler.required_max_connections(
    app_servers pg_catalog.int4,
    databases pg_catalog.int4,
    pool_size pg_catalog.int4,
    max_overflow pg_catalog.int4,
    buffer pg_catalog.float8 DEFAULT 0.2)
RETURNS pg_catalog.int4
AS 'MODULE_PATHNAME', 'pooler_views_required_max_connections'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION pooler.required_max_connections(
    pg_catalog.int4, pg_catalog.int4, pg_catalog.int4, pg_catalog.int4,
    pg_catalog.float8) IS
'The guide''s formula: app_servers x databases x (pool_size + max_overflow) x (1 + buffer), rounded up. NULL if a pool has no limit (max_overflow = -1 or pool_size = 0).';

CREATE FUNCTION pooler.worker(
    OUT pid pg_catalog.int4,
    OUT started_at pg_catalog.timestamptz,
    OUT listening pg_catalog.bool,
    OUT clients pg_catalog.int4,
    OUT max_clients pg_catalog.int4,
    OUT backends pg_catalog.int4,
    OUT hba_missing pg_catalog.text,
    OUT stats_reset_at pg_catalog.timestamptz)
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'pooler_views_worker'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;

CREATE FUNCTION pooler.pools(
    OUT pool pg_catalog.text,
    OUT database pg_catalog.text,
    OUT mode pg_catalog.text,
    OUT state pg_catalog.text,
    OUT pool_size pg_catalog.int4,
    OUT max_overflow pg_catalog.int4,
    OUT pool_recycle pg_catalog.int4,
    OUT pool_timeout pg_catalog.float8,
    OUT pool_pre_ping pg_catalog.bool,
    OUT echo_pool pg_catalog.bool,
    OUT backends pg_catalog.int4,
    OUT unborn pg_catalog.int4,
    OUT idle pg_catalog.int4,
    OUT active pg_catalog.int4,
    OUT pinned pg_catalog.int4,
    OUT overflow pg_catalog.int4,
    OUT clients pg_catalog.int4,
    OUT waiting pg_catalog.int4,
    OUT longest_wait pg_catalog."interval",
    OUT transactions pg_catalog.int8,
    OUT queries pg_catalog.int8,
    OUT transaction_time pg_catalog."interval",
    OUT query_time pg_catalog."interval",
    OUT bytes_received pg_catalog.int8,
    OUT bytes_sent pg_catalog.int8,
    OUT checkouts pg_catalog.int8,
    OUT timeouts pg_catalog.int8,
    OUT opened pg_catalog.int8,
    OUT closed pg_catalog.int8,
    OUT recycled pg_catalog.int8,
    OUT invalidated pg_catalog.int8,
    OUT last_error pg_catalog.text,
    OUT last_error_at pg_catalog.timestamptz,
    OUT unavailable_since pg_catalog.timestamptz,
    OUT stats_reset_at pg_catalog.timestamptz)
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'pooler_views_pools'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;

CREATE FUNCTION pooler.routes(
    OUT pool pg_catalog.text,
    OUT role pg_catalog.text,
    OUT backends pg_catalog.int4,
    OUT clients pg_catalog.int4,
    OUT waiting pg_catalog.int4,
    OUT longest_wait pg_catalog."interval",
    OUT transactions pg_catalog.int8,
    OUT wait_time pg_catalog."interval",
    OUT busy_time pg_catalog."interval")
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'pooler_views_routes'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;

CREATE FUNCTION pooler.backends(
    OUT pid pg_catalog.int4,
    OUT pool pg_catalog.text,
    OUT role pg_catalog.text,
    OUT state pg_catalog.text,
    OUT overflow pg_catalog.bool,
    OUT client pg_catalog.int8,
    OUT age pg_catalog."interval",
    OUT idle_time pg_catalog."interval",
    OUT checkouts pg_catalog.int8,
    OUT transactions pg_catalog.int8,
    OUT pinned_by pg_catalog.text[])
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'pooler_views_backends'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;

CREATE FUNCTION pooler.clients(
    OUT id pg_catalog.int8,
    OUT pool pg_catalog.text,
    OUT database pg_catalog.text,
    OUT role pg_catalog.text,
    OUT mode pg_catalog.text,
    OUT address pg_catalog.inet,
    OUT port pg_catalog.int4,
    OUT application_name pg_catalog.text,
    OUT state pg_catalog.text,
    OUT since pg_catalog.timestamptz,
    OUT backend pg_catalog.int4,
    OUT pinned_by pg_catalog.text[],
    OUT transactions pg_catalog.int8,
    OUT checkouts pg_catalog.int8,
    OUT connected_at pg_catalog.timestamptz)
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'pooler_views_clients'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;

CREATE FUNCTION pooler.waiting(
    OUT client pg_catalog.int8,
    OUT query pg_catalog.text)
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'pooler_activity_waiting'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

CREATE FUNCTION pooler.usage(
    OUT pool pg_catalog.text,
    OUT role pg_catalog.text,
    OUT application_name pg_catalog.text,
    OUT clients pg_catalog.int4,
    OUT transactions pg_catalog.int8,
    OUT checkouts pg_catalog.int8,
    OUT wait_time pg_catalog."interval",
    OUT busy_time pg_catalog."interval")
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'pooler_usage_rows'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;

CREATE FUNCTION pooler.settings(
    OUT pool pg_catalog.text,
    OUT parameter pg_catalog.text,
    OUT value pg_catalog.text,
    OUT unit pg_catalog.text,
    OUT own pg_catalog.bool,
    OUT setting pg_catalog.text)
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'pooler_views_settings'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;

CREATE FUNCTION pooler.capacity(
    OUT check_name pg_catalog.text,
    OUT subject pg_catalog.text,
    OUT required pg_catalog.int4,
    OUT available pg_catalog.int4,
    OUT shortfall pg_catalog.int4,
    OUT verdict pg_catalog.text,
    OUT detail pg_catalog.text,
    OUT advice pg_catalog.text)
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'pooler_views_capacity'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

CREATE FUNCTION pooler.validation(
    OUT check_name pg_catalog.text,
    OUT pool pg_catalog.text,
    OUT setting pg_catalog.text,
    OUT value pg_catalog.text,
    OUT required pg_catalog.text,
    OUT verdict pg_catalog.text,
    OUT enforced pg_catalog.bool,
    OUT hint pg_catalog.text)
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'pooler_views_validation'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

CREATE FUNCTION pooler.health(
    OUT pool pg_catalog.text,
    OUT metric pg_catalog.text,
    OUT value pg_catalog.float8,
    OUT threshold pg_catalog.float8,
    OUT unit pg_catalog.text,
    OUT verdict pg_catalog.text,
    OUT since pg_catalog.timestamptz,
    OUT evidence pg_catalog.text,
    OUT remedy pg_catalog.text,
    OUT statements pg_catalog.text[])
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'pooler_health_metrics'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

CREATE FUNCTION pooler.latencies(
    OUT pool pg_catalog.text,
    OUT role pg_catalog.text,
    OUT measure pg_catalog.text,
    OUT count pg_catalog.int8,
    OUT mean pg_catalog."interval",
    OUT p50 pg_catalog."interval",
    OUT p90 pg_catalog."interval",
    OUT p99 pg_catalog."interval",
    OUT max pg_catalog."interval")
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'pooler_latency_summary'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;

CREATE FUNCTION pooler.histogram(
    pool pg_catalog.text,
    measure pg_catalog.text,
    role pg_catalog.text DEFAULT NULL,
    OUT at_least pg_catalog."interval",
    OUT less_than pg_catalog."interval",
    OUT count pg_catalog.int8)
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'pooler_latency_histogram'
LANGUAGE C VOLATILE PARALLEL SAFE;

COMMENT ON FUNCTION pooler.histogram(
    pg_catalog.text, pg_catalog.text, pg_catalog.text) IS
'How many times of a measure (pooler.latencies) were how long, of a pool or of a role in it. Buckets that are empty are left out.';

CREATE FUNCTION pooler.history(
    OUT pool pg_catalog.text,
    OUT at pg_catalog.timestamptz,
    OUT backends pg_catalog.int4,
    OUT busy pg_catalog.float8,
    OUT clients pg_catalog.int4,
    OUT waiting pg_catalog.int4,
    OUT longest_wait pg_catalog."interval",
    OUT transactions pg_catalog.int8,
    OUT checkouts pg_catalog.int8,
    OUT timeouts pg_catalog.int8,
    OUT closed pg_catalog.int8,
    OUT recycled pg_catalog.int8,
    OUT wait_time pg_catalog."interval",
    OUT held pg_catalog.int8,
    OUT held_time pg_catalog."interval")
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'pooler_history_samples'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE ROWS 14400;

CREATE FUNCTION pooler.advice(
    OUT pool pg_catalog.text,
    OUT verdict pg_catalog.text,
    OUT pool_size pg_catalog.int4,
    OUT max_overflow pg_catalog.int4,
    OUT advised_pool_size pg_catalog.int4,
    OUT advised_max_overflow pg_catalog.int4,
    OUT change pg_catalog.text,
    OUT evidence pg_catalog.text,
    OUT statements pg_catalog.text[])
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'pooler_tuning_advice'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;

CREATE FUNCTION pooler.memory(
    OUT pid pg_catalog.int4,
    OUT pool pg_catalog.text,
    OUT private pg_catalog.int8,
    OUT machine pg_catalog.int8)
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'pooler_memory_backends'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE;

CREATE FUNCTION pooler.presets(
    OUT preset pg_catalog.text,
    OUT users pg_catalog.text,
    OUT pool_size pg_catalog.int4,
    OUT max_overflow pg_catalog.int4,
    OUT pool_recycle pg_catalog.int4,
    OUT pool_timeout pg_catalog.int4,
    OUT pool_pre_ping pg_catalog.bool,
    OUT echo_pool pg_catalog.bool,
    OUT min_servers pg_catalog.int4,
    OUT max_servers pg_catalog.int4,
    OUT min_recommended pg_catalog.int4,
    OUT max_recommended pg_catalog.int4)
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'pooler_advise_presets'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION pooler.recommend(
    users pg_catalog.int4,
    app_servers pg_catalog.int4 DEFAULT 1,
    databases pg_catalog.int4 DEFAULT 4,
    buffer pg_catalog.float8 DEFAULT 0.2,
    OUT parameter pg_catalog.text,
    OUT value pg_catalog.text,
    OUT unit pg_catalog.text,
    OUT guide pg_catalog.text,
    OUT note pg_catalog.text,
    OUT statement pg_catalog.text)
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'pooler_advise_recommend'
LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 13;

COMMENT ON FUNCTION pooler.recommend(
    pg_catalog.int4, pg_catalog.int4, pg_catalog.int4, pg_catalog.float8) IS
'The guide''s scale for a deployment of so many concurrent users, application servers and databases. One row per setting: its value, what else the guide says (guide), where it contradicts itself or the deployment (note), and the statement that sets it, in the order in which they are to be run; restart afterwards.';

CREATE FUNCTION pooler.plan(
    app_servers pg_catalog.int4,
    pools pg_catalog.int4,
    pool_size pg_catalog.int4,
    max_overflow pg_catalog.int4,
    max_connections pg_catalog.int4
        DEFAULT pg_catalog.current_setting('max_connections')::pg_catalog.int4,
    buffer pg_catalog.float8 DEFAULT 0.2,
    work_mem pg_catalog.text DEFAULT pg_catalog.current_setting('work_mem'),
    backend_memory pg_catalog.text DEFAULT '5MB',
    OUT way pg_catalog.text,
    OUT connections pg_catalog.int8,
    OUT required pg_catalog.int4,
    OUT available pg_catalog.int4,
    OUT shortfall pg_catalog.int8,
    OUT verdict pg_catalog.text,
    OUT memory_idle pg_catalog.int8,
    OUT memory_busy pg_catalog.int8,
    OUT assumptions pg_catalog.text,
    OUT advice pg_catalog.text)
RETURNS SETOF pg_catalog.record
AS 'MODULE_PATHNAME', 'pooler_advise_plan'
LANGUAGE C STABLE STRICT PARALLEL SAFE ROWS 2;

COMMENT ON FUNCTION pooler.plan(
    pg_catalog.int4, pg_catalog.int4, pg_catalog.int4, pg_catalog.int4,
    pg_catalog.int4, pg_catalog.float8, pg_catalog.text, pg_catalog.text) IS
'What if? Connections of all pools, what max_connections they require with the buffer, and their private memory in bytes under the assumptions named: directly from all application servers, and with the pooler, where pools count once. NULL: unlimited.';

-- A view each shows what these return; the comments are there.
COMMENT ON FUNCTION pooler.worker() IS 'For the view pooler.worker.';
COMMENT ON FUNCTION pooler.pools() IS 'For the view pooler.pools.';
COMMENT ON FUNCTION pooler.routes() IS 'For the view pooler.routes.';
COMMENT ON FUNCTION pooler.backends() IS 'For the view pooler.backends.';
COMMENT ON FUNCTION pooler.clients() IS 'For the view pooler.clients.';
COMMENT ON FUNCTION pooler.waiting() IS 'For the view pooler.activity.';
COMMENT ON FUNCTION pooler.usage() IS 'For the view pooler.usage.';
COMMENT ON FUNCTION pooler.settings() IS 'For the view pooler.settings.';
COMMENT ON FUNCTION pooler.capacity() IS 'For the view pooler.capacity.';
COMMENT ON FUNCTION pooler.validation() IS 'For the view pooler.validation.';
COMMENT ON FUNCTION pooler.presets() IS 'For the view pooler.presets.';
COMMENT ON FUNCTION pooler.health() IS 'For the view pooler.health.';
COMMENT ON FUNCTION pooler.latencies() IS 'For the view pooler.latencies.';
COMMENT ON FUNCTION pooler.history() IS 'For the view pooler.history.';
COMMENT ON FUNCTION pooler.advice() IS 'For the view pooler.advice.';
COMMENT ON FUNCTION pooler.memory() IS 'For the view pooler.memory.';

-- The views.

CREATE VIEW pooler.worker AS
SELECT * FROM pooler.worker();

COMMENT ON VIEW pooler.worker IS
'The background worker: one row. hba_missing says why no backend can be opened, if pg_hba.conf is the reason.';

CREATE VIEW pooler.pools AS
SELECT * FROM pooler.pools();

COMMENT ON VIEW pooler.pools IS
'Pools: settings in effect (unlimited is NULL, times are in seconds), backends and clients now, counters since stats_reset_at.';
COMMENT ON COLUMN pooler.pools.state IS
'starting, open, unavailable (last_error says why) or draining (no longer in pooler.pools)';
COMMENT ON COLUMN pooler.pools.backends IS
'all of them; those that are starting or leaving are none of the following';
COMMENT ON COLUMN pooler.pools.unborn IS
'waiting for the first role that needs one';
COMMENT ON COLUMN pooler.pools.pinned IS
'bound to a client by its session''s state';
COMMENT ON COLUMN pooler.pools.overflow IS
'opened beyond pool_size; counted among the others, too';
COMMENT ON COLUMN pooler.pools.queries IS
'what a client got one answer for: a simple query, or messages up to a Sync';
COMMENT ON COLUMN pooler.pools.transaction_time IS
'how long transactions took, all together; waiting for a backend is not in it';
COMMENT ON COLUMN pooler.pools.query_time IS
'the same without idle in transaction';
COMMENT ON COLUMN pooler.pools.bytes_received IS
'from clients over TCP, their logins included; as of a second ago';
COMMENT ON COLUMN pooler.pools.bytes_sent IS
'to clients over TCP, the same';
COMMENT ON COLUMN pooler.pools.checkouts IS
'times a backend took a client until it gave it up';

CREATE VIEW pooler.routes AS
SELECT * FROM pooler.routes();

COMMENT ON VIEW pooler.routes IS
'Roles in pools: the backends that are theirs, their clients, and how long these waited and were served.';

CREATE VIEW pooler.latencies AS
SELECT * FROM pooler.latencies();

COMMENT ON VIEW pooler.latencies IS
'How long clients wait for a backend, hold it and log in, and how long it takes to open a backend and to make it a role''s: of each pool (role is NULL) and each role in it, since stats_reset_at.';
COMMENT ON COLUMN pooler.latencies.measure IS
'wait, held, login, birth, or open (of the pool only)';
COMMENT ON COLUMN pooler.latencies.count IS
'checkouts and words of kept clients (held; wait: as far as measured), logins, births, backends';
COMMENT ON COLUMN pooler.latencies.max IS
'at most 25 % too much, as the percentiles; NULL beyond two hours; the mean is exact';

CREATE VIEW pooler.history AS
SELECT * FROM pooler.history();

COMMENT ON VIEW pooler.history IS
'What each pool that is not draining did in each second of the last hour; a second in which the worker did not run has no row.';
COMMENT ON COLUMN pooler.history.busy IS
'backends that served a client or were pinned, on average of ten looks';
COMMENT ON COLUMN pooler.history.recycled IS
'backends that were to be closed for their age, or were found hung';
COMMENT ON COLUMN pooler.history.wait_time IS
'of all clients together in this second';
COMMENT ON COLUMN pooler.history.held IS
'times that a client''s hold of a backend ended';
COMMENT ON COLUMN pooler.history.held_time IS
'how long these had lasted';

CREATE VIEW pooler.utilisation AS
SELECT p.pool,
       p.pool_limit,
       h.busy_1min, h.busy_5min, h.busy_15min, h.busy_most,
       h.busy_1min / p.pool_limit AS utilisation_1min,
       h.busy_5min / p.pool_limit AS utilisation_5min,
       h.busy_15min / p.pool_limit AS utilisation_15min,
       h.waiting_15min,
       coalesce(h.seconds, 0) AS seconds
FROM (
    SELECT pool,
           pool_size + max_overflow AS pool_limit
    FROM pooler.pools()
    WHERE state <> 'draining'
) AS p
LEFT JOIN (
    SELECT pool,
           pg_catalog.avg(busy) FILTER (WHERE age <= 60) AS busy_1min,
           pg_catalog.avg(busy) FILTER (WHERE age <= 300) AS busy_5min,
           pg_catalog.avg(busy) AS busy_15min,
           pg_catalog.max(busy) AS busy_most,
           pg_catalog.avg((waiting > 0)::pg_catalog.int4)::pg_catalog.float8
               AS waiting_15min,
           pg_catalog.count(*) AS seconds
    FROM (SELECT *, pg_catalog.date_part('epoch',
                      pg_catalog.clock_timestamp() - at) AS age
          FROM pooler.history()) AS h
    WHERE age <= 900
    GROUP BY pool
) AS h ON h.pool = p.pool;

COMMENT ON VIEW pooler.utilisation IS
'How busy each pool was in the last 1, 5 and 15 minutes: backends on average (busy) and their share of pool_size + max_overflow (NULL: unlimited).';
COMMENT ON COLUMN pooler.utilisation.busy_most IS
'in the busiest second of 15 minutes';
COMMENT ON COLUMN pooler.utilisation.waiting_15min IS
'share of seconds at whose end somebody waited';
COMMENT ON COLUMN pooler.utilisation.seconds IS
'so many are known of the last 900';

CREATE VIEW pooler.advice AS
SELECT * FROM pooler.advice();

COMMENT ON VIEW pooler.advice IS
'What size each pool should have, by what it did in the last 15 minutes, in the guide''s steps of 20 to 50 %.';
COMMENT ON COLUMN pooler.advice.verdict IS
'keep, grow (clients wait), shift (overflow does what pool_size should), shrink, or unknown: too little is known';
COMMENT ON COLUMN pooler.advice.statements IS
'sets it; run them one by one, and look again after a while';

CREATE VIEW pooler.backends AS
SELECT * FROM pooler.backends();

COMMENT ON VIEW pooler.backends IS
'Backends of pools: starting, unborn, idle, active, pinned or leaving.';
COMMENT ON COLUMN pooler.backends.client IS
'the client that has it (pooler.clients.id)';
COMMENT ON COLUMN pooler.backends.pinned_by IS
'what binds its client to it; empty if nothing does';

CREATE VIEW pooler.clients AS
SELECT * FROM pooler.clients();

COMMENT ON VIEW pooler.clients IS
'Clients of the pooler: login, idle, waiting (for a backend), active, pinned, or console.';
COMMENT ON COLUMN pooler.clients.id IS
'for pooler.cancel_client() and pooler.terminate_client(); never used twice';
COMMENT ON COLUMN pooler.clients.port IS
'-1 for a Unix socket';
COMMENT ON COLUMN pooler.clients.since IS
'when this state began';
COMMENT ON COLUMN pooler.clients.backend IS
'pid of the backend that has it';

CREATE VIEW pooler.usage AS
SELECT * FROM pooler.usage();

COMMENT ON VIEW pooler.usage IS
'What roles and applications have used since stats_reset_at; up to a tenth of a second old. The rows of a pool add up to its counters.';
COMMENT ON COLUMN pooler.usage.role IS
'NULL: the pool''s rest, of names that found no room';
COMMENT ON COLUMN pooler.usage.clients IS
'connected now';
COMMENT ON COLUMN pooler.usage.wait_time IS
'for a backend, of all clients together';
COMMENT ON COLUMN pooler.usage.busy_time IS
'had a backend, all clients together';

-- pooler.mode is the only parameter that a session may see with a value of its
-- own: there the pool's value itself tells whether a global one is set.
CREATE VIEW pooler.settings AS
SELECT f.pool,
       f.parameter,
       f.value,
       f.unit,
       CASE
           WHEN f.own THEN 'pool'
           WHEN s.source IN ('configuration file', 'command line',
                             'environment variable') THEN 'global'
           WHEN f.parameter = 'mode' AND f.value <> s.boot_val THEN 'global'
           ELSE 'guide default'
       END AS source
FROM pooler.settings() WITH ORDINALITY AS f
LEFT JOIN pg_catalog.pg_settings AS s ON s.name = f.setting
ORDER BY f.ordinality;

COMMENT ON VIEW pooler.settings IS
'For each pool and parameter the value in effect (NULL: unlimited or never) and where it comes from: pool (pooler.pools), global (the setting), or guide default (of pooler.env).';

CREATE VIEW pooler.capacity AS
SELECT * FROM pooler.capacity();

COMMENT ON VIEW pooler.capacity IS
'Whether there are connections enough. server: for all pools; direct: by the guide''s formula, if pooler.app_servers connected without the pooler; clients: of the pooler; role, database: CONNECTION LIMITs below what their pools may open.';

CREATE VIEW pooler.validation AS
SELECT * FROM pooler.validation();

COMMENT ON VIEW pooler.validation IS
'The guide''s rules for production, for the settings of all pools and where a pool has its own. They are enforced (a WARNING at start and at reload) if pooler.env is production.';

CREATE VIEW pooler.health AS
SELECT h.pool, h.metric, h.value, h.threshold, h.unit, h.verdict, h.since,
       h.evidence,
       CASE WHEN h.metric IN ('exhaustion', 'wait')
            THEN 'See in pooler.diagnose() who holds backends too long, and '
                 'shorten that first. '
            ELSE '' END || h.remedy AS remedy,
       h.statements
FROM pooler.health() AS h;

COMMENT ON VIEW pooler.health IS
'The guide''s four metrics of each pool in the last hour: exhaustion, wait, idle surplus, churn. More than the threshold (pooler.health_...) is a warning.';
COMMENT ON COLUMN pooler.health.value IS
'NULL if unknown: nothing has happened that would tell';
COMMENT ON COLUMN pooler.health.verdict IS
'ok, warning or unknown';
COMMENT ON COLUMN pooler.health.since IS
'what is counted is counted from here: an hour ago, the pool''s beginning, or pooler.reset_stats()';
COMMENT ON COLUMN pooler.health.statements IS
'the remedy; meant for this row by itself: run them one by one, then look again';

-- The guide's checklist.  What no server can see is unknown.
CREATE VIEW pooler.checklist AS
WITH pool AS MATERIALIZED (
    SELECT * FROM pooler.pools() WHERE state <> 'draining'
), health AS MATERIALIZED (
    SELECT * FROM pooler.health()
), rule AS MATERIALIZED (
    SELECT check_name,
           CASE WHEN pg_catalog.bool_and(verdict = 'ok') THEN 'ok'
                ELSE 'warning' END AS verdict,
           pg_catalog.string_agg(
               pg_catalog.concat(CASE WHEN pool IS NOT NULL
                                      THEN 'pool ' || pool || ': ' END,
                                 CASE WHEN pool IS NOT NULL THEN check_name
                                      ELSE setting END, ' = ', value), ', ')
               AS evidence,
           pg_catalog.string_agg(hint, ' ') AS remedy
    FROM pooler.validation() WHERE check_name <> 'capacity'
    GROUP BY check_name
), capacity AS MATERIALIZED (
    SELECT pg_catalog.bool_and(verdict = 'ok' OR check_name = 'direct') AS enough,
           pg_catalog.string_agg(
               pg_catalog.concat(
                   check_name, ' ' || subject, ': required ',
                   COALESCE(required::pg_catalog.text, 'no limit'),
                   ', available ', available), '; ') AS evidence,
           pg_catalog.string_agg(advice, ' ') FILTER (
               WHERE check_name <> 'direct') AS remedy
    FROM pooler.capacity()
), trouble AS MATERIALIZED (
    SELECT pg_catalog.count(*) FILTER (WHERE verdict = 'warning') AS warnings,
           pg_catalog.count(*) FILTER (WHERE verdict = 'ok'
                                       AND metric = 'exhaustion') AS used,
           pg_catalog.string_agg(pool || ': ' || metric, ', ')
               FILTER (WHERE verdict = 'warning') AS evidence,
           pg_catalog.string_agg(pool || ': ' || remedy, ' ')
               FILTER (WHERE verdict = 'warning') AS remedy
    FROM health
), load AS MATERIALIZED (
    SELECT pg_catalog.count(*) AS pools,
           COALESCE(pg_catalog.sum(timeouts), 0) AS timeouts,
           COALESCE(pg_catalog.sum(checkouts), 0) AS checkouts,
           -- one without limit never is
           COALESCE(pg_catalog.bool_and(
                        COALESCE(active + pinned >= pool_size, false)), false)
               AS full,
           pg_catalog.min(stats_reset_at) AS since
    FROM pool
), monitor AS MATERIALIZED (
    SELECT pg_catalog.string_agg(pg_catalog.quote_ident(r.rolname), ', ')
               AS roles,
           pg_catalog.string_agg(pg_catalog.quote_ident(r.rolname), ', ')
               FILTER (WHERE EXISTS (
                   SELECT FROM pg_catalog.pg_stat_activity AS a
                   WHERE a.usesysid = r.oid)
               -- the console has no backend
               OR EXISTS (
                   SELECT FROM pooler.clients() AS c
                   WHERE c.role = r.rolname)) AS connected,
           pg_catalog.current_setting('pooler.metrics_port') AS port
    FROM pg_catalog.pg_roles AS r
    WHERE r.rolcanlogin AND NOT r.rolsuper
      AND pg_catalog.pg_has_role(r.oid, 'pg_monitor', 'MEMBER')
)
SELECT 1 AS item, 'Set ENV=production to enforce runtime validation' AS requirement,
       CASE WHEN e.env = 'production' THEN 'ok' ELSE 'warning' END AS verdict,
       'pooler.env = ' || e.env AS evidence,
       CASE WHEN e.env <> 'production'
            THEN 'Set pooler.env to production and restart.' END AS remedy
FROM pg_catalog.current_setting('pooler.env') AS e (env)
UNION ALL
SELECT 2, 'Configure appropriate pool_size for expected load',
       CASE WHEN l.pools = 0 THEN 'not applicable'
            WHEN t.warnings > 0 THEN 'warning'
            WHEN t.used = 0 THEN 'unknown'
            ELSE 'ok' END,
       CASE WHEN l.pools = 0 THEN 'there are no pools'
            ELSE COALESCE(t.evidence, pg_catalog.format(
                'no warning of pooler.health; checkouts since %s: %s',
                pg_catalog.date_trunc('second', l.since), l.checkouts)) END,
       CASE WHEN l.pools > 0 AND t.warnings = 0 AND t.used = 0
            THEN 'Look again when the pools have been used.'
            ELSE t.remedy END
FROM load AS l, trouble AS t
UNION ALL
SELECT n.item, n.requirement, r.verdict, r.evidence, r.remedy
FROM (VALUES (3, 'Set pool_recycle to 30 minutes or less', 'recycle'),
             (4, 'Enable pool_pre_ping for reliability', 'pre_ping'),
             (5, 'Disable echo_pool to reduce logging overhead', 'echo'))
     AS n (item, requirement, check_name)
JOIN rule AS r USING (check_name)
UNION ALL
SELECT 6, 'Verify database server max_connections is sufficient',
       CASE WHEN l.pools = 0 THEN 'not applicable'
            WHEN c.enough THEN 'ok'
            ELSE 'warning' END,
       CASE WHEN l.pools = 0 THEN 'there are no pools' ELSE c.evidence END,
       CASE WHEN l.pools > 0 THEN c.remedy END
FROM load AS l, capacity AS c
UNION ALL
SELECT 7, 'Set up monitoring for connection pool metrics',
       CASE WHEN m.connected IS NOT NULL THEN 'ok'
            WHEN m.port <> '0' OR m.roles IS NOT NULL THEN 'unknown'
            ELSE 'warning' END,
       CASE WHEN m.connected IS NOT NULL
            THEN 'may read the views and is connected: ' || m.connected
            WHEN m.port <> '0'
            THEN 'pooler.metrics_port = ' || m.port || ': who reads the '
                 'metrics cannot be seen'
            WHEN m.roles IS NOT NULL
            THEN 'may read the views, but is not connected: ' || m.roles
            ELSE 'no role but superusers may read the views' END,
       CASE WHEN m.connected IS NULL AND m.port <> '0'
            THEN 'See that your monitoring system reads /metrics there.'
            WHEN m.roles IS NULL
            THEN 'Create a role for your monitoring system: CREATE ROLE '
                 'monitoring LOGIN IN ROLE pg_monitor; and let it read '
                 'pooler.health and pooler.pools.'
            WHEN m.connected IS NULL
            THEN 'Let your monitoring system read pooler.health and '
                 'pooler.pools as this role.' END
FROM monitor AS m
UNION ALL
SELECT 8, 'Load test to validate configuration',
       CASE WHEN l.pools = 0 THEN 'not applicable'
            WHEN l.timeouts > 0 THEN 'warning'
            WHEN l.full THEN 'ok'
            ELSE 'unknown' END,
       CASE WHEN l.pools = 0 THEN 'there are no pools'
            ELSE pg_catalog.format(
                'since %s: checkouts %s, time-outs %s; %s',
                pg_catalog.date_trunc('second', l.since), l.checkouts, l.timeouts,
                CASE WHEN l.full THEN 'all backends of every pool are busy now'
                     ELSE 'not every pool is full now' END) END,
       CASE WHEN l.pools > 0 AND (l.timeouts > 0 OR NOT l.full)
            THEN 'Look at this row while the load runs: ' || (
                SELECT pg_catalog.string_agg(pg_catalog.format(
                    'pgbench -h HOST -p %s -c %s -T 600 -f YOUR_TRANSACTIONS %s',
                    pg_catalog.current_setting('pooler.port'),
                    CASE WHEN p.pool_size IS NOT NULL
                         THEN (2 * (p.pool_size + COALESCE(p.max_overflow, 0)))
                             ::pg_catalog.text
                         ELSE 'CLIENTS' END,
                    -- for a shell
                    CASE WHEN p.pool ~ '^[[:alnum:]_.]+$' THEN p.pool
                         ELSE '''' || pg_catalog.replace(p.pool, '''', '''\''''')
                             || '''' END),
                    '; ')
                FROM pool AS p) END
FROM load AS l
UNION ALL
SELECT 9, 'Document configuration decisions and expected capacity',
       CASE WHEN d.description IS NULL THEN 'unknown' ELSE 'ok' END,
       COALESCE('comment of schema pooler: ' || d.description,
                'schema pooler has no comment'),
       CASE WHEN d.description IS NULL
            THEN 'Write them down, and where: COMMENT ON SCHEMA pooler IS '
                 '''...''; pooler.settings, pooler.capacity and '
                 'pooler.recommend() have the figures.' END
FROM pg_catalog.obj_description(
         'pooler'::pg_catalog.regnamespace, 'pg_namespace') AS d (description)
ORDER BY item;

COMMENT ON VIEW pooler.checklist IS
'The guide''s production checklist: each item with verdict (ok, warning, not applicable, or unknown where no server can see it), evidence, and what to do.';

CREATE VIEW pooler.memory AS
SELECT * FROM pooler.memory();

COMMENT ON VIEW pooler.memory IS
'Backends of pools: their private memory (shared buffers do not count) and that of the machine, or of the server''s control group if that is less, in bytes.';

-- Whoever has a backend now, why, and since when; for pooler.diagnose().
CREATE VIEW pooler.holders AS
SELECT c.id AS client,
       c.pool,
       c.database,
       c.role,
       c.application_name,
       c.backend,
       c.since,
       CASE
           WHEN a.wait_event_type = 'Lock' THEN 'lock'
           WHEN a.state LIKE 'idle in transaction%' THEN 'idle in transaction'
           WHEN a.state = 'active' THEN 'statement'
           WHEN pg_catalog.cardinality(c.pinned_by) > 0 THEN 'pinned'
           ELSE 'busy'
       END AS reason,
       CASE
           WHEN a.state LIKE 'idle in transaction%' THEN a.state_change
           WHEN a.state = 'active' THEN a.query_start
           ELSE c.since
       END AS reason_since,
       CASE WHEN a.wait_event_type = 'Lock'
            THEN pg_catalog.pg_blocking_pids(c.backend) END AS blocked_by,
       c.pinned_by,
       a.query AS statement
FROM pooler.clients() AS c
-- by its pid: so it is read after the clients, who forget what was read before
LEFT JOIN LATERAL pg_catalog.pg_stat_get_activity(c.backend) AS a
    ON a.pid = c.backend
    -- by now it may serve another client; NULL: none, or not for you to see
    AND (a.client_port IS NULL
         OR (a.client_port = c.port
             AND a.client_addr IS NOT DISTINCT FROM c.address))
WHERE c.state IN ('active', 'pinned')
  -- whom the worker answers has none
  AND c.backend IS NOT NULL;

COMMENT ON VIEW pooler.holders IS
'Clients that have a backend: why (lock: it waits for one; idle in transaction; statement; pinned; busy: between two of these, or not for you to see), since when, and with what statement.';
COMMENT ON COLUMN pooler.holders.since IS
'when it got its backend';
COMMENT ON COLUMN pooler.holders.blocked_by IS
'pids of the backends that have the lock';

-- Everybody: who waits, for whom, and with what; who does not, doing what.
CREATE VIEW pooler.activity AS
WITH holder AS MATERIALIZED (
    SELECT * FROM pooler.holders
), busy AS MATERIALIZED (
    SELECT h.pool, h.database,
           pg_catalog.array_agg(h.backend ORDER BY h.since) AS backends
    FROM holder AS h
    GROUP BY h.pool, h.database
)
SELECT c.id, c.pool, c.role, c.address, c.port, c.application_name,
       c.state, c.since, c.backend,
       h.reason,
       CASE WHEN c.state = 'waiting' THEN 'backend'
            WHEN h.reason = 'lock' THEN 'lock' END AS waits_for,
       CASE WHEN c.state = 'waiting' THEN b.backends
            ELSE h.blocked_by END AS blocked_by,
       CASE WHEN c.state = 'waiting' THEN pg_catalog.rank() OVER (
                PARTITION BY c.pool, c.database, c.role, c.state
                ORDER BY c.since) END
           AS queue_position,
       CASE WHEN c.state = 'waiting' THEN c.since END AS waiting_since,
       CASE WHEN c.state = 'waiting' THEN w.query
            ELSE h.statement END AS query
FROM pooler.clients() AS c
LEFT JOIN holder AS h ON h.client = c.id
-- not those of a pool of the same name that drains
LEFT JOIN busy AS b ON b.pool = c.pool AND b.database = c.database
LEFT JOIN pooler.waiting() AS w ON w.client = c.id;

COMMENT ON VIEW pooler.activity IS
'Clients and what they do, also those that wait. pooler.cancel_client(id) and pooler.terminate_client(id) cancel or end one.';
COMMENT ON COLUMN pooler.activity.reason IS
'why it has its backend, as in pooler.holders';
COMMENT ON COLUMN pooler.activity.waits_for IS
'backend (of its pool) or lock';
COMMENT ON COLUMN pooler.activity.blocked_by IS
'pids of the backends that have what it waits for';
COMMENT ON COLUMN pooler.activity.queue_position IS
'among the waiting clients of its role in its pool; 1: next';
COMMENT ON COLUMN pooler.activity.query IS
'the statement that waits, runs or ran last; for its own role and members of pg_read_all_stats';

-- The guide's troubleshooting, run against what is there now.  A pool that is
-- exhausted has a row for each of the three clients that hold longest.
CREATE FUNCTION pooler.diagnose(
    OUT problem pg_catalog.text,
    OUT pool pg_catalog.text,
    OUT since pg_catalog.timestamptz,
    OUT cause pg_catalog.text,
    OUT client pg_catalog.int8,
    OUT application_name pg_catalog.text,
    OUT role pg_catalog.text,
    OUT backend pg_catalog.int4,
    OUT statement pg_catalog.text,
    OUT remedy pg_catalog.text)
RETURNS SETOF pg_catalog.record
LANGUAGE SQL VOLATILE PARALLEL RESTRICTED
BEGIN ATOMIC
WITH pool AS MATERIALIZED (
    SELECT p.*,
           -- whom others would not wait for any longer holds too long
           pg_catalog.make_interval(secs => COALESCE(
               NULLIF(p.pool_timeout, 0), 30)) AS patience,
           COALESCE(p.longest_wait > pg_catalog.current_setting(
               'pooler.health_wait')::pg_catalog."interval"
               AND p.state NOT IN ('unavailable', 'draining'), false)
               AS exhausted
    FROM pooler.pools() AS p
), holder AS MATERIALIZED (
    SELECT h.*,
           pg_catalog.row_number() OVER (PARTITION BY h.pool, h.database
                                         ORDER BY h.since) AS place,
           CASE h.reason
               WHEN 'lock' THEN 'waits for a lock of ' || COALESCE(
                   (SELECT pg_catalog.string_agg(COALESCE(
                               'client ' || c.id || COALESCE(
                                   ' (' || c.application_name || ')', ''),
                               'backend ' || b), ', ')
                    FROM pg_catalog.unnest(h.blocked_by) AS b
                    LEFT JOIN pooler.clients() AS c ON c.backend = b),
                   'another backend')
               WHEN 'idle in transaction' THEN 'idle in transaction'
               WHEN 'statement' THEN 'runs a statement'
               WHEN 'pinned' THEN 'pinned by '
                   || pg_catalog.array_to_string(h.pinned_by, ', ')
               ELSE 'has a backend'
           END || ' since '
           || pg_catalog.date_trunc('second', h.reason_since) AS cause,
           CASE h.reason
               WHEN 'lock' THEN 'End the transaction that has the lock.'
               WHEN 'idle in transaction' THEN pg_catalog.format(
                   'SELECT pooler.terminate_client(%s); and let %s end its '
                   'transactions, or ALTER ROLE %I SET '
                   'idle_in_transaction_session_timeout = ''30s'';',
                   -- a name that its client chose: no SQL for who pastes this
                   h.client, COALESCE(pg_catalog.quote_literal(
                       h.application_name), 'the application'),
                   h.role)
               WHEN 'statement' THEN pg_catalog.format(
                   'SELECT pooler.cancel_client(%s); and optimize the '
                   'statement, or ALTER ROLE %I SET statement_timeout.',
                   h.client, h.role)
               WHEN 'pinned' THEN 'Let it do without that state, or raise '
                   'max_overflow of the pool for it.'
               ELSE 'Look at what it does.'
           END AS remedy
    FROM pooler.holders AS h
), advice AS MATERIALIZED (
    SELECT h.pool, h.metric, h.verdict, h.since, h.evidence, h.remedy
    FROM pooler.health() AS h
), memory AS MATERIALIZED (
    SELECT m.pool, m.pid, m.private, m.machine,
           pg_catalog.sum(m.private) OVER () AS total,
           pg_catalog.count(*) OVER () AS backends,
           pg_catalog.row_number() OVER (ORDER BY m.private DESC) AS place
    FROM pooler.memory() AS m
), rows AS (
    SELECT 1 AS class,
           h.place,
           pg_catalog.format('QueuePool limit of size %s overflow %s reached',
                             COALESCE(p.pool_size, 0),
                             COALESCE(p.max_overflow, -1))
               AS problem,
           p.pool,
           pg_catalog.clock_timestamp() - p.longest_wait AS since,
           COALESCE(h.cause, 'no client has a backend: they are being opened, '
                    'or connections are short') AS cause,
           h.client, h.application_name, h.role, h.backend, h.statement,
           COALESCE(h.remedy || ' ', '') || CASE
               WHEN h.place > 1 THEN '' ELSE 'If that is its normal work: '
               || COALESCE(a.remedy, 'raise max_overflow of the pool.') END
               AS remedy
    FROM pool AS p
    LEFT JOIN holder AS h ON h.pool = p.pool AND h.database = p.database
        AND h.place <= 3
    LEFT JOIN advice AS a ON a.pool = p.pool AND a.metric = 'wait'
    WHERE p.exhausted
    UNION ALL
    SELECT 2, NULL, 'TimeoutError: QueuePool limit exceeded', p.pool,
           a.since,
           pg_catalog.format('pool_timeout: %s s; %s', p.pool_timeout,
                             a.evidence),
           NULL, NULL, NULL, NULL, NULL,
           a.remedy || ' If that does not suffice raise pool_timeout. Then '
           'SELECT pooler.reset_stats();'
    FROM pool AS p
    JOIN advice AS a ON a.pool = p.pool AND a.metric = 'exhaustion'
    -- class 4 has the cause
    WHERE a.verdict = 'warning'
      AND p.state NOT IN ('unavailable', 'draining')
    UNION ALL
    SELECT 3, h.place,
           CASE h.reason WHEN 'idle in transaction' THEN 'connection leak'
                            WHEN 'lock' THEN 'blocked statement'
                            ELSE 'slow query' END,
           p.pool, h.reason_since, h.cause, h.client, h.application_name,
           h.role, h.backend, h.statement, h.remedy
    FROM pool AS p
    JOIN holder AS h ON h.pool = p.pool AND h.database = p.database
    WHERE NOT p.exhausted
      AND h.reason IN ('idle in transaction', 'lock', 'statement')
      AND h.reason_since < pg_catalog.clock_timestamp() - p.patience
    UNION ALL
    SELECT 4, NULL, 'pool unavailable', p.pool, p.unavailable_since,
           p.last_error,
           NULL, NULL, NULL, NULL, NULL,
           'Mend that; the pool opens by itself, at the latest 30 s later.'
    FROM pool AS p
    WHERE p.state = 'unavailable'
    UNION ALL
    SELECT 5, NULL, 'stale connections', p.pool, e.at,
           pg_catalog.concat('backends that did not respond and were ended: ',
                             p.invalidated, '; the last: ' || e.message),
           NULL, NULL, NULL, NULL, NULL,
           pg_catalog.concat(
               CASE WHEN NOT p.pool_pre_ping
                    THEN 'Set pre_ping of the pool to on. ' END,
               CASE WHEN COALESCE(p.pool_recycle, 1801) > 1800
                    THEN 'Set recycle of the pool to 1800 or less. ' END,
               'Find in the server''s log why they hung. Then SELECT '
               'pooler.reset_stats();')
    FROM pool AS p
    -- the last error may have been another one since
    LEFT JOIN LATERAL (VALUES (p.last_error, p.last_error_at))
        AS e (message, at) ON e.message LIKE 'invalidated backend %'
    WHERE p.invalidated > 0
    UNION ALL
    SELECT 6, NULL, 'high memory usage', m.pool, NULL,
           pg_catalog.format('%s backends of pools have %s for themselves, '
                             '%s %% of the machine; this one has most, %s',
                             m.backends, pg_catalog.pg_size_pretty(m.total),
                             pg_catalog.round(100.0 * m.total / m.machine, 1),
                             pg_catalog.pg_size_pretty(m.private)),
           h.client, h.application_name, h.role, m.pid, h.statement,
           COALESCE((SELECT pg_catalog.string_agg(
                                a.pool || ': ' || a.remedy, ' ')
                     FROM advice AS a
                     WHERE a.metric = 'idle surplus'
                       AND a.verdict = 'warning'),
                    pg_catalog.format(
                        'Lower pool_size and max_overflow, or '
                        'pooler.max_backends to %s; lower work_mem; see what '
                        'this one does.', GREATEST(pg_catalog.floor(
                            m.backends * pg_catalog.current_setting(
                                'pooler.health_memory')::pg_catalog.float8
                            * m.machine / m.total), 1)))
    FROM memory AS m
    LEFT JOIN holder AS h ON h.backend = m.pid
    WHERE m.place = 1
      AND m.total > m.machine * pg_catalog.current_setting(
          'pooler.health_memory')::pg_catalog.float8
)
SELECT r.problem, r.pool, r.since, r.cause, r.client, r.application_name,
       r.role, r.backend, r.statement, r.remedy
FROM rows AS r
ORDER BY r.class, r.pool, r.place;
END;

COMMENT ON FUNCTION pooler.diagnose() IS
'The guide''s troubleshooting, run against what is there now: each problem that is present, since when, who causes it (clients that hold a backend longest) and what to do. No rows: none is.';

-- One page for a ticket: what the views say, and no more of statements than
-- their beginning.
CREATE FUNCTION pooler.report()
RETURNS pg_catalog.text
LANGUAGE SQL VOLATILE PARALLEL RESTRICTED
BEGIN ATOMIC
WITH line AS (
    SELECT 10 AS section, 0 AS n, pg_catalog.format(
               E'%s, %s\nWorker %s; clients: %s of %s; backends: %s, '
               'max_connections: %s; counters since %s',
               pooler.version(),
               pg_catalog.date_trunc('second', pg_catalog.clock_timestamp()),
               CASE WHEN w.listening THEN pg_catalog.format(
                        'listens on port %s since %s',
                        pg_catalog.current_setting('pooler.port'),
                        pg_catalog.date_trunc('second', w.started_at))
                    ELSE 'does not listen' END,
               w.clients, w.max_clients, w.backends,
               pg_catalog.current_setting('max_connections'),
               pg_catalog.date_trunc('second', w.stats_reset_at))
               || COALESCE(E'\n' || w.hba_missing, '') AS text
    FROM pooler.worker() AS w
    UNION ALL
    SELECT 20, 0, E'\nPools'
    UNION ALL
    SELECT 21, pg_catalog.row_number() OVER (ORDER BY p.waiting DESC, p.pool),
           pg_catalog.format(
               '  %s: %s, pool_size %s, max_overflow %s; backends: %s active, '
               '%s pinned, %s idle, %s unborn; clients: %s, waiting %s%s; '
               'transactions %s, time-outs %s, opened %s, closed %s',
               p.pool, p.state,
               COALESCE(p.pool_size::pg_catalog.text, 'unlimited'),
               COALESCE(p.max_overflow::pg_catalog.text, 'unlimited'),
               p.active, p.pinned, p.idle, p.unborn, p.clients, p.waiting,
               ' for ' || pg_catalog.date_trunc('milliseconds',
                                                p.longest_wait),
               p.transactions, p.timeouts, p.opened, p.closed)
    FROM pooler.pools() AS p
    UNION ALL
    SELECT 30, 0, E'\nProblems (pooler.diagnose)'
    UNION ALL
    SELECT 31, d.n, pg_catalog.concat(
               '  ', d.n, '. ', d.problem, ', pool ' || d.pool,
               ', since ' || pg_catalog.date_trunc('second', d.since),
               E'\n     ' || d.cause,
               E'\n     client ' || d.client || ', '
               || COALESCE(d.application_name, 'without name') || ', role '
               || d.role || ', backend ' || d.backend
               || COALESCE(': ' || pg_catalog."left"(
                   pg_catalog.regexp_replace(d.statement, '\s+', ' ', 'g'),
                   100), ''),
               E'\n     -> ' || d.remedy)
    FROM pooler.diagnose() WITH ORDINALITY AS d (
        problem, pool, since, cause, client, application_name, role, backend,
        statement, remedy, n)
    WHERE d.n <= 10
    UNION ALL
    SELECT 32, 0, '  none'
    WHERE NOT EXISTS (SELECT FROM pooler.diagnose())
    UNION ALL
    SELECT 40, 0, E'\nMetrics that warn (pooler.health)'
    UNION ALL
    SELECT 41, pg_catalog.row_number() OVER (ORDER BY h.pool, h.metric),
           pg_catalog.format(E'  %s, pool %s: %s (threshold %s %s)\n     %s\n'
                             '     -> %s', h.metric, h.pool,
                             pg_catalog.round(h.value::pg_catalog."numeric", 3),
                             h.threshold, h.unit, h.evidence, h.remedy)
    FROM pooler.health() AS h
    WHERE h.verdict = 'warning'
    UNION ALL
    SELECT 42, 0, '  none'
    WHERE NOT EXISTS (SELECT FROM pooler.health() AS h
                      WHERE h.verdict = 'warning')
    UNION ALL
    SELECT 50, 0, E'\nChecklist (pooler.checklist)'
    UNION ALL
    SELECT 51, c.item,
           pg_catalog.format('  %s %s: %s',
                             pg_catalog.rpad(c.verdict, 14),
                             c.requirement, c.evidence)
    FROM pooler.checklist AS c
    UNION ALL
    SELECT 60, 0, E'\nSettings that are not the guide''s (pooler.settings)'
    UNION ALL
    SELECT 61, pg_catalog.row_number() OVER (ORDER BY s.pool),
           pg_catalog.format('  %s: %s', s.pool, pg_catalog.string_agg(
               pg_catalog.concat(s.parameter, ' ',
                                 COALESCE(s.value, 'unlimited'), s.unit),
               ', '))
    FROM pooler.settings AS s
    WHERE s.source <> 'guide default'
    GROUP BY s.pool
    UNION ALL
    SELECT 62, 0, '  none'
    WHERE NOT EXISTS (SELECT FROM pooler.settings AS s
                      WHERE s.source <> 'guide default')
)
SELECT pg_catalog.string_agg(l.text, E'\n' ORDER BY l.section, l.n)
FROM line AS l;
END;

COMMENT ON FUNCTION pooler.report() IS
'One page of text for a ticket: worker, pools, problems, metrics that warn, the checklist, settings that are not the guide''s. It has the first 100 characters of statements that pooler.diagnose() names.';

-- Every range is with the guide's buffers of 20 and 30 %.  Its four databases
-- and its recommendations for max_connections are constants of the guide.
CREATE VIEW pooler.presets AS
SELECT r.preset,
       r.users,
       r.pool_size,
       r.max_overflow,
       r.pool_recycle,
       r.pool_timeout,
       r.pool_pre_ping,
       r.echo_pool,
       r.min_servers,
       r.max_servers,
       r.min_required,
       r.max_required,
       r.min_recommended,
       r.max_recommended,
       GREATEST(r.min_required - r.max_recommended, 0) AS min_shortfall,
       GREATEST(r.max_required - r.min_recommended, 0) AS max_shortfall,
       CASE
           WHEN r.max_required <= r.min_recommended THEN 'enough'
           ELSE 'short'
       END AS verdict,
       r.min_pooled,
       r.max_pooled,
       CASE
           WHEN r.max_required <= r.min_recommended
               THEN 'The guide agrees with itself.'
           ELSE pg_catalog.format(
               'The guide contradicts itself: it recommends max_connections = '
               '%s, but its own formula asks for %s with %s.',
               CASE
                   WHEN r.min_recommended = r.max_recommended
                       THEN r.min_recommended::pg_catalog.text
                   ELSE pg_catalog.format('%s-%s', r.min_recommended,
                                          r.max_recommended)
               END,
               pg_catalog.format('%s-%s', r.min_required, r.max_required),
               CASE
                   WHEN r.max_servers = 1 THEN 'one server'
                   WHEN r.min_servers = r.max_servers
                       THEN pg_catalog.format('%s servers', r.min_servers)
                   ELSE pg_catalog.format('%s-%s servers', r.min_servers,
                                          r.max_servers)
               END)
       END AS remark
FROM (
    SELECT g.*,
           pooler.required_max_connections(
               g.min_servers, 4, g.pool_size, g.max_overflow, 0.2)
               AS min_required,
           pooler.required_max_connections(
               g.max_servers, 4, g.pool_size, g.max_overflow, 0.3)
               AS max_required,
           pooler.required_max_connections(
               1, 4, g.pool_size, g.max_overflow, 0.2) AS min_pooled,
           pooler.required_max_connections(
               1, 4, g.pool_size, g.max_overflow, 0.3) AS max_pooled
    FROM pooler.presets() AS g
) AS r;

COMMENT ON VIEW pooler.presets IS
'The guide''s four scales: their settings, what max_connections they require for direct connections with 20 to 30 % buffer, what the guide recommends, and what is required with the pooler, whose pools count once however many servers there are.';
COMMENT ON COLUMN pooler.presets.min_required IS
'without the pooler: fewest servers, 20 % buffer';
COMMENT ON COLUMN pooler.presets.max_required IS
'without the pooler: most servers, 30 % buffer';
COMMENT ON COLUMN pooler.presets.min_pooled IS
'with the pooler: 20 % buffer';
COMMENT ON COLUMN pooler.presets.max_pooled IS
'with the pooler: 30 % buffer';

-- Who may: state for pg_monitor, control for superusers unless granted.

REVOKE ALL ON FUNCTION
    pooler.cancel_client(pg_catalog.int8),
    pooler.terminate_client(pg_catalog.int8),
    pooler.reset_stats(),
    pooler.version(), pooler.hba_lines(),
    pooler.required_max_connections(
        pg_catalog.int4, pg_catalog.int4, pg_catalog.int4, pg_catalog.int4,
        pg_catalog.float8),
    pooler.worker(), pooler.pools(), pooler.routes(), pooler.backends(),
    pooler.clients(), pooler.settings(), pooler.capacity(),
    pooler.validation(), pooler.presets(), pooler.health(),
    pooler.memory(), pooler.diagnose(), pooler.report(), pooler.latencies(),
    pooler.waiting(), pooler.usage(),
    pooler.histogram(pg_catalog.text, pg_catalog.text, pg_catalog.text),
    pooler.history(), pooler.advice(),
    pooler.recommend(
        pg_catalog.int4, pg_catalog.int4, pg_catalog.int4, pg_catalog.float8),
    pooler.plan(
        pg_catalog.int4, pg_catalog.int4, pg_catalog.int4, pg_catalog.int4,
        pg_catalog.int4, pg_catalog.float8, pg_catalog.text, pg_catalog.text)
FROM PUBLIC;

GRANT USAGE ON SCHEMA pooler TO pg_monitor;

GRANT SELECT ON
    pooler.worker, pooler.pools, pooler.routes, pooler.backends,
    pooler.clients, pooler.settings, pooler.capacity, pooler.validation,
    pooler.presets, pooler.health, pooler.checklist, pooler.memory,
    pooler.holders, pooler.latencies, pooler.history, pooler.utilisation,
    pooler.advice, pooler.activity, pooler.usage
TO pg_monitor;

GRANT EXECUTE ON FUNCTION
    pooler.version(), pooler.hba_lines(),
    pooler.required_max_connections(
        pg_catalog.int4, pg_catalog.int4, pg_catalog.int4, pg_catalog.int4,
        pg_catalog.float8),
    pooler.worker(), pooler.pools(), pooler.routes(), pooler.backends(),
    pooler.clients(), pooler.settings(), pooler.capacity(),
    pooler.validation(), pooler.presets(), pooler.health(),
    pooler.memory(), pooler.diagnose(), pooler.report(), pooler.latencies(),
    pooler.waiting(), pooler.usage(),
    pooler.histogram(pg_catalog.text, pg_catalog.text, pg_catalog.text),
    pooler.history(), pooler.advice(),
    pooler.recommend(
        pg_catalog.int4, pg_catalog.int4, pg_catalog.int4, pg_catalog.float8),
    pooler.plan(
        pg_catalog.int4, pg_catalog.int4, pg_catalog.int4, pg_catalog.int4,
        pg_catalog.int4, pg_catalog.float8, pg_catalog.text, pg_catalog.text)
TO pg_monitor;
