// What do monitors cost a stream?
//
//   npm run bench -- monitors [--rounds N]
//
// The same job with none, each, and all of them; each alone in a process of its own, in interleaved rounds. Times are processor
// times of the process, with those of the collector's threads.
import { parseArgs } from 'node:util';
import { sampleAlone } from './alone.js';
import { batches, perBatch, variants } from './monitors/variants.js';
import { type Row, rowOf, writeResults } from './report.js';

const { values: options } = parseArgs({ options: { rounds: { type: 'string', default: '9' } } });
const child = new URL('./monitors/child.ts', import.meta.url);
const names = Object.keys(variants);
const samples = new Map(names.map((name) => [name, [] as number[]]));

for (let round = 1; round <= Number(options.rounds); round++) {
  // Another first one in each round, so that what the machine does meanwhile falls on all.
  for (let i = 0; i < names.length; i++) {
    const name = names[(i + round) % names.length] ?? '';
    const { ms } = sampleAlone(child, name);
    samples.get(name)?.push(ms);
    console.log(`round ${round}  ${name.padEnd(24)} ${ms.toFixed(3)} ms a batch`);
  }
  const rows: Row[] = [...samples].map(([name, taken]) => rowOf(name, taken));
  const median = (name: string) => rows.find((row) => row.name === name)?.median ?? Number.NaN;
  const ratios = Object.fromEntries(names.slice(1).map((name) => [name, median(name) / median('off')]));
  const unit = `ms a batch of ${perBatch.toLocaleString('en')} records in 16 partitions, over ${batches} batches`;
  writeResults('monitors', { unit, rows, ratios, rounds: round });
}
