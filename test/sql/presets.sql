-- The guide's four scales: what they need, and what the guide recommends.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pooler;
RESET client_min_messages;
SELECT preset, pool_size, max_overflow, pool_recycle, pool_timeout,
       pool_pre_ping, echo_pool
FROM pooler.presets;
SELECT preset, min_servers || '-' || max_servers AS servers,
       min_required || '-' || max_required AS required,
       min_recommended || '-' || max_recommended AS recommended,
       min_shortfall || '-' || max_shortfall AS shortfall,
       verdict, min_pooled || '-' || max_pooled AS pooled
FROM pooler.presets;
SELECT preset, remark FROM pooler.presets;
