// How many records does a replay hold open, if partitions are read by lag, evenly, or up to the same time?
//
//   npm run bench -- eventTimeReplay
//
// A day of records in four partitions is read in batches of 2,000, in virtual time. Held open are the records that are newer than the
// watermark: those of windows that wait for the slowest partition. Nothing is timed.
import { VirtualTimeScheduler } from 'rxjs';
import { fixedRate, logBatches, memoryLog } from '../src/index.js';
import { type Row, rowOf, writeResults } from './report.js';

const dayMs = 86_400_000;
const budget = 2_000;
const sparsest = 10_000;
const sharings = ['lag', 'fair', 'aligned'] as const;

/** Whether a partition, by its index, has records at a time. */
type IsOpen = (partition: number, time: number) => boolean;

const logs: Readonly<Record<string, { readonly densities: readonly number[]; readonly isOpen: IsOpen }>> = {
  'densities 1:3:10:30': { densities: [1, 3, 10, 30], isOpen: () => true },
  'densities 1:3:10:30, a night in two': {
    densities: [1, 3, 10, 30],
    isOpen: (partition, time) => partition % 2 === 0 || time > dayMs / 4,
  },
  'one starts 12 h later': {
    densities: [10, 10, 10, 10],
    isOpen: (partition, time) => partition > 0 || time > dayMs / 2,
  },
};

/** The records held open after each batch, and the requests for times. */
function replay(name: string, rateSharing: (typeof sharings)[number]) {
  const { densities, isOpen } = logs[name] as (typeof logs)[string];
  const log = memoryLog({ topics: { t: densities.length } });
  for (const [partition, density] of densities.entries()) {
    const every = dayMs / (sparsest * density);
    const times = Array.from({ length: sparsest * density }, (_, i) => Math.floor(i * every));
    log.append(
      't',
      times.filter((time) => isOpen(partition, time)).map((timestamp) => ({ value: null, partition, timestamp })),
    );
  }
  let requests = 0;
  const { offsets } = log;
  log.offsets = (...args) => {
    if (typeof args[1] === 'object') requests++;
    return offsets.apply(log, args);
  };
  const read: number[][] = densities.map(() => []);
  const held: number[] = [];
  const sizes: number[] = [];
  const scheduler = new VirtualTimeScheduler();
  logBatches(log, {
    topics: ['t'],
    start: 'earliest',
    until: 'latest',
    interval: 1_000,
    deserialize: ({ partition, timestamp }) => ({ partition, timestamp }),
    backpressure: fixedRate(budget),
    rateSharing,
    scheduler,
  }).subscribe((batch) => {
    for (const { partition, timestamp } of batch.records) read[partition]?.push(timestamp);
    sizes.push(batch.size);
    const watermark = Math.min(...read.map((times) => times.at(-1) ?? 0));
    held.push(read.reduce((all, times) => all + newer(times, watermark), 0));
  });
  scheduler.flush();
  return { held, sizes, requests };
}

function newer(times: readonly number[], watermark: number): number {
  let count = 0;
  for (let i = times.length - 1; i >= 0 && (times[i] as number) > watermark; i--) count++;
  return count;
}

const rows: Row[] = [];
const runs: Record<string, object> = {};
for (const name of Object.keys(logs)) {
  for (const sharing of sharings) {
    const { held, sizes, requests } = replay(name, sharing);
    rows.push(rowOf(`${name}, ${sharing}`, held));
    const mean = sizes.reduce((all, size) => all + size, 0) / sizes.length;
    runs[`${name}, ${sharing}`] = { batches: sizes.length, meanSize: Math.round(mean), requests };
  }
}
const medianOf = (name: string) => rows.find((row) => row.name === name)?.median ?? Number.NaN;
writeResults('eventTimeReplay', {
  unit: `records held open, batches of ${budget}`,
  rows,
  ratios: Object.fromEntries(
    Object.keys(logs).map((name) => [`${name}, aligned of a batch`, medianOf(`${name}, aligned`) / budget]),
  ),
  runs,
});
console.log(runs);
