// How many records does a replay hold open, if partitions are read by lag, evenly, or up to the same time?
//
//   npm run bench -- eventTimeReplay
//
// A day of records in four partitions is read in batches of 2,000, in virtual time. Held open are the records that are newer than the
// watermark: those of windows that wait for the slowest partition. Nothing is timed.
import { days, replay } from './eventTime/replay.js';
import { type Row, rowOf, writeResults } from './report.js';

const budget = 2_000;
const sharings = ['lag', 'fair', 'aligned'] as const;
const names = Object.keys(days) as (keyof typeof days)[];

const rows: Row[] = [];
const runs: Record<string, object> = {};
for (const name of names) {
  for (const rateSharing of sharings) {
    const { held, sizes, requests } = replay(name, { rateSharing, sparsest: 10_000, budget });
    rows.push(rowOf(`${name}, ${rateSharing}`, held));
    const mean = sizes.reduce((all, size) => all + size, 0) / sizes.length;
    runs[`${name}, ${rateSharing}`] = { batches: sizes.length, meanSize: Math.round(mean), requests };
  }
}
const medianOf = (name: string) => rows.find((row) => row.name === name)?.median ?? Number.NaN;
writeResults('eventTimeReplay', {
  unit: `records held open, batches of ${budget}`,
  rows,
  ratios: Object.fromEntries(
    names.map((name) => [`${name}, aligned of a batch`, medianOf(`${name}, aligned`) / budget]),
  ),
  runs,
});
console.log(runs);
