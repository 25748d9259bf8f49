// What do monitors cost a stream?
//
//   npm run bench -- monitors [--rounds N] [--pairs N]
//
// The same job with none and with each, and with all of them, in turns and in one process for each; the rows are ratios of neighbours.
// Times are processor times of the process, with those of the collector's threads. `off` beside itself shows the noise.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { batches, perBatch, variants } from './monitors/variants.js';
import { rowOf, writeResults } from './report.js';

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, pairs: { type: 'string', default: '10' } },
});
const child = fileURLToPath(new URL('./monitors/child.ts', import.meta.url));
const names = Object.keys(variants);
const samples = new Map(names.map((name) => [name, [] as number[]]));
const msPerBatch: number[] = [];

for (let round = 1; round <= Number(options.rounds); round++) {
  for (const name of names) {
    const command = ['--expose-gc', '--import', 'tsx', child, name, options.pairs];
    const { ratios, times } = JSON.parse(execFileSync(process.execPath, command, { encoding: 'utf8' }));
    samples.get(name)?.push(...ratios);
    msPerBatch.push(...times.map((ms: number) => ms / batches));
    console.log(`round ${round}  ${name.padEnd(24)} ${rowOf(name, ratios).median.toFixed(3)}`);
  }
  const rows = [...samples].map(([name, taken]) => rowOf(name, taken));
  const ratios = Object.fromEntries(rows.map(({ name, median }) => [name, median]));
  const unit = `processor time beside a run without monitors, ${perBatch.toLocaleString('en')} records a batch in 16 partitions`;
  const off = rowOf('off', msPerBatch).median;
  writeResults('monitors', { unit, rows, ratios, msPerBatch: off, rounds: round, pairs: Number(options.pairs) });
}
