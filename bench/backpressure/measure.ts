import { capacityOf, type Plant } from './plant.js';
import type { SimulatedBatch } from './simulate.js';

export interface Measures {
  /** Batches from the event until five in a row have 75 to 110 % of the capacity and wait under half an interval. */
  readonly settle: number;
  /** Longest wait from the event on, in intervals. */
  readonly maxWait: number;
  /** Batches from the event on that waited over half an interval. */
  readonly overloaded: number;
  /** Records done by the last tick and one interval, over what an oracle without noise would have done. */
  readonly throughput: number;
  /** Scatter of the size of the last 50 batches, over their mean: by then all that settle have settled. */
  readonly variation: number;
  /** Longest processing time of a batch, in intervals. */
  readonly longest: number;
}

const inARow = 5;

export function measure(batches: readonly SimulatedBatch[], plant: Plant): Measures {
  const { interval, event } = plant;
  const capacity = (index: number) => capacityOf(plant.cost(index), interval);
  const possible = (index: number) => Math.min(plant.arrivals?.(index) ?? Infinity, capacity(index));
  const wait = ({ start, formed }: SimulatedBatch) => (start - formed) / interval;
  const after = batches.slice(event);
  const good = (batch: SimulatedBatch) => {
    const share = batch.records / capacity(batch.index);
    return share >= 0.75 && share <= 1.1 && wait(batch) < 0.5;
  };
  const horizon = (plant.batches + 1) * interval;
  const done = sum(batches.filter(({ end }) => end <= horizon).map(({ records }) => records));
  const sizes = batches.slice(-50).map(({ records }) => records);
  const mean = sum(sizes) / sizes.length;
  return {
    settle: firstRun(after.map(good)),
    maxWait: Math.max(...after.map(wait)),
    overloaded: after.filter((batch) => wait(batch) > 0.5).length,
    throughput: done / sum(batches.map(({ index }) => possible(index))),
    variation: Math.sqrt(sum(sizes.map((size) => (size - mean) ** 2)) / sizes.length) / mean,
    longest: Math.max(...batches.map(({ start, end }) => end - start)) / interval,
  };
}

function firstRun(flags: readonly boolean[]): number {
  let length = 0;
  for (const [i, flag] of flags.entries()) {
    length = flag ? length + 1 : 0;
    if (length === inARow) return i + 1 - inARow;
  }
  return Infinity;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
