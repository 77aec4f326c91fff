-- What the views have, whatever is in them.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pooler;
RESET client_min_messages;
SELECT c.relname AS view, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod)
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relnamespace = 'pooler'::regnamespace AND c.relkind = 'v'
  AND a.attnum > 0
ORDER BY c.relname COLLATE "C", a.attnum;
SELECT c.relname AS uncommented FROM pg_class AS c
WHERE c.relnamespace = 'pooler'::regnamespace AND c.relkind = 'v'
  AND obj_description(c.oid, 'pg_class') IS NULL;
-- functions that are not a view's
SELECT p.oid::regprocedure AS function, p.prorettype::regtype AS returns,
       obj_description(p.oid, 'pg_proc') IS NOT NULL AS commented
FROM pg_proc AS p
WHERE p.pronamespace = 'pooler'::regnamespace
  AND NOT EXISTS (SELECT FROM pg_class
                  WHERE relnamespace = p.pronamespace AND relname = p.proname)
ORDER BY p.proname COLLATE "C";
-- they work under any search_path
SET search_path = '';
SELECT pg_catalog.count(*) > 0 AS settings FROM pooler.settings;
SELECT pg_catalog.count(*) > 0 AS validation FROM pooler.validation;
SELECT pg_catalog.count(*) > 0 AS checklist FROM pooler.checklist;
SELECT pg_catalog.count(*) >= 0 AS diagnose FROM pooler.diagnose();
SELECT pg_catalog.length(pooler.report()) > 0 AS report;
RESET search_path;
-- each pool shows the same values in both views
SELECT count(*) AS differences
FROM pooler.pools AS p JOIN pooler.settings AS s USING (pool)
WHERE s.value IS DISTINCT FROM
    CASE s.parameter
        WHEN 'pool_size' THEN p.pool_size::text
        WHEN 'max_overflow' THEN p.max_overflow::text
        WHEN 'pool_recycle' THEN p.pool_recycle::text
        WHEN 'pool_timeout' THEN p.pool_timeout::text
        WHEN 'pool_pre_ping' THEN CASE WHEN p.pool_pre_ping THEN 'on' ELSE 'off' END
        WHEN 'echo_pool' THEN CASE WHEN p.echo_pool THEN 'on' ELSE 'off' END
        WHEN 'mode' THEN p.mode
    END;
SELECT DISTINCT parameter, unit FROM pooler.settings ORDER BY 1;
SELECT count(*) AS unknown FROM pooler.settings
WHERE source NOT IN ('guide default', 'global', 'pool');
-- the guide's rules for production
SELECT check_name, pool, setting, required
FROM pooler.validation WHERE check_name <> 'capacity' AND pool IS NULL;
SELECT count(*) AS without_hint FROM pooler.validation
WHERE (verdict = 'ok') <> (hint IS NULL);
-- the guide's checklist, every item of it
SELECT item, requirement FROM pooler.checklist ORDER BY item;
SELECT count(*) AS without_evidence FROM pooler.checklist
WHERE evidence IS NULL
   OR verdict NOT IN ('ok', 'warning', 'not applicable', 'unknown')
   OR (verdict IN ('warning', 'unknown')) <> (remedy IS NOT NULL);
-- the lines for pg_hba.conf and pg_ident.conf
SELECT regexp_replace(file, '.*/', '') AS file,
       regexp_replace(line, '^pooler \S+', 'pooler <user>') AS line
FROM pooler.hba_lines();
SELECT octet_length((regexp_match(line, '"(.*)"'))[1]) AS reserved_name
FROM pooler.hba_lines();
SELECT pooler.version() =
    format('pooler %s on PostgreSQL %s', extversion,
           current_setting('server_version')) AS version
FROM pg_extension WHERE extname = 'pooler';
SELECT pid > 0 AS runs, started_at < now() AS started FROM pooler.worker;
-- nobody has these numbers
SELECT pooler.cancel_client(0), pooler.cancel_client(-1),
       pooler.terminate_client(0), pooler.cancel_client(NULL);
