// What do monitors cost a stream?
//
//   npm run bench -- monitors [--rounds N] [--pairs N]
//
// The same job with none and with each, and with all of them, in turns and in one process for each. Times are processor times of the
// process, with those of the collector's threads. Monitors work by the batch, so what they cost is measured where batches are small, in
// which it is most of the difference, and told as a ratio of a batch of the usual size. `links` works by the record as well: the second
// table compares batches of the usual size as they are, with the noise that `off` beside itself has.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cuts, variants } from './monitors/variants.js';
import { rowOf, writeResults } from './report.js';

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, pairs: { type: 'string', default: '10' } },
});
const child = fileURLToPath(new URL('./monitors/child.ts', import.meta.url));
const names = Object.keys(variants);
type Samples = Map<string, number[]>;
const empty = (): Samples => new Map(names.map((name) => [name, []]));
const added: Samples = empty();
const whole: Samples = empty();
const usualMs: number[] = [];

function measure(name: string, size: keyof typeof cuts): readonly (readonly [without: number, withMonitors: number])[] {
  const command = ['--expose-gc', '--import', 'tsx', child, name, size, options.pairs];
  return JSON.parse(execFileSync(process.execPath, command, { encoding: 'utf8' }));
}

for (let round = 1; round <= Number(options.rounds); round++) {
  for (const name of names) {
    for (const [without, withMonitors] of measure(name, 'small')) added.get(name)?.push(withMonitors - without);
    for (const [without, withMonitors] of measure(name, 'large')) {
      whole.get(name)?.push(withMonitors / without);
      usualMs.push(without);
    }
    const [small, large] = [rowOf(name, added.get(name) ?? []), rowOf(name, whole.get(name) ?? [])];
    const cost = `${(small.median * 1_000).toFixed(0)} µs a batch`;
    console.log(`round ${round}  ${name.padEnd(24)} ${cost.padStart(16)}   ratio ${large.median.toFixed(3)}`);
  }
  const ms = rowOf('off', usualMs).median;
  const ratioOf = (samples: readonly number[]) => samples.map((cost) => 1 + cost / ms);
  const rows = [...added].map(([name, samples]) => rowOf(name, ratioOf(samples)));
  const direct = [...whole].map(([name, samples]) => rowOf(name, samples));
  const ratios = Object.fromEntries([...rows].map(({ name, median }) => [name, median]));
  const { perBatch } = cuts.large;
  const unit = `processor time of ${perBatch.toLocaleString('en')} records a batch in 16 partitions, beside none`;
  const micros = [...added].map(([name, samples]) =>
    rowOf(
      name,
      samples.map((cost) => cost * 1_000),
    ),
  );
  const more = { microsecondsPerBatch: micros, direct, usualMs: ms, rounds: round, pairs: Number(options.pairs) };
  writeResults('monitors', { unit, rows, ratios, ...more });
}
