"""The console by real programs: psycopg2, psycopg 3, asyncpg, Debian's exporter.

The numbers must be those of the transactions that ran in the pool main."""
import asyncio
import os
import sys

import asyncpg
import psycopg
import psycopg2
from prometheus_pgbouncer_exporter import collectors, utils

transactions = int(sys.argv[1])
host, port, user = os.environ["PGHOST"], int(os.environ["PGPORT"]), os.environ["PGUSER"]


def named(cursor, query):
    cursor.execute(query)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor.fetchall()]


def check(stats, pools):
    main = [row for row in stats if row["database"] == "main"][0]
    assert int(main["total_xact_count"]) == transactions, main
    assert int(main["total_query_count"]) == transactions, main
    assert [row["sv_active"] for row in pools if row["user"] == "app"] == [0], pools


# psycopg2, as it comes (it begins transactions) and as Datadog's agent uses it
connection = psycopg2.connect(dbname="pgbouncer")
with connection.cursor() as cursor:
    check(named(cursor, "SHOW STATS"), named(cursor, "SHOW POOLS"))
    assert named(cursor, "SHOW VERSION;")[0]["version"].startswith("PgBouncer 1.24.1 ")
connection.commit()
connection.set_session(autocommit=True)
connection.set_client_encoding("UTF8")
with connection.cursor() as cursor:
    assert dict(zip(("list", "items"), (1, 2)))
    cursor.execute("SHOW LISTS")
    assert dict(cursor.fetchall())["used_clients"] == 1
connection.close()

# psycopg 3: extended protocol where it is asked for binary results
with psycopg.connect(dbname="pgbouncer") as connection:
    for binary in (False, True):
        with connection.cursor(binary=binary) as cursor:
            check(named(cursor, "SHOW STATS"), named(cursor, "SHOW POOLS"))
    for _ in range(10):
        connection.execute("SHOW STATE", prepare=True)


async def with_asyncpg():
    connection = await asyncpg.connect(database="pgbouncer")
    check([dict(row) for row in await connection.fetch("SHOW STATS")],
          [dict(row) for row in await connection.fetch("SHOW POOLS")])
    try:
        await connection.fetch("PAUSE")
        assert False, "paused"
    except asyncpg.FeatureNotSupportedError:
        pass
    assert await connection.fetchval("SHOW server_encoding") == "UTF8"
    await connection.close()


asyncio.run(with_asyncpg())

# Debian's exporter; its other collectors want columns that PgBouncer 1.8 dropped
connection = utils.get_connection(user, port, host)
samples = {}
for collector in (collectors.ListsCollector(connection),
                  collectors.PoolsCollector(["main"], connection)):
    for metric in collector.collect():
        for sample in metric.samples:
            samples[sample.name] = sample.value
assert samples["pgbouncer_databases"] == 2, samples
assert samples["pgbouncer_used_servers"] == 2, samples
assert samples["pgbouncer_waiting_clients"] == 0, samples
