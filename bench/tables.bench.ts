// What does it cost to look up the row of a record in a table, beside a plain Map, and does it depend on the size of the table?
//
//   npm run bench -- tables [--rounds N]
//
// Each contender runs alone in a process, in interleaved rounds, and its processor time is counted. Both must come to the same result.
import { parseArgs } from 'node:util';
import { sampleAlone } from './alone.js';
import { rowOf, writeResults } from './report.js';
import { batchSizes, rowCounts, sides } from './tables/contenders.js';

const { values: options } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } });
const rounds = Number(options.rounds);
const child = new URL('./tables/child.ts', import.meta.url);
const named = (text: number) => text.toLocaleString('en');

const cells = batchSizes.flatMap((size) =>
  rowCounts.map((rows) => ({ size, rows, ns: sides.map((): number[] => []) })),
);
const nameOf = ({ size, rows }: (typeof cells)[number]) => `${named(rows)} rows, batches of ${named(size)}`;

/** After each round there is a report, so that a run that is stopped leaves what it has. */
for (let round = 1; round <= rounds; round++) {
  for (const cell of cells) {
    const { size, rows, ns } = cell;
    const samples = sides.map((side) => sampleAlone(child, side, String(rows), String(size)));
    const [operator, map] = samples;
    if (operator?.check !== map?.check) throw new Error('joinTable and the Map come to different results');
    for (const [i, { ms }] of samples.entries()) ns[i]?.push((ms * 1e6) / size);
    const shown = samples.map(({ ms }, i) => `${sides[i]} ${((ms * 1e6) / size).toFixed(0)} ns a record`);
    console.log(`round ${round}  ${nameOf(cell)}: ${shown.join(', ')}`);
  }
  const rows = cells.flatMap((cell) => sides.map((side, i) => rowOf(`${side}, ${nameOf(cell)}`, cell.ns[i] ?? [])));
  const median = (name: string) => rows.find((row) => row.name === name)?.median ?? Number.NaN;
  const ratios = Object.fromEntries(
    cells.map((cell) => [nameOf(cell), median(`joinTable, ${nameOf(cell)}`) / median(`Map, ${nameOf(cell)}`)]),
  );
  writeResults('tables', { unit: 'ns a record', rows, ratios, rounds: round });
}
