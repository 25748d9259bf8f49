import { VirtualTimeScheduler } from 'rxjs';
import { fixedRate, logBatches, memoryLog, type RateSharing } from '../../src/index.js';

const dayMs = 86_400_000;
const intervalMs = 1_000;

/** A day of records. */
interface Day {
  /** How many times the sparsest one each partition has. */
  readonly densities: readonly number[];
  /** Whether a partition, by its index, has records at a time. */
  readonly isOpen: (partition: number, time: number) => boolean;
}

export const days = {
  'densities 1:3:10:30': { densities: [1, 3, 10, 30], isOpen: () => true },
  'densities 1:3:10:30, a night in two': {
    densities: [1, 3, 10, 30],
    isOpen: (partition, time) => partition % 2 === 0 || time > dayMs / 4,
  },
  'one starts 12 h later': {
    densities: [10, 10, 10, 10],
    isOpen: (partition, time) => partition > 0 || time > dayMs / 2,
  },
} satisfies Record<string, Day>;

interface Replay {
  readonly rateSharing: RateSharing;
  /** The records of the sparsest partition. */
  readonly sparsest: number;
  /** The records of a batch. */
  readonly budget: number;
}

/** Each batch of a replay. */
interface Replayed {
  /** The records that are newer than the watermark after it. */
  readonly held: readonly number[];
  readonly sizes: readonly number[];
  /** Requests for offsets by time, in all. */
  readonly requests: number;
}

/** Reads a day from its beginning to its end, in virtual time. */
export function replay(day: keyof typeof days, { rateSharing, sparsest, budget }: Replay): Replayed {
  const { densities, isOpen }: Day = days[day];
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
    interval: intervalMs,
    deserialize: ({ partition, timestamp }) => ({ partition, timestamp }),
    backpressure: fixedRate((budget * 1_000) / intervalMs),
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
