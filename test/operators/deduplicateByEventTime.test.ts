import {
  aggregateByEventWindow,
  type Batch,
  deduplicateByEventTime,
  eventTime,
  foreachBatch,
  fromBatches,
  type LateRecord,
  sideOutput,
} from 'dstream';
import { count } from 'dstream/aggregators';
import { runBatches } from 'dstream/testing';
import type { OperatorFunction } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../support/virtual.js';
import { standingCases } from './standing.js';

/** A record: event time and id. */
type Event = readonly [at: number, id: string];

function timed<R>(then: OperatorFunction<Batch<Event>, Batch<R>>): OperatorFunction<Batch<Event>, Batch<R>> {
  return (source) => source.pipe(eventTime<Event>({ timestamp: ([at]) => at, outOfOrderness: 10 }), then);
}

const records: readonly Event[] = [
  [1, 'a'],
  [2, 'b'],
];

standingCases('deduplicateByEventTime', {
  records,
  make: () => timed(deduplicateByEventTime(([, id]) => id)),
  throwing: (boom) => timed(deduplicateByEventTime<Event>(boom)),
});

/** What passes of one batch, and the late records. */
function passedOf(events: readonly Event[], within?: number) {
  const passed: Event[] = [];
  const lates: Event[] = [];
  const late = sideOutput<LateRecord<Event>>();
  virtual(() => {
    late.subscribe((batch) => lates.push(...batch.records.map(({ record }) => record)));
    fromBatches<Event>([events], { interval: 10, partitions: 1 })
      .pipe(
        timed(deduplicateByEventTime<Event>(([, id]) => id, { late, ...(within !== undefined && { within }) })),
        foreachBatch((given) => void passed.push(...given)),
      )
      .subscribe();
  });
  return { passed, lates };
}

describe('deduplicateByEventTime', () => {
  it('passes a record that is sent again once', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const [first, other, later]: Event[] = [
        [5, 'a'],
        [5, 'b'],
        [6, 'a'],
      ];
      const source = batches<Event>(' -p-q-|', { p: [first, first] as Event[], q: [other, first, later] as Event[] });
      const subs = '                  ^----!';
      const expected = '              -x-y-|';
      const result = source.pipe(timed(deduplicateByEventTime(([, id]) => id)));
      expectBatches(result).toBe(expected, { x: [first] as Event[], y: [other, later] as Event[] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('passes one of those within a time', () => {
    const events: Event[] = [
      [10, 'a'],
      [13, 'a'],
      [14, 'a'],
      [7, 'a'],
      [6, 'a'],
    ];
    expect(passedOf(events, 3).passed).toEqual([
      [10, 'a'],
      [14, 'a'],
      [6, 'a'],
    ]);
  });

  it('leaves out late records, of which it could not know', () => {
    const events: Event[] = [
      [5, 'a'],
      [30, 'b'],
      [5, 'a'],
      [20, 'a'],
    ];
    expect(passedOf(events)).toEqual({ passed: [events[0], events[1], events[3]], lates: [events[2]] });
  });

  it('keeps the event times', () => {
    const results: unknown[] = [];
    virtual(() => {
      fromBatches<Event>(
        [
          [
            [5, 'a'],
            [5, 'a'],
            [15, 'b'],
          ],
        ],
        { interval: 10 },
      )
        .pipe(
          timed(deduplicateByEventTime(([, id]) => id)),
          aggregateByEventWindow(count(), { window: 10 }),
          foreachBatch((windows) => void results.push(...windows.map(({ start, value }) => [start, value]))),
        )
        .subscribe();
    });
    expect(results).toEqual([
      [0, 1],
      [10, 1],
    ]);
  });

  it('refuses options that are out of range, and objects for ids', () => {
    expect(() => deduplicateByEventTime(() => 1, { within: -1 })).toThrow('within (-1)');
    expect(() => deduplicateByEventTime(() => 1, { within: Infinity })).toThrow('within (Infinity)');
    expect(() => deduplicateByEventTime(() => 1, { late: {} as never })).toThrow('late ({}) must be a sideOutput()');
    expect(() => deduplicateByEventTime(5 as never)).toThrow('idOf (5) must be a function');
    const errors: unknown[] = [];
    virtual(() => {
      fromBatches<Event>([records], { interval: 10 })
        .pipe(timed(deduplicateByEventTime<Event>(() => ({}) as never)))
        .subscribe({ error: (error) => errors.push(error) });
    });
    expect(errors).toMatchObject([{ code: 'INVALID_RECORD', operator: 'deduplicateByEventTime' }]);
  });
});
