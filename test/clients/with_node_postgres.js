// node-postgres: transactions, types, errors, named statements, its own pool.
const assert = require('assert')
const path = require('path')
const { Client, Pool } = require(path.join(process.env.NODE_MODULES, 'pg'))

async function work(client) {
  await client.query('drop table if exists node_items')
  await client.query('create table node_items (id int primary key, name text, tags text[], data jsonb)')
  const row = { id: 1, name: "O'Reilly \\ ä", tags: ['a', 'b'], data: { n: null } }
  await client.query('insert into node_items values ($1, $2, $3, $4)', Object.values(row))
  assert.deepStrictEqual((await client.query('select * from node_items')).rows, [row])
  await client.query('begin')
  await client.query('insert into node_items values (2)')
  await assert.rejects(client.query('insert into node_items values (1)'), { code: '23505' })
  await assert.rejects(client.query('select 1'), { code: '25P02' })
  await client.query('rollback')
  assert.strictEqual((await client.query('select count(*)::int as n from node_items')).rows[0].n, 1)
  for (let i = 0; i < 10; i++) {
    const result = await client.query({ name: 'twice', text: 'select $1::int * 2 as n', values: [i] })
    assert.strictEqual(result.rows[0].n, i * 2)
  }
  await client.query('set statement_timeout = 200')
  await assert.rejects(client.query('select pg_sleep(60)'), { code: '57014' })
  await client.query('reset statement_timeout')
}

async function many(pool, number) {
  for (let i = 0; i < 50; i++) {
    const result = await pool.query('select $1::text as t', [`${number}.${i}`])
    assert.strictEqual(result.rows[0].t, `${number}.${i}`)
  }
}

async function main() {
  const client = new Client()
  await client.connect()
  await work(client)
  await client.end()
  const pool = new Pool()
  await Promise.all([...Array(20).keys()].map((n) => many(pool, n)))
  await pool.end()
}

main().catch((error) => { console.error(error); process.exit(1) })
