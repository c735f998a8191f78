// Prints the columns of an Arrow or Parquet file as JSON, as apache-arrow and hyparquet read them:
//
//     columns.mjs PACKAGES FILE
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [packages, file] = process.argv.slice(2);
const require = createRequire(path.join(packages, 'package.json'));
const columns = {};
if (file.endsWith('.arrow')) {
  const { tableFromIPC } = require('apache-arrow');
  const table = tableFromIPC(fs.readFileSync(file));
  for (const { name } of table.schema.fields) columns[name] = [...table.getChild(name)];
} else {
  const hyparquet = path.join(packages, 'node_modules/hyparquet/src/node.js');
  const { asyncBufferFromFile, parquetReadObjects } = await import(pathToFileURL(hyparquet));
  const rows = await parquetReadObjects({ file: await asyncBufferFromFile(file) });
  for (const name of Object.keys(rows[0])) columns[name] = rows.map((row) => row[name]);
}
const plain = (_, value) => (typeof value === 'bigint' ? String(value) : value);
console.log(JSON.stringify(columns, plain));
