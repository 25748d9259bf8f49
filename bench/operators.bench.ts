// What does each operator that touches every record cost, beside a loop written by hand?
//
//   npm run bench -- operators [--rounds N] [--only PART-OF-A-NAME]
//
// Each contender runs alone in a process of its own, in interleaved rounds. Times are processor times of the process, with
// those of the collector's threads, so that what else runs on the machine counts little.
import { parseArgs } from 'node:util';
import { sampleAlone } from './alone.js';
import { total } from './operators/compared.js';
import { table } from './operators/table.js';
import { type Row, rowOf, writeResults } from './report.js';

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, only: { type: 'string', default: '' } },
});
const child = new URL('./operators/child.ts', import.meta.url);
const sides = ['operator', 'byHand'] as const;

const samples = new Map(
  Object.keys(table)
    .filter((name) => name.includes(options.only))
    .map((name) => [name, { operator: [] as number[], byHand: [] as number[] }]),
);

/** After each round there is a report, so that a run that is stopped leaves what it has. */
for (let round = 1; round <= Number(options.rounds); round++) {
  for (const [name, taken] of samples) {
    const [operator, byHand] = sides.map((side) => sampleAlone(child, name, side));
    if (operator?.check !== byHand?.check) throw new Error(`${name} and the loop come to different results`);
    taken.operator.push(operator?.ms ?? Number.NaN);
    taken.byHand.push(byHand?.ms ?? Number.NaN);
    console.log(
      `round ${round}  ${name.padEnd(30)} ${operator?.ms.toFixed(1)} ms, by hand ${byHand?.ms.toFixed(1)} ms`,
    );
  }
  const rows: Row[] = [];
  const ratios: Record<string, number> = {};
  for (const [name, { operator, byHand }] of samples) {
    const [a, b] = [rowOf(name, operator), rowOf(`${name}, by hand`, byHand)];
    rows.push(a, b);
    ratios[name] = a.median / b.median;
  }
  // A part is for looking at.
  const whole = samples.size === Object.keys(table).length;
  writeResults(
    'operators',
    { unit: `ms for ${total.toLocaleString('en')} records`, rows, ratios, rounds: round },
    whole,
  );
}
