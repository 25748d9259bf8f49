// One slide a batch, 10,000 records a batch; keys come once a batch, and each key of a window is emitted at each slide.

import { type OperatorFunction, Subject } from 'rxjs';
import { max, sum } from '../../src/aggregators.js';
import {
  aggregateByKeyAndEventWindow,
  aggregateByKeyAndWindow,
  Batch,
  eventTime,
  filterRecords,
  mapRecords,
  reduceByKey,
} from '../../src/index.js';
import type { Contender } from '../contender.js';
import { contextAt } from '../windows/context.js';
import { xorshift } from '../xorshift.js';

interface Event {
  /** Event time within the slide of its batch, in ms; out of order by as much as the contender says. */
  readonly at: number;
  readonly key: string;
  readonly value: number;
}

const slideMs = 1_000;
const recordsPerBatch = 10_000;
/** The number of batches that are drawn; they come again with other times. */
const drawn = 40;

function batchesOf(keys: number, disorderMs: number): readonly (readonly Event[])[] {
  const random = xorshift(88_172_645);
  const names = Array.from({ length: keys }, (_, i) => Buffer.from(`customer-${i}`).toString('latin1'));
  return Array.from({ length: drawn }, () =>
    Array.from({ length: recordsPerBatch }, (_, i): Event => {
      const within = (i / recordsPerBatch) * slideMs;
      const key = names[(i * 7_919) % keys] as string;
      return { at: within - Math.floor(random() * disorderMs), key, value: Math.floor(random() * 1_000) };
    }),
  );
}

type Make = (shift: () => number) => OperatorFunction<Batch<Event>, Batch<unknown>>;

function timed({ keys = 10_000, disorder = 0, warmUp = 60 }, make: Make): Contender {
  return () => {
    const batches = batchesOf(keys, disorder * slideMs);
    const source = new Subject<Batch<Event>>();
    const context = contextAt();
    let time = 0;
    let emitted = 0;
    source.pipe(make(() => (time + 100) * slideMs)).subscribe((batch) => {
      emitted += batch.size;
    });
    const run = (count: number): void => {
      for (let i = 0; i < count; i++) {
        time++;
        source.next(new Batch([{ index: 0, records: batches[time % drawn] as readonly Event[] }], context(time)));
      }
    };
    run(warmUp);
    return { units: 20, run, check: () => emitted > 0 };
  };
}

const pair = mapRecords(({ key, value }: Event) => [key, value]);

/** Behind the records by as much as these are out of order. */
function stamped(shift: () => number, disorder: number) {
  return eventTime<Event>({
    timestamp: ({ at }) => at + shift(),
    outOfOrderness: disorder * slideMs,
    future: Infinity,
  });
}

const aggregators = { sum, max };

function byBatchTime(name: keyof typeof aggregators, panes: number, keys?: number): Contender {
  return timed({ ...(keys && { keys }), warmUp: panes + 60 }, () => (source) => {
    const options = { window: panes, slide: 1 };
    const pairs = source.pipe(pair);
    return name === 'sum'
      ? pairs.pipe(aggregateByKeyAndWindow(sum(), options))
      : pairs.pipe(aggregateByKeyAndWindow(max(), options));
  });
}

function byEventTime(name: keyof typeof aggregators, panes: number, disorder = 0, keys?: number): Contender {
  return timed({ ...(keys && { keys }), disorder, warmUp: panes + 60 }, (shift) => (source) => {
    const options = { window: panes * slideMs, slide: slideMs };
    const pairs = source.pipe(stamped(shift, disorder), pair);
    return name === 'sum'
      ? pairs.pipe(aggregateByKeyAndEventWindow(sum(), options))
      : pairs.pipe(aggregateByKeyAndEventWindow(max(), options));
  });
}

const positive = filterRecords<readonly [string, number]>(([, value]) => value > 0);

export const contenders: Readonly<Record<string, Contender>> = {
  '12 panes, sum, by batch time': byBatchTime('sum', 12),
  '12 panes, sum, in order': byEventTime('sum', 12),
  '12 panes, sum, out of order by 1.5 panes': byEventTime('sum', 12, 1.5),
  '12 panes, sum, out of order by 40 panes': byEventTime('sum', 12, 40),
  '12 panes, max, by batch time': byBatchTime('max', 12),
  '12 panes, max, in order': byEventTime('max', 12),
  '12 panes, max, out of order by 40 panes': byEventTime('max', 12, 40),
  'tumbling, sum, by batch time': byBatchTime('sum', 1),
  'tumbling, sum, in order': byEventTime('sum', 1),
  'tumbling, sum, out of order by 1.5 panes': byEventTime('sum', 1, 1.5),
  'tumbling, sum, out of order by 40 panes': byEventTime('sum', 1, 40),
  '12 panes, sum, 1,000 keys': byEventTime('sum', 12, 0, 1_000),
  '360 panes, sum, 1,000 keys': byEventTime('sum', 360, 0, 1_000),
  '12 panes, max, 1,000 keys': byEventTime('max', 12, 0, 1_000),
  '360 panes, max, 1,000 keys': byEventTime('max', 360, 0, 1_000),
  'a row with reduceByKey': timed(
    {},
    () => (source) =>
      source.pipe(
        pair,
        positive,
        reduceByKey((a, b) => a + b),
      ),
  ),
  'a row with eventTime and a tumbling sum': timed(
    {},
    (shift) => (source) =>
      source.pipe(stamped(shift, 0), pair, positive, aggregateByKeyAndEventWindow(sum(), { window: slideMs })),
  ),
};
