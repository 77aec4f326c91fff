# pgbench in each of its protocol modes; the books agree afterwards.
set -eu
pgbench -i -q -s 2 2>/dev/null
for mode in simple extended prepared; do
    pgbench -n -M $mode -c 8 -j 2 -t 100
    pgbench -n -S -M $mode -c 8 -j 2 -t 200
done
pgbench -n -C -c 4 -t 25
[ "$(psql -XAtq -c 'select (select sum(abalance) from pgbench_accounts) = (select sum(bbalance) from pgbench_branches)
    and (select sum(tbalance) from pgbench_tellers) = (select sum(delta) from pgbench_history)
    and (select sum(delta) from pgbench_history) = (select sum(bbalance) from pgbench_branches),
    count(*) from pgbench_history')" = 't|2500' ]
