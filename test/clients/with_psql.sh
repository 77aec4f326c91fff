# psql: variables, \copy, errors, a script in one transaction, Ctrl-C.
set -eu
psql="psql -XAtq -v ON_ERROR_STOP=1"

$psql <<'END'
\set who world
select 'hello ' || :'who' \g /dev/null
drop table if exists psql_items;
create table psql_items (id int primary key, name text);
begin;
insert into psql_items values (1, 'one') returning id \gset
savepoint s;
insert into psql_items values (2, 'two');
rollback to s;
commit;
\copy (select i, 'n' || i from generate_series(10, 1009) i) to program 'cat >psql_items.txt'
\copy psql_items from 'psql_items.txt'
END
rm psql_items.txt
[ "$($psql -c 'select count(*), sum(id) from psql_items')" = '1001|509501' ]
$psql -1 -c 'delete from psql_items' -c 'select 1/0' 2>/dev/null && exit 1
[ "$($psql -c 'select count(*) from psql_items')" = 1001 ]
$psql -c '\d psql_items' | grep -q 'id|integer'

# An interrupt is a cancel request.
$psql -c 'select pg_sleep(60)' 2>psql_error.txt &
until [ "$($psql -c "select count(*) from pg_stat_activity where query = 'select pg_sleep(60)'")" = 1 ]; do :; done
kill -INT $!
wait $! && exit 1
grep -q 'canceling statement due to user request' psql_error.txt
rm psql_error.txt
