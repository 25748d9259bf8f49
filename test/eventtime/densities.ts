import { type Offline, type OfflineOptions, offline, type Timed } from './offline.js';

/** Four partitions, of which one has thirty times the records of another in the same time, with disorder beyond what is allowed. */
const densities = [1, 3, 10, 30];

/** Sliding windows over them. */
export const shape = { outOfOrderness: 3_000, window: 60_000, slide: 20_000, offset: 0 };

function eventsOf(density: number, count: number, seed: number): readonly Timed[] {
  let state = seed;
  const random = () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
  return Array.from({ length: density * count }, (_, i): Timed => {
    const disorder = Math.floor(random() * (random() < 0.1 ? 200_000 : 3_000));
    return [Math.floor((i / density) * 30_000) + 200_000 - disorder, `k${Math.floor(random() * 3)}`, i];
  });
}

/** `count` records in the sparsest partition. */
export function densePartitions(count: number): readonly (readonly Timed[])[] {
  return densities.map((density, p) => eventsOf(density, count, p + 7));
}

/** The lines that are to be written, sorted. */
export interface Lines {
  readonly windows: readonly string[];
  readonly late: readonly string[];
}

/** What is to be written of these partitions: each window with its values in order, and each late record. */
export function expectedLines(partitions: readonly (readonly Timed[])[], bounded: boolean): Lines {
  const options: OfflineOptions = { ...shape, bounded };
  const truth: Offline = offline(partitions, options);
  return {
    windows: truth.windows
      .map(({ key, start, end, records }) =>
        JSON.stringify([key, { start, end, value: records.map(([, , value]) => value) }]),
      )
      .sort(),
    late: truth.late.map((record) => JSON.stringify(record)).sort(),
  };
}
