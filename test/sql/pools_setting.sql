-- The text of pooler.pools. ALTER SYSTEM checks it as the configuration file's
-- reader does; without a reload nothing changes.
ALTER SYSTEM SET pooler.pools = 'main, telehealth, fire, hems';
ALTER SYSTEM SET pooler.pools = '';
ALTER SYSTEM SET pooler.pools =
    'main, hems pool_size=3 max_overflow=2, reports=warehouse mode=session';
ALTER SYSTEM SET pooler.pools = '"my db"="a, b = ""c""" pool_size = 1, *';
ALTER SYSTEM SET pooler.pools =
    'a recycle=30min timeout=500ms pre_ping=off echo=on mode=transaction';
ALTER SYSTEM SET pooler.pools =
    'a pool_recycle=-1 pool_timeout=0.5 pool_pre_ping=no echo_pool=yes';
ALTER SYSTEM SET pooler.pools = 'a timeout="2 min" max_overflow=-1, * pool_size=0';
ALTER SYSTEM RESET pooler.pools;
-- what is wrong, and where
ALTER SYSTEM SET pooler.pools = 'main,';
ALTER SYSTEM SET pooler.pools = 'main, main';
ALTER SYSTEM SET pooler.pools = 'main, hems pool_sise=3';
ALTER SYSTEM SET pooler.pools = 'main, hems pool_size';
ALTER SYSTEM SET pooler.pools = 'main, hems pool_size=';
ALTER SYSTEM SET pooler.pools = 'main pool_size=3 pool_size=4';
ALTER SYSTEM SET pooler.pools = 'main recycle=9 pool_recycle=9';
ALTER SYSTEM SET pooler.pools = 'main pool_size=many';
ALTER SYSTEM SET pooler.pools = 'main pool_size=2.5kB';
ALTER SYSTEM SET pooler.pools = 'main pool_size=99999999';
ALTER SYSTEM SET pooler.pools = 'main max_overflow=-2';
ALTER SYSTEM SET pooler.pools = 'main recycle=0';
ALTER SYSTEM SET pooler.pools = 'main recycle=1parsec';
ALTER SYSTEM SET pooler.pools = 'main timeout=-3';
ALTER SYSTEM SET pooler.pools = 'main timeout=NaN';
ALTER SYSTEM SET pooler.pools = 'main pre_ping=perhaps';
ALTER SYSTEM SET pooler.pools = 'main mode=statement';
ALTER SYSTEM SET pooler.pools = '"main';
ALTER SYSTEM SET pooler.pools = '""';
ALTER SYSTEM SET pooler.pools = 'main=""';
ALTER SYSTEM SET pooler.pools = 'a=b=c';
ALTER SYSTEM SET pooler.pools = '*=main';
ALTER SYSTEM SET pooler.pools = '*, *';
ALTER SYSTEM SET pooler.pools =
    'a123456789012345678901234567890123456789012345678901234567890123';
-- 64 pools may be listed, not 65
SELECT format('ALTER SYSTEM SET pooler.pools = %L', string_agg('p' || n, ','))
FROM generate_series(1, 64) AS n \gexec
SELECT format('ALTER SYSTEM SET pooler.pools = %L', string_agg('p' || n, ','))
FROM generate_series(1, 65) AS n \gexec
ALTER SYSTEM RESET pooler.pools;
