"""asyncpg: binary format, named statements, a pool of ten connections."""
import asyncio
import datetime
import io

import asyncpg


async def work(connection):
    await connection.execute("drop table if exists asyncpg_items")
    await connection.execute("create table asyncpg_items (id int primary key, name text, tags text[], at timestamptz)")
    now = datetime.datetime.now(datetime.timezone.utc)
    row = (1, "O'Reilly \\ ä", ["a", "b"], now)
    await connection.execute("insert into asyncpg_items values ($1, $2, $3, $4)", *row)
    assert tuple(await connection.fetchrow("select * from asyncpg_items")) == row
    try:
        async with connection.transaction():
            await connection.execute("insert into asyncpg_items values (2)")
            await connection.execute("insert into asyncpg_items values (1)")
        assert False, "duplicate key accepted"
    except asyncpg.UniqueViolationError:
        pass
    assert await connection.fetchval("select count(*) from asyncpg_items") == 1

    rows = [(i, f"n{i}") for i in range(10, 1010)]
    await connection.copy_records_to_table("asyncpg_items", records=rows, columns=["id", "name"])
    out = io.BytesIO()
    await connection.copy_from_query("select id from asyncpg_items where id >= $1 order by id", 10, output=out)
    assert out.getvalue() == b"".join(b"%d\n" % i for i in range(10, 1010))
    async with connection.transaction():
        seen = [r["id"] async for r in connection.cursor("select id from asyncpg_items order by id")]
    assert len(seen) == 1001
    await connection.executemany("update asyncpg_items set name = $1 where id = $2", [(f"m{i}", i) for i in range(10, 110)])


async def notifications(connection):
    heard = asyncio.Event()
    await connection.add_listener("news", lambda *_: heard.set())
    await connection.execute("notify news")
    await asyncio.wait_for(heard.wait(), 30)
    await connection.remove_listener("news", lambda *_: None)


async def cancel(connection):
    try:
        await connection.execute("select pg_sleep(60)", timeout=0.3)
        assert False, "not cancelled"
    except asyncio.TimeoutError:
        pass
    assert await connection.fetchval("select 1") == 1


async def many(pool, number):
    for i in range(50):
        async with pool.acquire() as connection:
            assert await connection.fetchval("select $1::text", f"{number}.{i}") == f"{number}.{i}"


async def main():
    connection = await asyncpg.connect()
    await work(connection)
    await notifications(connection)
    await cancel(connection)
    await connection.close()
    async with asyncpg.create_pool() as pool:
        await asyncio.gather(*(many(pool, n) for n in range(20)))


asyncio.run(main())
