"""psycopg 3: it prepares what it has run five times, under a name."""
import threading

import psycopg


def work(connection):
    connection.execute("drop table if exists psycopg3_items")
    connection.execute("create table psycopg3_items (id int primary key, name text, tags text[], data bytea)")
    connection.commit()
    row = (1, "O'Reilly \\ ä", ["a", "b"], b"\0\xff")
    connection.execute("insert into psycopg3_items values (%s, %s, %s, %s)", row)
    assert connection.execute("select * from psycopg3_items").fetchone() == row
    try:
        with connection.transaction():
            connection.execute("insert into psycopg3_items values (1)")
        assert False, "duplicate key accepted"
    except psycopg.errors.UniqueViolation:
        pass
    connection.commit()

    for i in range(20):
        assert connection.execute("select %s::int + 1", (i,)).fetchone() == (i + 1,)
        connection.commit()
    with connection.cursor() as cursor:
        with cursor.copy("copy psycopg3_items (id, name) from stdin") as copy:
            for i in range(10, 1010):
                copy.write_row((i, f"n{i}"))
        with cursor.copy("copy (select id from psycopg3_items where id >= 10 order by id) to stdout") as copy:
            assert [int(r[0]) for r in copy.rows()] == list(range(10, 1010))
        cursor.executemany("update psycopg3_items set name = %s where id = %s", [(f"m{i}", i) for i in range(10, 110)])
    connection.commit()
    with connection.pipeline():
        cursors = [connection.execute("select %s::int", (i,)) for i in range(100)]
    assert [c.fetchone()[0] for c in cursors] == list(range(100))
    connection.commit()


def cancel(connection):
    timer = threading.Timer(0.3, connection.cancel)
    timer.start()
    try:
        connection.execute("select pg_sleep(60)")
        assert False, "not cancelled"
    except psycopg.errors.QueryCanceled:
        connection.rollback()
    timer.join()


def many(number, failures):
    try:
        with psycopg.connect("") as connection:
            for i in range(50):
                assert connection.execute("select %s::text", (f"{number}.{i}",)).fetchone() == (f"{number}.{i}",)
                connection.commit()
    except BaseException as failure:
        failures.append(failure)


with psycopg.connect("") as connection:
    work(connection)
    cancel(connection)
failures = []
threads = [threading.Thread(target=many, args=(n, failures)) for n in range(10)]
[t.start() for t in threads]
[t.join() for t in threads]
assert not failures, failures
