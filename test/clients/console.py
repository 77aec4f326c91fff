"""The console by real programs: psycopg2, psycopg 3, asyncpg, Debian's exporter.

The numbers must be those of the transactions that ran in the pool main."""
import asyncio
import calendar
import os
import re
import sys
import time

import asyncpg
import psycopg
import psycopg2
import psycopg2.extras
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


# psycopg2, as it comes: it begins transactions
connection = psycopg2.connect(dbname="pgbouncer")
with connection.cursor() as cursor:
    check(named(cursor, "SHOW STATS"), named(cursor, "SHOW POOLS"))
    assert named(cursor, "SHOW VERSION;")[0]["version"].startswith("PgBouncer 1.24.1 ")
connection.commit()
# As Datadog's agent reads it (integrations-core, pgbouncer 8): each SHOW by the
# names of its columns, times without their zone, a version in SHOW VERSION
datadog = {
    "STATS": "total_xact_count total_query_count total_received total_sent total_query_time total_xact_time"
             " total_wait_time avg_xact_count avg_query_count avg_wait_time avg_recv avg_sent avg_xact_time"
             " avg_query_time database",
    "POOLS": "cl_active cl_waiting sv_active sv_idle sv_used sv_tested sv_login maxwait maxwait_us database user",
    "DATABASES": "pool_size max_connections current_connections name",
    "CLIENTS": "connect_time request_time wait wait_us database user state",
    "SERVERS": "connect_time request_time database user state",
}
connection.set_isolation_level(psycopg2.extensions.ISOLATION_LEVEL_AUTOCOMMIT)
with connection.cursor(cursor_factory=psycopg2.extras.DictCursor) as cursor:
    for show, columns in datadog.items():
        cursor.execute("SHOW " + show)
        rows = cursor.fetchall()
        assert rows, show
        for row in rows:
            for column in columns.split():
                value = row[column]
                if column in ("connect_time", "request_time") and value:
                    assert abs(calendar.timegm(time.strptime(" ".join(value.split(" ")[:2]), "%Y-%m-%d %H:%M:%S"))
                               - time.time()) < 3600, value
                elif column not in ("database", "user", "state", "name"):
                    float(value)
    cursor.execute("SHOW CONFIG")
    assert int({row["key"]: row["value"] for row in cursor.fetchall()}["max_client_conn"]) > 0
    cursor.execute("SHOW VERSION;")
    assert not connection.notices
    assert re.findall(r"\d+\.\d+\.\d+", cursor.fetchone()[0])[0] == "1.24.1"
with connection.cursor() as cursor:
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
    async with connection.transaction():
        lists = [row async for row in connection.cursor("SHOW LISTS", prefetch=2)]
    assert len(lists) == len(await connection.fetch("SHOW LISTS")) > 5, lists
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
