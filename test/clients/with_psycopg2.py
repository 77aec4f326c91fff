"""psycopg2: transactions, types, errors, COPY, cancel, many connections."""
import io
import threading

import psycopg2
import psycopg2.errors
import psycopg2.extensions


def work(connection):
    cursor = connection.cursor()
    cursor.execute("drop table if exists psycopg2_items")
    cursor.execute("create table psycopg2_items (id int primary key, name text, tags text[], data bytea)")
    connection.commit()
    row = (1, "O'Reilly \\ ä", ["a", "b"], b"\0\xff")
    cursor.execute("insert into psycopg2_items values (%s, %s, %s, %s)", row)
    connection.commit()
    cursor.execute("select * from psycopg2_items")
    got = cursor.fetchone()
    assert got[:3] == row[:3] and bytes(got[3]) == row[3], got

    try:
        cursor.execute("insert into psycopg2_items values (1)")
        assert False, "duplicate key accepted"
    except psycopg2.errors.UniqueViolation:
        connection.rollback()
    cursor.execute("insert into psycopg2_items values (2)")
    connection.rollback()
    cursor.execute("select count(*) from psycopg2_items")
    assert cursor.fetchone() == (1,)

    cursor.copy_expert("copy psycopg2_items (id, name) from stdin",
                       io.StringIO("".join(f"{i}\tn{i}\n" for i in range(10, 1010))))
    connection.commit()
    out = io.StringIO()
    cursor.copy_expert("copy (select id from psycopg2_items where id >= 10 order by id) to stdout", out)
    assert out.getvalue() == "".join(f"{i}\n" for i in range(10, 1010))
    with connection.cursor("named") as named:
        named.execute("select id from psycopg2_items order by id")
        assert len(named.fetchall()) == 1001
    connection.commit()


def cancel(connection):
    timer = threading.Timer(0.3, connection.cancel)
    timer.start()
    try:
        connection.cursor().execute("select pg_sleep(60)")
        assert False, "not cancelled"
    except psycopg2.extensions.QueryCanceledError:
        connection.rollback()
    timer.join()


def many(number, failures):
    try:
        connection = psycopg2.connect("")
        for i in range(50):
            with connection, connection.cursor() as cursor:
                cursor.execute("select %s, pg_sleep(0.001)", (f"{number}.{i}",))
                assert cursor.fetchone()[0] == f"{number}.{i}"
        connection.close()
    except BaseException as failure:
        failures.append(failure)


connection = psycopg2.connect("")
work(connection)
cancel(connection)
connection.close()
failures = []
threads = [threading.Thread(target=many, args=(n, failures)) for n in range(40)]
[t.start() for t in threads]
[t.join() for t in threads]
assert not failures, failures
