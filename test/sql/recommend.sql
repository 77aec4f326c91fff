-- Sizes for a deployment that does not exist yet: the guide's scales, and where
-- it contradicts itself.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pooler;
RESET client_min_messages;
\pset format unaligned
\pset null -
-- each scale at its own number of servers
SELECT parameter, value, unit, guide, note FROM pooler.recommend(5, 1, 4);
SELECT parameter, value, unit, guide, note FROM pooler.recommend(50, 1, 4);
SELECT parameter, value, unit, guide, note FROM pooler.recommend(500, 4, 4, 0.3);
SELECT parameter, value, unit, guide, note FROM pooler.recommend(5000, 5, 4);
-- recommend and presets have the same figures
SELECT s.preset, count(*) FILTER (WHERE r.value = CASE r.parameter
        WHEN 'pool_size' THEN s.pool_size::text
        WHEN 'max_overflow' THEN s.max_overflow::text
        WHEN 'pool_recycle' THEN s.pool_recycle::text
        WHEN 'pool_timeout' THEN s.pool_timeout::text
        WHEN 'max_connections' THEN s.min_pooled::text
        WHEN 'max_connections without pooler' THEN s.min_required::text
    END) AS same
FROM (VALUES ('small', 5), ('medium', 50), ('large', 500), ('enterprise', 5000))
    AS u (preset, users)
JOIN pooler.presets AS s USING (preset)
CROSS JOIN LATERAL pooler.recommend(u.users, s.min_servers) AS r
GROUP BY s.preset, u.users ORDER BY u.users;
-- the edges are in two scales, and the guide's servers may be others
SELECT users, r.value, r.note
FROM unnest(ARRAY[1, 10, 11, 100, 101, 1000, 1001, 2147483647]) AS users,
     pooler.recommend(users, 2, 1) AS r
WHERE r.parameter = 'scale';
-- what is to be run
SELECT statement FROM pooler.recommend(500, 3, 4) WHERE statement IS NOT NULL;
-- the server takes it; without a reload nothing changes
SELECT statement FROM pooler.recommend(5, 1, 4) WHERE statement IS NOT NULL \gexec
SELECT statement FROM pooler.recommend(5000, 5, 4) WHERE statement IS NOT NULL \gexec
SELECT format('ALTER SYSTEM RESET %s', split_part(statement, ' ', 4))
FROM pooler.recommend(5) WHERE statement IS NOT NULL \gexec
-- nonsense
SELECT * FROM pooler.recommend(0);
SELECT * FROM pooler.recommend(1, 0);
SELECT * FROM pooler.recommend(1, 1, 0);
SELECT * FROM pooler.recommend(1, 1, 1, 'NaN');
SELECT * FROM pooler.recommend(5000, 2147483647, 2147483647);
SELECT count(*) FROM pooler.recommend(NULL);
-- What if: every scale against what the guide recommends for it
SELECT s.preset, n.servers, p.way, p.connections, p.required, p.available,
       p.shortfall, p.verdict,
       regexp_replace(p.advice, 'port \d+', 'port N') AS advice
FROM (VALUES ('small', 1), ('medium', 1), ('large', 2), ('large', 4),
             ('enterprise', 5)) AS n (preset, servers)
JOIN pooler.presets AS s USING (preset)
CROSS JOIN LATERAL pooler.plan(n.servers, 4, s.pool_size, s.max_overflow,
                               s.max_recommended) AS p
ORDER BY p.connections, n.servers, p.way;
-- what it says to do suffices
SELECT p.way, p.verdict FROM pooler.plan(4, 4, 20, 40, 1152) AS p;
SELECT p.way, p.verdict FROM pooler.plan(2, 4, 20, 11, 300) AS p;
SELECT p.way, p.verdict FROM pooler.plan(2, 4, 20, 12, 300) AS p;
-- against this server
SELECT DISTINCT available = current_setting('max_connections')::int AS this_one
FROM pooler.plan(1, 4, 5, 10);
-- memory is what it is assumed to be
SET hash_mem_multiplier = 2;
SELECT way, connections, pg_size_pretty(memory_idle) AS idle,
       pg_size_pretty(memory_busy) AS busy, assumptions
FROM pooler.plan(4, 4, 20, 40, work_mem => '16MB', backend_memory => '10MB');
RESET hash_mem_multiplier;
-- unlimited
SELECT way, connections, required, shortfall, verdict, memory_idle,
       regexp_replace(advice, 'port \d+', 'port N') AS advice
FROM pooler.plan(2, 4, 5, -1, 100);
SELECT way, connections, required, shortfall, verdict, memory_idle,
       regexp_replace(advice, 'port \d+', 'port N') AS advice
FROM pooler.plan(2, 4, 0, 10, 100);
-- nonsense
SELECT * FROM pooler.plan(0, 4, 5, 10);
SELECT * FROM pooler.plan(1, 0, 5, 10);
SELECT * FROM pooler.plan(1, 4, -1, 10);
SELECT * FROM pooler.plan(1, 4, 5, -2);
SELECT * FROM pooler.plan(1, 4, 5, 10, 0);
SELECT * FROM pooler.plan(1, 4, 5, 10, 100, -0.1);
SELECT * FROM pooler.plan(1, 4, 5, 10, work_mem => 'much');
SELECT * FROM pooler.plan(1, 4, 5, 10, backend_memory => '-1');
SELECT * FROM pooler.plan(2147483647, 4, 5, 10);
