// pgx 4: its pool, prepared statements by default, its two modes without them.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

func code(err error) string {
	var failure *pgconn.PgError
	if errors.As(err, &failure) {
		return failure.Code
	}
	return fmt.Sprint(err)
}

type querier interface {
	QueryRow(context.Context, string, ...interface{}) pgx.Row
}

func number(q querier, query string, arguments ...interface{}) (n int) {
	must(q.QueryRow(ctx, query, arguments...).Scan(&n))
	return
}

func work(conn *pgx.Conn) {
	for _, statement := range []string{"drop table if exists pgx_items",
		"create table pgx_items (id int primary key, name text, tags text[], data bytea, at timestamptz)"} {
		_, err := conn.Exec(ctx, statement)
		must(err)
	}
	name, tags, data, at := "O'Reilly \\ ä", []string{"a", "b"}, []byte{0, 255}, time.Now().Truncate(time.Microsecond)
	_, err := conn.Exec(ctx, "insert into pgx_items values ($1, $2, $3, $4, $5)", 1, name, tags, data, at)
	must(err)
	var gotName string
	var gotTags []string
	var gotData []byte
	var gotAt time.Time
	must(conn.QueryRow(ctx, "select name, tags, data, at from pgx_items where id = $1", 1).
		Scan(&gotName, &gotTags, &gotData, &gotAt))
	expect([]interface{}{gotName, gotTags, gotData, gotAt.Equal(at)}, []interface{}{name, tags, data, true})

	tx, err := conn.Begin(ctx)
	must(err)
	_, err = tx.Exec(ctx, "insert into pgx_items (id) values ($1)", 2)
	must(err)
	savepoint, err := tx.Begin(ctx)
	must(err)
	_, err = savepoint.Exec(ctx, "insert into pgx_items (id) values ($1)", 1)
	expect(code(err), "23505")
	must(savepoint.Rollback(ctx))
	expect(number(tx, "select count(*) from pgx_items"), 2)
	_, err = tx.Exec(ctx, "select 1 / $1::int", 0)
	expect(code(err), "22012")
	_, err = tx.Exec(ctx, "select 1")
	expect(code(err), "25P02")
	must(tx.Rollback(ctx))
	expect(number(conn, "select count(*) from pgx_items"), 1)
	tx, err = conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.Serializable, AccessMode: pgx.ReadOnly})
	must(err)
	_, err = tx.Exec(ctx, "delete from pgx_items")
	expect(code(err), "25006")
	must(tx.Rollback(ctx))

	rows := make([][]interface{}, 1000)
	for i := range rows {
		rows[i] = []interface{}{int32(i + 10), fmt.Sprint("n", i+10)}
	}
	copied, err := conn.CopyFrom(ctx, pgx.Identifier{"pgx_items"}, []string{"id", "name"}, pgx.CopyFromRows(rows))
	must(err)
	expect(copied, int64(1000))
	_, err = conn.CopyFrom(ctx, pgx.Identifier{"pgx_items"}, []string{"id", "name"}, pgx.CopyFromRows(rows[:1]))
	expect(code(err), "23505")
	var out strings.Builder
	_, err = conn.PgConn().CopyTo(ctx, &out, "copy (select id from pgx_items where id >= 1000 order by id) to stdout")
	must(err)
	expect(out.String(), "1000\n1001\n1002\n1003\n1004\n1005\n1006\n1007\n1008\n1009\n")
	batch(conn)
}

// One network message for all of it, and one transaction.
func batch(conn *pgx.Conn) {
	b := &pgx.Batch{}
	for i := 10; i < 110; i++ {
		b.Queue("update pgx_items set name = $1 where id = $2 returning id", fmt.Sprint("m", i), i)
	}
	results := conn.SendBatch(ctx, b)
	for i := 10; i < 110; i++ {
		var id int
		must(results.QueryRow().Scan(&id))
		expect(id, i)
	}
	must(results.Close())
	expect(number(conn, "select count(*) from pgx_items where name like 'm%'"), 100)

	b = &pgx.Batch{}
	b.Queue("delete from pgx_items")
	b.Queue("select 1 / $1::int", 0)
	results = conn.SendBatch(ctx, b)
	_, err := results.Exec()
	must(err)
	_, err = results.Exec()
	expect(code(err), "22012")
	expect(code(results.Close()), "22012")
	expect(number(conn, "select count(*) from pgx_items"), 1001)
}

func cancel(pool *pgxpool.Pool) {
	conn, err := pool.Acquire(ctx)
	must(err)
	timer := time.AfterFunc(300*time.Millisecond, func() { must(conn.Conn().PgConn().CancelRequest(ctx)) })
	_, err = conn.Exec(ctx, "select pg_sleep(60)")
	expect(code(err), "57014")
	timer.Stop()
	expect(number(conn, "select 1"), 1)
	conn.Release()

	// at the end of a context pgx cancels the statement and leaves the connection
	short, end := context.WithTimeout(ctx, 300*time.Millisecond)
	defer end()
	_, err = pool.Exec(short, "select pg_sleep(600)")
	expect(pgconn.Timeout(err), true)
	start := time.Now()
	for number(pool, "select count(*) from pg_stat_activity where query = 'select pg_sleep(600)' and state = 'active'") > 0 {
		expect(time.Since(start) < time.Minute, true)
		time.Sleep(10 * time.Millisecond)
	}
}

func notifications(pool *pgxpool.Pool) {
	conn, err := pool.Acquire(ctx)
	must(err)
	_, err = conn.Exec(ctx, "listen pgx_news")
	must(err)
	_, err = pool.Exec(ctx, "select pg_notify('pgx_news', $1)", "read all about it")
	must(err)
	patient, end := context.WithTimeout(ctx, time.Minute)
	defer end()
	heard, err := conn.Conn().WaitForNotification(patient)
	must(err)
	expect(heard.Payload, "read all about it")
	_, err = conn.Exec(ctx, "unlisten *")
	must(err)
	conn.Release()
}

func many(pool *pgxpool.Pool, size int) {
	done := make(chan int)
	for n := 0; n < size; n++ {
		go func(n int) {
			for i := 0; i < 50; i++ {
				var got string
				wanted := fmt.Sprint(n, ".", i)
				must(pool.BeginFunc(ctx, func(tx pgx.Tx) error {
					return tx.QueryRow(ctx, "select $1::text", wanted).Scan(&got)
				}))
				expect(got, wanted)
			}
			done <- n
		}(n)
	}
	for n := 0; n < size; n++ {
		<-done
	}
}

func open(options string, simple bool, size int) *pgxpool.Pool {
	config, err := pgxpool.ParseConfig(fmt.Sprintf("%s pool_max_conns=%d", options, size))
	must(err)
	config.ConnConfig.PreferSimpleProtocol = simple
	pool, err := pgxpool.ConnectConfig(ctx, config)
	must(err)
	return pool
}

// How many statements has a connection prepared under a name after all of this?
func run(pool *pgxpool.Pool, size int) int {
	defer pool.Close()
	conn, err := pool.Acquire(ctx)
	must(err)
	work(conn.Conn())
	named := number(conn, "select count(*) from pg_prepared_statements where name <> ''")
	conn.Release()
	many(pool, size)
	return named
}

func main() {
	pool := open("", false, 10)
	cancel(pool)
	notifications(pool)
	if named := run(pool, 10); named < 5 {
		log.Panic("pgx prepared only ", named)
	}
	// without names nothing keeps a backend: more connections than backends
	expect(run(open("statement_cache_mode=describe", false, 30), 30), 0)
	expect(run(open("statement_cache_capacity=0", false, 30), 30), 0)
	expect(run(open("", true, 30), 30), 0)
}
