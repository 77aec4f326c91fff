// lib/pq under database/sql: the unnamed statement is prepared in one round trip
// and bound in another.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/lib/pq"
)

func code(err error) string {
	var failure *pq.Error
	if errors.As(err, &failure) {
		return string(failure.Code)
	}
	return fmt.Sprint(err)
}

func do(_ sql.Result, err error) { must(err) }

func number(db *sql.DB, query string, arguments ...interface{}) (n int) {
	must(db.QueryRow(query, arguments...).Scan(&n))
	return
}

func work(db *sql.DB) {
	do(db.Exec("drop table if exists pq_items"))
	do(db.Exec("create table pq_items (id int primary key, name text, tags text[], data bytea)"))
	name, tags, data := "O'Reilly \\ ä", []string{"a", "b"}, []byte{0, 255}
	do(db.Exec("insert into pq_items values ($1, $2, $3, $4)", 1, name, pq.Array(tags), data))
	var gotName string
	var gotTags []string
	var gotData []byte
	must(db.QueryRow("select name, tags, data from pq_items where id = $1", 1).Scan(&gotName, pq.Array(&gotTags), &gotData))
	expect([]interface{}{gotName, gotTags, gotData}, []interface{}{name, tags, data})

	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
	must(err)
	do(tx.Exec("insert into pq_items (id) values ($1)", 2))
	_, err = tx.Exec("insert into pq_items (id) values ($1)", 1)
	expect(code(err), "23505")
	_, err = tx.Exec("select $1::int", 1)
	expect(code(err), "25P02")
	must(tx.Rollback())
	expect(number(db, "select count(*) from pq_items"), 1)

	tx, err = db.Begin()
	must(err)
	copied, err := tx.Prepare(pq.CopyIn("pq_items", "id", "name"))
	must(err)
	for i := 10; i < 1010; i++ {
		do(copied.Exec(i, fmt.Sprint("n", i)))
	}
	do(copied.Exec())
	must(copied.Close())
	must(tx.Commit())
	expect(number(db, "select sum(id) from pq_items where name = 'n' || id"), 509500)

	named, err := db.Prepare("select $1::int * 2")
	must(err)
	for i := 0; i < 10; i++ {
		var n int
		must(named.QueryRow(i).Scan(&n))
		expect(n, i*2)
	}
	must(named.Close())
}

func cancel(db *sql.DB) {
	short, end := context.WithTimeout(ctx, 300*time.Millisecond)
	defer end()
	_, err := db.ExecContext(short, "select pg_sleep(60)")
	expect(code(err), "57014")
	expect(number(db, "select 1"), 1)
}

func notifications(db *sql.DB, options string) {
	listener := pq.NewListener(options, time.Second, time.Second, nil)
	must(listener.Listen("pq_news"))
	do(db.Exec("select pg_notify('pq_news', $1)", "read all about it"))
	select {
	case heard := <-listener.Notify:
		expect(heard.Extra, "read all about it")
	case <-time.After(time.Minute):
		log.Panic("nothing heard")
	}
	must(listener.Close())
}

func many(db *sql.DB, size int) {
	done := make(chan int)
	for n := 0; n < size; n++ {
		go func(n int) {
			for i := 0; i < 50; i++ {
				var got string
				wanted := fmt.Sprint(n, ".", i)
				must(db.QueryRow("select $1::text", wanted).Scan(&got))
				expect(got, wanted)
			}
			done <- n
		}(n)
	}
	for n := 0; n < size; n++ {
		<-done
	}
}

func main() {
	for _, options := range []string{"sslmode=disable", "sslmode=disable binary_parameters=yes"} {
		db, err := sql.Open("postgres", options)
		must(err)
		db.SetMaxOpenConns(30)
		db.SetMaxIdleConns(30)
		work(db)
		cancel(db)
		notifications(db, options)
		many(db, 30)
		must(db.Close())
	}
	db, err := sql.Open("postgres", "sslmode=disable password=wrong")
	must(err)
	expect(code(db.Ping()), "28P01")
}
