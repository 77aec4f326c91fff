// pgx against the console, as pgwatch (3 to 5) reads it: the simple protocol, any
// columns; and as pgx comes, with prepared statements.
package main

import (
	"log"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgtype"
	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

func read(pool *pgxpool.Pool, query string, options ...interface{}) (result []map[string]interface{}) {
	rows, err := pool.Query(ctx, query, options...)
	must(err)
	defer rows.Close()
	for rows.Next() {
		values, err := rows.Values()
		must(err)
		row := map[string]interface{}{}
		for i, field := range rows.FieldDescriptions() {
			row[string(field.Name)] = values[i]
			if numeric, is := values[i].(pgtype.Numeric); is {
				var n int64
				must(numeric.AssignTo(&n))
				row[string(field.Name)] = n
			}
		}
		result = append(result, row)
	}
	must(rows.Err())
	return
}

// The row in which a column has this value.
func find(rows []map[string]interface{}, column string, value interface{}) map[string]interface{} {
	for _, row := range rows {
		if row[column] == value {
			return row
		}
	}
	log.Panicf("no %v in %v", value, rows)
	return nil
}

func check(pool *pgxpool.Pool, transactions int64, options ...interface{}) {
	stats := find(read(pool, "show stats", options...), "database", "main")
	expect([]interface{}{stats["total_xact_count"], stats["total_query_count"]}, []interface{}{transactions, transactions})
	pools := find(read(pool, "show pools", options...), "user", "app")
	expect([]interface{}{pools["database"], pools["cl_active"], pools["sv_active"], pools["pool_mode"]},
		[]interface{}{"main", int32(0), int32(0), "transaction"})
	me := find(read(pool, "show clients", options...), "application_name", "pgwatch")
	expect([]interface{}{me["database"], me["user"]}, []interface{}{"pgbouncer", "monitor"})
	database := find(read(pool, "show databases", options...), "name", "main")
	expect(database["pool_size"], int32(2))
	expect(find(read(pool, "show lists", options...), "list", "used_servers")["items"], int32(2))
}

func main() {
	transactions, err := strconv.ParseInt(os.Args[1], 10, 64)
	must(err)
	config, err := pgxpool.ParseConfig("dbname=pgbouncer application_name=pgwatch")
	must(err)
	pool, err := pgxpool.ConnectConfig(ctx, config)
	must(err)
	defer pool.Close()
	_, err = pool.Exec(ctx, "SHOW VERSION")
	must(err)
	var version string
	must(pool.QueryRow(ctx, "SHOW VERSION", pgx.QuerySimpleProtocol(true)).Scan(&version))
	expect(strings.Join(regexp.MustCompile(`(\d+).?(\d*).?(\d*)`).FindStringSubmatch(version)[1:], "."), "1.24.1")
	check(pool, transactions, pgx.QuerySimpleProtocol(true))
	check(pool, transactions)
	_, err = pool.Exec(ctx, "SHOW NOTHING")
	expect(err.(*pgconn.PgError).Code, "08P01")
	must(pool.Ping(ctx))
}
