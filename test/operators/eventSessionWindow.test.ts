import {
  type Batch,
  type EventSessionWindowOptions,
  eventSessionWindow,
  eventTime,
  foreachBatch,
  fromBatches,
  type LateRecord,
  mapRecords,
  type Pair,
  type Session,
  sideOutput,
} from 'dstream';
import { count } from 'dstream/aggregators';
import { runBatches } from 'dstream/testing';
import type { OperatorFunction } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../support/virtual.js';
import { standingCases } from './standing.js';

/** A record: event time and key. */
type Event = readonly [at: number, key: string];

function timed<R>(
  sessions: OperatorFunction<Batch<Pair<string, number>>, Batch<R>>,
  outOfOrderness = 0,
): OperatorFunction<Batch<Event>, Batch<R>> {
  return (source) =>
    source.pipe(
      eventTime({ timestamp: ([at]) => at, outOfOrderness }),
      mapRecords(([at, key]) => [key, at]),
      sessions,
    );
}

const records: readonly Event[] = [
  [1, 'a'],
  [12, 'a'],
];

standingCases('eventSessionWindow', {
  records,
  make: () => timed(eventSessionWindow<string, number>({ gap: 5 })),
});
standingCases('eventSessionWindow with an aggregator', {
  records,
  make: () => timed(eventSessionWindow({ gap: 5, aggregator: count() })),
  throwing: (boom) => timed(eventSessionWindow({ gap: 5, aggregator: { ...count(), lift: boom } })),
});

type Options = EventSessionWindowOptions<Pair<string, number>> & { readonly aggregator?: undefined };

/** The sessions of one batch that ends the stream, and the times of the late records. */
function sessionsOf(events: readonly Event[], outOfOrderness: number, options: Options) {
  const sessions: Pair<string, Session<readonly number[]>>[] = [];
  const lates: number[] = [];
  const late = sideOutput<LateRecord<Pair<string, number>>>();
  virtual(() => {
    late.subscribe((batch) => lates.push(...batch.records.map(({ time }) => time)));
    fromBatches<Event>([events], { interval: 10, partitions: 1 })
      .pipe(
        timed(eventSessionWindow<string, number>({ ...options, late }), outOfOrderness),
        foreachBatch((given) => void sessions.push(...given)),
      )
      .subscribe();
  });
  const shown = sessions.map(([key, { start, end, value }]) => `${key} ${start}-${end}: ${value.join(' ')}`);
  return { sessions: shown, lates };
}

describe('eventSessionWindow', () => {
  it('passes a session on with the batch in which the watermark is beyond its gap', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches<Event>(' -a-b-c-|', { a: [[10, 'k']], b: [[30, 'l']], c: [[31, 'l']] });
      const subs = '                  ^------!';
      const expected = '              -x-x-y-|';
      const result = source.pipe(timed(eventSessionWindow<string, number>({ gap: 20 })));
      expectBatches(result).toBe(expected, { x: [], y: [['k', { start: 10, end: 10, value: [10] }]] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('is one session within the gap, and two beyond it', () => {
    expect(
      sessionsOf(
        [
          [0, 'k'],
          [10, 'k'],
          [21, 'k'],
        ],
        0,
        { gap: 10 },
      ).sessions,
    ).toEqual(['k 0-10: 0 10', 'k 21-21: 21']);
  });

  it('joins two sessions when a record comes between them', () => {
    const events: Event[] = [
      [0, 'k'],
      [20, 'k'],
      [10, 'k'],
    ];
    expect(sessionsOf(events, 20, { gap: 10 }).sessions).toEqual(['k 0-20: 0 10 20']);
  });

  it('extends a session at its beginning', () => {
    expect(
      sessionsOf(
        [
          [20, 'k'],
          [12, 'k'],
          [4, 'k'],
        ],
        20,
        { gap: 10 },
      ).sessions,
    ).toEqual(['k 4-20: 4 12 20']);
  });

  it('leaves out a late record, which joins nothing', () => {
    const { sessions, lates } = sessionsOf(
      [
        [0, 'k'],
        [20, 'k'],
        [10, 'k'],
        [20, 'k'],
      ],
      0,
      { gap: 10 },
    );
    expect(lates).toEqual([10]);
    expect(sessions).toEqual(['k 0-0: 0', 'k 20-20: 20 20']);
  });

  it('gives sessions in the order of their ends, starts and keys', () => {
    const events: Event[] = [
      [0, 'c'],
      [5, 'b'],
      [5, 'a'],
      [5, 'c'],
      [3, 'd'],
    ];
    expect(sessionsOf(events, 9, { gap: 9 }).sessions).toEqual(['d 3-3: 3', 'c 0-5: 0 5', 'a 5-5: 5', 'b 5-5: 5']);
  });

  it('refuses options that are out of range', () => {
    expect(() => eventSessionWindow({ gap: 0 })).toThrow('gap (0) must be a finite number greater than 0');
    expect(() => eventSessionWindow({ gap: Number.NaN })).toThrow('gap (NaN)');
    expect(() => eventSessionWindow({ gap: 1, late: {} as never })).toThrow('late ({}) must be a sideOutput()');
  });
});
