"""psqlODBC by pyodbc: its savepoints, its server-side statements, its cursors."""
import datetime
import decimal
import os
import threading
import uuid

import pyodbc

pyodbc.pooling = False
pyodbc.native_uuid = True
plain = ("Driver={{PostgreSQL Unicode}};Servername={PGHOST};Port={PGPORT};Database={PGDATABASE};"
         "UID={PGUSER};PWD={PGPASSWORD};").format(**os.environ)


def refused(state, cursor, *query):
    try:
        cursor.execute(*query)
    except pyodbc.Error as failure:
        assert failure.args[0] == state, failure
    else:
        assert False, "no error " + state


def work(connection, kept):
    cursor = connection.cursor()
    cursor.execute("drop table if exists odbc_items")
    cursor.execute("create table odbc_items (id int primary key, name text, data bytea, price numeric(9, 2),"
                   " day date, at timestamp, token uuid, size float8, big bigint)")
    connection.commit()
    row = (1, "O'Reilly \\ ä", b"\0\xff", decimal.Decimal("1.50"), datetime.date(2024, 2, 29),
           datetime.datetime(2024, 2, 29, 12, 30, 1, 500000), uuid.uuid4(), 0.5, None)
    cursor.execute("insert into odbc_items values (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    connection.commit()
    got = tuple(cursor.execute("select * from odbc_items").fetchone())
    assert got == row, got
    assert cursor.tables(table="odbc_items").fetchone().table_name == "odbc_items"
    assert len(cursor.columns(table="odbc_items").fetchall()) == len(row)

    # what was done before an error stays, as the driver sets a savepoint before each statement, or goes
    cursor.execute("insert into odbc_items (id) values (?)", 2)
    refused("23505", cursor, "insert into odbc_items (id) values (?)", 1)
    refused("22012", cursor, "select 1 / ?", 0)
    connection.commit()
    assert cursor.execute("select count(*) from odbc_items").fetchval() == kept
    cursor.execute("insert into odbc_items (id) values (3)")
    connection.rollback()
    assert cursor.execute("select count(*) from odbc_items").fetchval() == kept

    cursor.executemany("insert into odbc_items (id, name) values (?, ?)", [(i, f"n{i}") for i in range(10, 210)])
    connection.commit()
    cursor.execute("select id from odbc_items where id >= ? order by id", 10)
    rows = cursor.fetchmany(50)
    connection.commit()
    rows += cursor.fetchall()
    assert [r.id for r in rows] == list(range(10, 210))
    connection.commit()


def cancel(connection):
    cursor = connection.cursor()
    timer = threading.Timer(0.3, cursor.cancel)
    timer.start()
    refused("57014", cursor, "select pg_sleep(60)")
    timer.join()
    connection.rollback()
    assert cursor.execute("select 1").fetchval() == 1
    connection.commit()


def many(number, options, failures):
    try:
        connection = pyodbc.connect(plain + options)
        for i in range(50):
            connection.autocommit = i % 2 == 0
            assert connection.execute("select ?::text", f"{number}.{i}").fetchval() == f"{number}.{i}"
            if not connection.autocommit:
                connection.commit()
        connection.close()
    except BaseException as failure:
        failures.append(failure)


def all_at_once(size, options):
    failures = []
    threads = [threading.Thread(target=many, args=(n, options, failures)) for n in range(size)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not failures, failures


for options, kept in (("", 2), ("UseDeclareFetch=1;Fetch=20;", 2), ("UseServerSidePrepare=0;", 2),
                      ("Protocol=7.4-1;", 1)):
    connection = pyodbc.connect(plain + options)
    work(connection, kept)
    cancel(connection)
    connection.close()
all_at_once(7, "")
all_at_once(7, "UseDeclareFetch=1;Fetch=20;")
all_at_once(30, "UseServerSidePrepare=0;")  # no names: more connections than backends
