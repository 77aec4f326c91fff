// node-postgres against the console: simple and extended protocol.
const assert = require('assert')
const path = require('path')
const { Client } = require(path.join(process.env.NODE_MODULES, 'pg'))

async function main() {
  const client = new Client({ database: 'pgbouncer' })
  await client.connect()
  const pools = await client.query('SHOW POOLS')
  assert.ok(pools.rows.some((row) => row.database === 'main' && row.user === 'app'))
  const stats = await client.query({ name: 'stats', text: 'SHOW STATS' })
  const mine = stats.rows.find((row) => row.database === 'main')
  assert.strictEqual(mine.total_xact_count, process.argv[2])
  await assert.rejects(client.query('SHOW NOTHING'), { code: '08P01' })
  await client.end()
}

main().catch((error) => { console.error(error); process.exit(1) })
