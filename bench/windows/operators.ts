// Nanoseconds for one batch of one record through a window of 1,000 batches: the operator, the bare algorithm, plain RxJS.

import { bufferCount, map, type OperatorFunction, Subject } from 'rxjs';
import { max } from '../../src/aggregators.js';
import { aggregateByWindow, Batch, type BatchContext, reduceByWindow } from '../../src/index.js';
import { TwoStacks } from '../../src/windows/twoStacks.js';
import type { Contender } from '../contender.js';
import { contextAt } from './context.js';

const panes = 1_000;
const greater = (a: number, b: number): number => (a > b ? a : b);

/** A pool of batches, whose contexts are given their time as they come: nothing is made while it is timed. */
function pool(): (i: number) => Batch<number> {
  const context = contextAt();
  const size = 1 << 12;
  type Timed = { -readonly [F in keyof BatchContext]: BatchContext[F] };
  const batches = Array.from({ length: size }, (_, i) => {
    const records = [((i * 7_919) % 10_007) / 3];
    return new Batch([{ index: 0, records }], context(0));
  });
  return (i) => {
    const batch = batches[i & (size - 1)] as Batch<number>;
    (batch.context as Timed).time = i + 1;
    return batch;
  };
}

function timed(units: number, create: (sink: (value: unknown) => void) => (batch: Batch<number>) => void): Contender {
  return () => {
    const batchAt = pool();
    let last: unknown;
    const next = create((value) => {
      last = value;
    });
    let i = 0;
    const run = (count: number): void => {
      for (const until = i + count; i < until; i++) next(batchAt(i));
    };
    run(3 * panes);
    const warm = last;
    run(2 * units);
    return { units, run, check: () => warm };
  };
}

function operator(units: number, make: () => OperatorFunction<Batch<number>, Batch<unknown>>): Contender {
  return timed(units, (sink) => {
    const source = new Subject<Batch<number>>();
    source.pipe(make()).subscribe((batch) => sink(batch.records[0]));
    return (batch) => source.next(batch);
  });
}

export const operators: Readonly<Record<string, Contender>> = {
  'bare two stacks': timed(400_000, (sink) => {
    const sliding = new TwoStacks(greater);
    return ({ records }) => {
      sliding.insert(records[0] as number);
      if (sliding.size > panes) sliding.evict();
      sink(sliding.query());
    };
  }),
  'aggregateByWindow, max': operator(400_000, () => aggregateByWindow(max(), { window: panes })),
  'reduceByWindow, max': operator(400_000, () => reduceByWindow(greater, { window: panes })),
  'RxJS bufferCount and recompute': timed(2_000, (sink) => {
    const source = new Subject<Batch<number>>();
    const highest = map((window: readonly number[]) => window.reduce(greater));
    source
      .pipe(
        map(({ records }) => records[0] as number),
        bufferCount(panes, 1),
        highest,
      )
      .subscribe(sink);
    return (batch) => source.next(batch);
  }),
};
