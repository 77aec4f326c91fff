-- pooler-top: the pools, live, with bars.
--
--	psql -f pooler-top.sql			once
--	psql -v every=1 -f pooler-top.sql	every second, until Ctrl+C
--	\i pooler-top.sql, then \watch 1	the same, from within psql
--
-- In the bar each character is a backend, or more where the pool may open more
-- than 40:  # active  P pinned  = idle  - unborn  . may still be opened.
-- Each < behind it is a client that waits.  tps is since the last time that
-- this session looked; what it needs for that is in its setting pooler_top.last.
\set QUIET on
\pset footer off
\pset null ''
\set QUIET off
WITH pool AS MATERIALIZED (
    SELECT p.*,
           COALESCE(CASE WHEN p.pool_size > 0 THEN p.pool_size + p.max_overflow END,
                    p.backends) AS most,
           pg_catalog.clock_timestamp() AS at,
           NULLIF(pg_catalog.current_setting('pooler_top.last', true), '')::pg_catalog.json AS last
    FROM pooler.pools AS p
), remembered AS MATERIALIZED (
    SELECT pg_catalog.set_config('pooler_top.last',
        pg_catalog.json_object_agg(pool, pg_catalog.json_build_array(
            transactions, pg_catalog.date_part('epoch', at)))::pg_catalog.text,
        false)
    FROM pool
), scaled AS (
    SELECT *, LEAST(1.0, 40.0 OPERATOR(pg_catalog./) NULLIF(GREATEST(most, backends), 0)::pg_catalog."numeric") AS scale FROM pool
)
SELECT pool,
       CASE state WHEN 'open' THEN '' ELSE state END AS state,
       pg_catalog.rpad(
           pg_catalog.concat('[', pg_catalog.rpad(pg_catalog.concat(
               pg_catalog.repeat('#', pg_catalog.ceil(active::pg_catalog."numeric" OPERATOR(pg_catalog.*) scale)::pg_catalog.int4),
               pg_catalog.repeat('P', pg_catalog.ceil(pinned::pg_catalog."numeric" OPERATOR(pg_catalog.*) scale)::pg_catalog.int4),
               pg_catalog.repeat('=', pg_catalog.floor(idle::pg_catalog."numeric" OPERATOR(pg_catalog.*) scale)::pg_catalog.int4),
               pg_catalog.repeat('-', pg_catalog.floor(unborn::pg_catalog."numeric" OPERATOR(pg_catalog.*) scale)::pg_catalog.int4)),
               pg_catalog.round(GREATEST(most, backends)::pg_catalog."numeric" OPERATOR(pg_catalog.*) scale)::pg_catalog.int4, '.'), ']',
               pg_catalog.repeat('<', LEAST(waiting, 12))), 54) AS backends,
       pg_catalog.concat(active OPERATOR(pg_catalog.+) pinned, '/', most) AS busy,
       clients,
       waiting,
       pg_catalog.round(pg_catalog.date_part('epoch', longest_wait)::pg_catalog."numeric", 1) AS "wait, s",
       -- where they were reset since, they have grown from nothing
       pg_catalog.round(((transactions - CASE WHEN (last -> pool ->> 0)::pg_catalog.int8 > transactions
               THEN 0::pg_catalog.int8 ELSE (last -> pool ->> 0)::pg_catalog.int8 END)::pg_catalog.float8
           / NULLIF(pg_catalog.date_part('epoch', at) - (last -> pool ->> 1)::pg_catalog.float8, 0::pg_catalog.float8))::pg_catalog."numeric") AS tps,
       timeouts AS "time-outs",
       CASE WHEN backends = 0 THEN last_error END AS error
FROM scaled, remembered
ORDER BY waiting DESC, active + pinned DESC, pool
\if :{?every}
\watch :every
\else
\g
\endif
