// What Grafana's own schema says against a dashboard file, a line for each fault.
// The schema is the type Dashboard of npm's @grafana/schema.
const fs = require('fs')
const path = require('path')
const modules = process.env.NODE_MODULES
const Ajv = require(path.join(modules, 'ajv'))
const { createGenerator } = require(path.join(modules, 'ts-json-schema-generator'))

const types = path.join(modules, '@grafana/schema/dist/types/raw/dashboard/x/types.gen.d.ts')
const schema = createGenerator({ path: types, type: 'Dashboard', skipTypeCheck: true }).createSchema('Dashboard')
const validate = new Ajv({ strict: false, allErrors: true }).compile(schema)

if (!validate(JSON.parse(fs.readFileSync(process.argv[2], 'utf8')))) {
  for (const fault of validate.errors) console.log(`${fault.instancePath} ${fault.message} ${JSON.stringify(fault.params)}`)
}
