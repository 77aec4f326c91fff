-- The guide's formula, and the checks that use it.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pooler;
RESET client_min_messages;
SELECT pooler.required_max_connections(1, 4, 5, 10) AS small_20,
       pooler.required_max_connections(1, 4, 5, 10, 0.3) AS small_30,
       pooler.required_max_connections(1, 4, 10, 20, 0.2) AS medium_20,
       pooler.required_max_connections(4, 4, 20, 40, 0.3) AS large_30,
       pooler.required_max_connections(5, 4, 30, 70, 0.25) AS enterprise_25;
SELECT pooler.required_max_connections(
    app_servers => 2, databases => 3, pool_size => 1, max_overflow => 0,
    buffer => 0.1) AS rounded_up;
-- unlimited
SELECT pooler.required_max_connections(1, 4, 5, -1) IS NULL AS overflow,
       pooler.required_max_connections(1, 4, 0, 10) IS NULL AS size;
-- nonsense
SELECT pooler.required_max_connections(-1, 4, 5, 10);
SELECT pooler.required_max_connections(1, 4, 5, -2);
SELECT pooler.required_max_connections(1, 4, 5, 10, 'NaN');
SELECT pooler.required_max_connections(2147483647, 4, 5, 10);
-- the three checks that are always there
SELECT check_name, subject, required IS NOT NULL AS required,
       available = CASE check_name
                       WHEN 'clients' THEN (SELECT max_clients FROM pooler.worker)
                       ELSE current_setting('max_connections')::int
                   END AS available,
       shortfall = greatest(required - available, 0) AS shortfall,
       verdict = CASE WHEN shortfall = 0 THEN 'ok' ELSE 'short' END AS verdict,
       (advice IS NULL) = (verdict = 'ok') AS advice,
       detail IS NOT NULL AS detail
FROM pooler.capacity
WHERE check_name IN ('server', 'direct', 'clients');
-- limits of roles and databases: only what is too low is shown
CREATE ROLE regress_pooler_low LOGIN CONNECTION LIMIT 1;
CREATE ROLE regress_pooler_none LOGIN;
CREATE ROLE regress_pooler_high LOGIN CONNECTION LIMIT 100000;
CREATE ROLE regress_pooler_group NOLOGIN CONNECTION LIMIT 1;
CREATE ROLE regress_pooler_super LOGIN SUPERUSER CONNECTION LIMIT 1;
-- a role is held against the pools whose databases it may connect to
SELECT c.subject, c.available, c.verdict,
       c.required = max(p.pool_size + p.max_overflow) AS required
FROM pooler.capacity AS c, pooler.pools AS p
WHERE c.check_name = 'role' AND c.subject LIKE 'regress_pooler_%'
  AND EXISTS (SELECT FROM pg_database WHERE datname = p.database)
GROUP BY 1, 2, 3, c.required
UNION ALL
SELECT 'regress_pooler_low', 1, 'short', true
WHERE NOT EXISTS (SELECT FROM pooler.pools
                  JOIN pg_database ON datname = database);
DROP ROLE regress_pooler_low, regress_pooler_none, regress_pooler_high,
    regress_pooler_group, regress_pooler_super;
