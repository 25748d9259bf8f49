// npm run bench -- state [--keys 10000,1000000,10000000] [--rounds 30]: keyed state and its stores. What a batch costs by keys
// touched and keys kept, bytes written by what changed, recovery, pauses by snapshots, and state on disk beside plain LMDB.
import { parseArgs } from 'node:util';
import { lmdbCheckpoint } from 'dstream/node';
import { type Row, rowOf, writeResults } from './report.js';
import { Feed, initialCounts, mapped, pick, touched } from './state/operators.js';
import { batchesOver, batchesOverPlainLmdb, bytesOfChange, recovery, snapshotPauses, stores } from './state/stores.js';

const { values } = parseArgs({
  options: {
    keys: { type: 'string', default: '10000,1000000,10000000' },
    rounds: { type: 'string', default: '30' },
    stored: { type: 'string', default: '1000000' },
  },
});
const sizes = values.keys.split(',').map(Number);
const rounds = Number(values.rounds);
/** Keys in the parts that write to disk. */
const stored = Number(values.stored);
const perBatch = 10_000;

const rows: Row[] = [];
const ratios: Record<string, number> = {};
const row = (name: string, samples: readonly number[]) => {
  const made = rowOf(name, samples);
  rows.push(made);
  console.log(`${name}: ${made.median.toPrecision(4)}`);
  return made.median;
};

console.log(`${perBatch} records a batch, at random; ms a batch`);
for (const [name, operator] of [
  ["updateStateByKey, call: 'touched'", touched],
  ['mapWithState', mapped],
] as const) {
  const medians = sizes.map((keys) => {
    const feed = new Feed(operator(initialCounts(keys)));
    feed.next([]);
    for (let i = 0; i < 5; i++) feed.next(pick(keys, perBatch));
    globalThis.gc?.();
    const samples = Array.from({ length: rounds }, () => feed.next(pick(keys, perBatch)));
    const what = `${name}, ${keys.toLocaleString('en')} keys`;
    row(
      `${what}, ms a batch`,
      samples.map(({ clock }) => clock),
    );
    return row(
      `${what}, CPU ms a batch`,
      samples.map(({ cpu }) => cpu),
    );
  });
  const [first = Number.NaN] = medians;
  ratios[`${name}, CPU: ${sizes.at(-1)?.toLocaleString('en')} keys to ${sizes[0]?.toLocaleString('en')}`] =
    (medians.at(-1) ?? Number.NaN) / first;
  globalThis.gc?.();
}

const counts = [100, 1_000, 10_000, 100_000];
const bytes = await bytesOfChange(stored, counts);
counts.forEach((count, i) => {
  row(`fileCheckpoint, ${count} of ${stored.toLocaleString('en')} keys changed, bytes a key`, [
    (bytes[i] ?? 0) / count,
  ]);
});
ratios['bytes a key, 100,000 changed to 1,000'] = (bytes[3] ?? 0) / 100 / (bytes[1] ?? 1);

for (const [name, make] of Object.entries(stores)) {
  row(`${name}, recovery of ${stored.toLocaleString('en')} keys, keys a second`, await recovery(stored, make, 5));
  globalThis.gc?.();
}

const calm = await snapshotPauses(stored, 100, 2 ** 40);
const busy = await snapshotPauses(stored, 100, 4 * 2 ** 20);
row('event loop without snapshots, p99 ms', [calm]);
row('event loop while snapshots are written, p99 ms', [busy]);
ratios['p99 of the event loop, with snapshots to without'] = busy / calm;

// Nine records in ten are of a tenth of the keys, which is as large as the hot set.
const batches = Array.from({ length: rounds }, () => pick(stored, perBatch, true));
const cacheKeys = Math.max(1, Math.floor(stored / 10));
const name = (what: string) => `${what}, ${perBatch} records, dispatched and saved, ms a batch`;
const plain = row(name('LMDB alone'), await batchesOverPlainLmdb(stored, batches));
const tiered = row(
  name('lmdbCheckpoint, a tenth of the keys hot'),
  await batchesOver(stored, (directory) => lmdbCheckpoint(directory, { cacheKeys }), batches),
);
const inMemory = row(
  name('lmdbCheckpoint, state in memory'),
  await batchesOver(stored, (directory) => lmdbCheckpoint(directory), batches),
);
ratios['LMDB alone to a tenth of the keys hot'] = plain / tiered;
ratios['a tenth of the keys hot to state in memory'] = tiered / inMemory;

writeResults('state', { unit: 'as each row says', rows, ratios, records: perBatch, stored });
