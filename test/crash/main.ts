// npm run crash [-- --crashes 10000 --checkpoint file --parallel 4 --seed N]: kills processes at every failure point and
// at any moment, and counts what is lost and doubled. A PostgreSQL is that of POSTGRES_URL, or one that is started here.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { startPostgres } from '../../scripts/postgres.mjs';
import { stores } from './checkpoints.js';
import { crashMatrix } from './matrix.js';

const { values } = parseArgs({
  options: {
    crashes: { type: 'string', default: '10000' },
    checkpoint: { type: 'string', default: 'file' },
    seconds: { type: 'string' },
    parallel: { type: 'string', default: String(2 * cpus().length) },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const { checkpoint: store } = values;
if (!stores[store]) {
  console.error(`--checkpoint is one of: ${Object.keys(stores).join(', ')}`);
  process.exit(1);
}
const crashes = Number(values.crashes);
const postgres =
  store === 'postgres' && !process.env.POSTGRES_URL
    ? // A process that is killed loses nothing that the server has: it need not wait for the disk.
      await startPostgres({ settings: { fsync: 'off' } })
    : undefined;
const postgresUrl = postgres?.url ?? process.env.POSTGRES_URL;
const begun = Date.now();
let shown = begun;
const result = await crashMatrix({
  store,
  crashes,
  ...(store === 'postgres' && postgresUrl && { postgresUrl }),
  ...(values.seconds && { seconds: Number(values.seconds) }),
  parallel: Number(values.parallel),
  seed: Number(values.seed),
  onCrash: (count) => {
    if (Date.now() - shown < 10_000) return;
    shown = Date.now();
    console.log(`${count} of ${crashes}`);
  },
}).finally(() => postgres?.stop());

const width = 28;
console.log(`\n${'point'.padEnd(width)}${['crashes', 'lost', 'doubled'].map((title) => title.padStart(10)).join('')}`);
for (const [point, { crashes, lost, doubled }] of Object.entries(result.points)) {
  console.log(`${point.padEnd(width)}${[crashes, lost, doubled].map((count) => String(count).padStart(10)).join('')}`);
}
const totals = [result.crashes, result.lost, result.doubled].map((count) => String(count).padStart(10));
console.log(`${'all'.padEnd(width)}${totals.join('')}`);
for (const fault of result.faults) console.error(fault);
console.log(`${result.runs} runs in ${Math.round((Date.now() - begun) / 1_000)} s, --seed ${result.seed}`);

const { faults, ...figures } = result;
// A short run shows how it goes; what is kept is the report of a long one.
if (result.crashes >= 1_000) {
  const limit = values.seconds ? ` --seconds ${values.seconds}` : '';
  const command = `npm run crash -- --checkpoint ${store} --crashes ${crashes}${limit}`;
  const report = { command, node: process.version, cores: cpus().length, ...figures, faults };
  const folder = new URL('../../bench/results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL(`crash-${store}.json`, folder), `${JSON.stringify(report, null, 2)}\n`);
}
process.exit(result.lost + result.doubled + faults.length > 0 ? 1 : 0);
