-- State is for pg_monitor and its members, control for superusers and those
-- whom they grant it.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pooler;
RESET client_min_messages;
CREATE ROLE regress_pooler_nobody;
CREATE ROLE regress_pooler_monitor;
GRANT pg_monitor TO regress_pooler_monitor;
SET ROLE regress_pooler_nobody;
SELECT count(*) FROM pooler.pools;
SELECT pooler.version();
RESET ROLE;
-- with USAGE, too
GRANT USAGE ON SCHEMA pooler TO regress_pooler_nobody;
SET ROLE regress_pooler_nobody;
SELECT count(*) FROM pooler.pools;
SELECT count(*) FROM pooler.pools();
SELECT count(*) FROM pooler.presets;
SELECT count(*) FROM pooler.health;
SELECT count(*) FROM pooler.checklist;
SELECT count(*) FROM pooler.memory;
SELECT count(*) FROM pooler.holders;
SELECT count(*) FROM pooler.activity;
SELECT count(*) FROM pooler.waiting();
SELECT count(*) FROM pooler.usage;
SELECT count(*) FROM pooler.diagnose();
SELECT pooler.report();
SELECT pooler.version();
SELECT count(*) FROM pooler.recommend(1);
SELECT count(*) FROM pooler.plan(1, 1, 1, 1);
SELECT pooler.cancel_client(0);
SET ROLE regress_pooler_monitor;
SELECT count(*) >= 0 AS worker FROM pooler.worker;
SELECT count(*) >= 0 AS pools FROM pooler.pools;
SELECT count(*) >= 0 AS routes FROM pooler.routes;
SELECT count(*) >= 0 AS backends FROM pooler.backends;
SELECT count(*) >= 0 AS clients FROM pooler.clients;
SELECT count(*) >= 0 AS settings FROM pooler.settings;
SELECT count(*) >= 3 AS capacity FROM pooler.capacity;
SELECT count(*) >= 3 AS validation FROM pooler.validation;
SELECT count(*) AS presets FROM pooler.presets;
SELECT count(*) >= 0 AS health FROM pooler.health;
SELECT count(*) AS checklist FROM pooler.checklist;
SELECT count(*) >= 0 AS memory FROM pooler.memory;
SELECT count(*) >= 0 AS holders FROM pooler.holders;
SELECT count(*) >= 0 AS activity FROM pooler.activity;
SELECT count(*) >= 0 AS usage FROM pooler.usage;
SELECT count(*) >= 0 AS diagnose FROM pooler.diagnose();
SELECT pooler.report() IS NOT NULL AS report;
SELECT count(*) AS recommend FROM pooler.recommend(1);
SELECT count(*) AS plan FROM pooler.plan(1, 1, 1, 1);
SELECT count(*) AS hba_lines FROM pooler.hba_lines();
SELECT pooler.version() IS NOT NULL AS version;
SELECT pooler.required_max_connections(1, 1, 1, 1);
SELECT pooler.cancel_client(0);
SELECT pooler.terminate_client(0);
SELECT pooler.reset_stats();
RESET ROLE;
GRANT EXECUTE ON FUNCTION pooler.cancel_client(int8) TO regress_pooler_monitor;
SET ROLE regress_pooler_monitor;
SELECT pooler.cancel_client(0);
RESET ROLE;
-- nothing is PUBLIC's
SELECT p.oid::regprocedure FROM pg_proc AS p, aclexplode(p.proacl) AS a
WHERE p.pronamespace = 'pooler'::regnamespace AND a.grantee = 0;
SELECT p.oid::regprocedure FROM pg_proc AS p
WHERE p.pronamespace = 'pooler'::regnamespace AND p.proacl IS NULL;
REVOKE USAGE ON SCHEMA pooler FROM regress_pooler_nobody;
REVOKE EXECUTE ON FUNCTION pooler.cancel_client(int8)
    FROM regress_pooler_monitor;
DROP ROLE regress_pooler_nobody, regress_pooler_monitor;
