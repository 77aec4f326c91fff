-- The settings: their names, units, defaults (of pooler.env = development) and
-- who may change them when. Nothing here takes effect for other sessions.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pooler;
RESET client_min_messages;
SELECT name, vartype, unit, context, boot_val
FROM pg_settings
WHERE name LIKE 'pooler.%'
  AND name NOT IN ('pooler.known_libraries', 'pooler.unix_socket_directories')
ORDER BY name COLLATE "C";
SELECT count(*) AS without_description FROM pg_settings
WHERE name LIKE 'pooler.%' AND coalesce(short_desc, '') = '';
SELECT name, enumvals FROM pg_settings
WHERE name LIKE 'pooler.%' AND enumvals IS NOT NULL
ORDER BY name COLLATE "C";
-- the server's own directories are the default
SELECT boot_val = current_setting('unix_socket_directories') AS same
FROM pg_settings WHERE name = 'pooler.unix_socket_directories';
-- not for a session, a role or a database
SET pooler.pool_size = 5;
ALTER ROLE CURRENT_USER SET pooler.pool_size = 5;
SET pooler.port = 5;
SET pooler.env = production;
-- but the mode is
SET pooler.mode = 'session';
SHOW pooler.mode;
SET pooler.mode = 'statement';
RESET pooler.mode;
CREATE ROLE regress_pooler_user LOGIN;
ALTER ROLE regress_pooler_user SET pooler.mode = session;
SELECT setconfig FROM pg_db_role_setting
WHERE setrole = 'regress_pooler_user'::regrole;
SET ROLE regress_pooler_user;
SET pooler.mode = 'session';
ALTER ROLE regress_pooler_user SET pooler.mode = transaction;
RESET ROLE;
DROP ROLE regress_pooler_user;
-- values, as the configuration file would take them
ALTER SYSTEM SET pooler.pool_size = -1;
ALTER SYSTEM SET pooler.max_overflow = -2;
ALTER SYSTEM SET pooler.pool_recycle = 0;
ALTER SYSTEM SET pooler.pool_recycle = '30 parsecs';
ALTER SYSTEM SET pooler.pool_timeout = -0.5;
ALTER SYSTEM SET pooler.pool_timeout = 'NaN';
ALTER SYSTEM SET pooler.pool_pre_ping = 'perhaps';
ALTER SYSTEM SET pooler.env = 'staging';
ALTER SYSTEM SET pooler.superuser_mode = 'both';
ALTER SYSTEM SET pooler.app_servers = 0;
ALTER SYSTEM SET pooler.capacity_buffer = -0.1;
ALTER SYSTEM SET pooler.known_libraries = '"half';
ALTER SYSTEM SET pooler.health_exhaustion = 1.1;
-- 18 says the range with its unit
\set VERBOSITY sqlstate
ALTER SYSTEM SET pooler.pool_recycle = -2;
ALTER SYSTEM SET pooler.health_wait = -1;
\set VERBOSITY default
-- good ones
ALTER SYSTEM SET pooler.pool_recycle = '1h';
ALTER SYSTEM SET pooler.pool_recycle = -1;
ALTER SYSTEM SET pooler.pool_timeout = '500ms';
ALTER SYSTEM SET pooler.pool_timeout = '0.5';
ALTER SYSTEM SET pooler.pool_timeout = 0;
ALTER SYSTEM SET pooler.pool_timeout = -1;
ALTER SYSTEM SET pooler.max_overflow = -1;
ALTER SYSTEM SET pooler.wait_notice = '10s';
ALTER SYSTEM SET pooler.health_wait = '500ms';
ALTER SYSTEM SET pooler.health_idle_time = '15min';
ALTER SYSTEM RESET pooler.pool_recycle;
ALTER SYSTEM RESET pooler.pool_timeout;
ALTER SYSTEM RESET pooler.max_overflow;
ALTER SYSTEM RESET pooler.wait_notice;
ALTER SYSTEM RESET pooler.health_wait;
ALTER SYSTEM RESET pooler.health_idle_time;
