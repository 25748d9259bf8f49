// What do the operators that touch every record cost, beside a loop written by hand?
//
//   npm run bench -- keys [--rounds N] [--only OPERATOR]
//
// Each contender runs alone in a process of its own, in interleaved rounds. Times are processor times of the process, with
// those of the collector's threads, so that what else runs on the machine counts little.
import { parseArgs } from 'node:util';
import { sampleAlone } from './alone.js';
import { contenders, total } from './keys/contenders.js';
import { rowOf, writeResults } from './report.js';

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, only: { type: 'string', default: '' } },
});
const rounds = Number(options.rounds);
const child = new URL('./keys/child.ts', import.meta.url);

const measured = Object.entries(contenders)
  .filter(([group]) => group.includes(options.only))
  .map(([group, byName]) => {
    const samples = new Map(Object.keys(byName).map((name) => [name, [] as number[]]));
    const checks = new Set<string>();
    for (let round = 1; round <= rounds; round++) {
      for (const [name, taken] of samples) {
        const { ms, check } = sampleAlone(child, group, name);
        taken.push(ms);
        checks.add(check);
        console.log(`round ${round}  ${name.padEnd(44)} ${ms.toFixed(0)} ms`);
      }
    }
    if (checks.size > 1) throw new Error(`different results of ${[...samples.keys()].join(', ')}`);
    const rows = [...samples].map(([name, taken]) => rowOf(name, taken));
    return { rows, ratio: [group, (rows[0]?.median ?? 0) / (rows[1]?.median ?? 0)] as const };
  });

writeResults('keys', {
  unit: `ms for ${total.toLocaleString('en')} records`,
  rows: measured.flatMap(({ rows }) => rows),
  ratios: Object.fromEntries(measured.map(({ ratio }) => ratio)),
  rounds,
});
