import {
  asOfJoin,
  type Batch,
  batchesFrom,
  batchesSource,
  eventTime,
  foreachBatch,
  fromBatches,
  intervalJoin,
  type LateRecord,
  mapRecords,
  type Pair,
  sideOutput,
} from 'dstream';
import { runBatches } from 'dstream/testing';
import { EMPTY, type Observable, type OperatorFunction } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../support/virtual.js';
import { standingCases } from './standing.js';

/** A record: event time, key and value. */
type Event = readonly [at: number, key: string, value: string];

const timed =
  (outOfOrderness = 0): OperatorFunction<Batch<Event>, Batch<Pair<string, string>>> =>
  (source) =>
    source.pipe(
      eventTime<Event>({ timestamp: ([at]) => at, outOfOrderness }),
      mapRecords(([, key, value]) => [key, value]),
    );

const inHour = { lower: 0, upper: 60 };

/** The standing cases for a stream on the left, and on the right. */
type Join = (
  other: Observable<Batch<Pair<string, string>>>,
) => OperatorFunction<Batch<Pair<string, string>>, Batch<unknown>>;
const onLeft =
  (join: Join): OperatorFunction<Batch<Event>, Batch<unknown>> =>
  (source) =>
    source.pipe(timed(), join(EMPTY));
const onRight =
  (join: Join): OperatorFunction<Batch<Event>, Batch<unknown>> =>
  (source) =>
    EMPTY.pipe(join(source.pipe(timed())));
const records: readonly Event[] = [
  [1, 'a', 'x'],
  [2, 'b', 'y'],
];
// On the right the source would end before the left is subscribed to.
standingCases('intervalJoin', { records, make: () => onLeft((other) => intervalJoin(other, inHour)) });
standingCases('intervalJoin', {
  records,
  make: () => onRight((other) => intervalJoin(other, inHour)),
  synchronous: false,
});
standingCases('asOfJoin', { records, make: () => onLeft((other) => asOfJoin(other)) });
standingCases('asOfJoin', { records, make: () => onRight((other) => asOfJoin(other)), synchronous: false });

describe('intervalJoin', () => {
  it('pairs what is within the interval, with the batch that brings the later one', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const left = batches<Event>(' -a-b-|', { a: [[10, 'x', 'l1']] as Event[], b: [[50, 'x', 'l2']] as Event[] });
      const right = batches<Event>('-c-d-|', { c: [[5, 'x', 'r1']] as Event[], d: [[70, 'x', 'r2']] as Event[] });
      const subs = '                ^----!';
      const expected = '            -m-n-|';
      expectBatches(left.pipe(timed(), intervalJoin(right.pipe(timed()), inHour))).toBe(expected, {
        m: [],
        n: [
          ['x', { left: 'l1', right: 'r2', leftTime: 10, rightTime: 70 }],
          ['x', { left: 'l2', right: 'r2', leftTime: 50, rightTime: 70 }],
        ],
      });
      expectSubscriptions(left.subscriptions).toBe(subs);
      expectSubscriptions(right.subscriptions).toBe(subs);
    });
  });

  it('passes what has no partner when none can come, at the end of a bounded stream too', () => {
    const [results] = joined((other) => intervalJoin(other, { ...inHour, join: 'full' }), {
      left: [[[10, 'x', 'l1']], [], [[100, 'x', 'l2']]],
      right: [[], [[90, 'y', 'r1']], []],
    });
    expect(results).toEqual([
      [],
      [['x', { left: 'l1', right: undefined, leftTime: 10, rightTime: undefined }]],
      [
        ['x', { left: 'l2', right: undefined, leftTime: 100, rightTime: undefined }],
        ['y', { left: undefined, right: 'r1', leftTime: undefined, rightTime: 90 }],
      ],
    ]);
  });

  it('has the late records of each stream in an output of its own', () => {
    const [late, lateOther] = [
      sideOutput<LateRecord<Pair<string, string>>>(),
      sideOutput<LateRecord<Pair<string, string>>>(),
    ];
    const [results, lates] = joined(
      (other) => intervalJoin(other, { ...inHour, late, lateOther }),
      {
        left: [
          [
            [10, 'x', 'l1'],
            [9, 'x', 'l0'],
          ],
        ],
        right: [
          [
            [20, 'x', 'r1'],
            [19, 'x', 'r0'],
          ],
        ],
      },
      [late, lateOther],
    );
    expect(results).toEqual([[['x', { left: 'l1', right: 'r1', leftTime: 10, rightTime: 20 }]]]);
    expect(lates).toEqual([
      { record: ['x', 'l0'], time: 9, watermark: 10, reason: 'late' },
      { record: ['x', 'r0'], time: 19, watermark: 20, reason: 'late' },
    ]);
  });

  it('refuses what is out of range, and records without event time', () => {
    const other = fromBatches<Pair<string, string>>([], { interval: 10 });
    expect(() => intervalJoin(other, { lower: 2, upper: 1 })).toThrow('lower (2) must not be above upper (1)');
    expect(() => intervalJoin(other, { lower: Number.NaN, upper: 1 })).toThrow('lower (NaN) must be a finite number');
    expect(() => intervalJoin(other, { lower: 0, upper: Infinity })).toThrow('upper (Infinity)');
    expect(() => intervalJoin(other, { ...inHour, join: 'outer' as never })).toThrow('join ("outer")');
    expect(() => intervalJoin(other, { ...inHour, lateOther: {} as never })).toThrow('lateOther ({}) must be a side');
    expect(() => intervalJoin({} as never, inHour)).toThrow('other ({}) must be an Observable');
    expect(failureOf((streams) => streams.left.pipe(intervalJoin(streams.right.pipe(timed2()), inHour)))).toMatchObject(
      {
        code: 'MISSING_EVENT_TIME',
        operator: 'intervalJoin',
      },
    );
    expect(failureOf((streams) => streams.left.pipe(timed2(), intervalJoin(streams.right, inHour)))).toMatchObject({
      code: 'MISSING_EVENT_TIME',
      operator: 'intervalJoin',
    });
  });
});

describe('asOfJoin', () => {
  it('pairs each record with the newest that is not newer, when no older one can come', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const left = batches<Event>(' -a-b-|', { a: [[10, 'x', 'l1']] as Event[], b: [[20, 'x', 'l2']] as Event[] });
      const right = batches<Event>('-c-d-|', {
        c: [
          [5, 'x', 'r1'],
          [10, 'x', 'r2'],
        ] as Event[],
        d: [
          [10, 'x', 'r3'],
          [21, 'x', 'r4'],
        ] as Event[],
      });
      const subs = '                ^----!';
      const expected = '            -m-n-|';
      expectBatches(left.pipe(timed(), asOfJoin(right.pipe(timed())))).toBe(expected, {
        m: [],
        n: [
          ['x', { left: 'l1', right: 'r3', leftTime: 10, rightTime: 10 }],
          ['x', { left: 'l2', right: 'r3', leftTime: 20, rightTime: 10 }],
        ],
      });
      expectSubscriptions(left.subscriptions).toBe(subs);
      expectSubscriptions(right.subscriptions).toBe(subs);
    });
  });

  it('passes a record that finds nothing, unless told otherwise', () => {
    const events = { left: [[[10, 'x', 'l1'] as const]], right: [[[3, 'x', 'r1'] as const]] };
    const alone = ['x', { left: 'l1', right: undefined, leftTime: 10, rightTime: undefined }];
    expect(joined((other) => asOfJoin(other, { maxAge: 6 }), events)[0]).toEqual([[alone]]);
    expect(joined((other) => asOfJoin(other, { maxAge: 6, join: 'inner' }), events)[0]).toEqual([[]]);
    const found = ['x', { left: 'l1', right: 'r1', leftTime: 10, rightTime: 3 }];
    expect(joined((other) => asOfJoin(other, { maxAge: 7, join: 'inner' }), events)[0]).toEqual([[found]]);
  });

  it('refuses what is out of range', () => {
    const other = fromBatches<Pair<string, string>>([], { interval: 10 });
    expect(() => asOfJoin(other, { maxAge: -1 })).toThrow('maxAge (-1)');
    expect(() => asOfJoin(other, { join: 'outer' as never })).toThrow('join ("outer")');
    expect(() => asOfJoin(other, { late: {} as never })).toThrow('late ({}) must be a sideOutput()');
  });
});

const timed2 = (): OperatorFunction<Batch<Pair<string, string>>, Batch<Pair<string, string>>> => (source) =>
  source.pipe(eventTime<Pair<string, string>>({ timestamp: () => 1, outOfOrderness: 0 }));

/** What a join fails with. */
function failureOf(
  make: (streams: {
    readonly left: Observable<Batch<Pair<string, string>>>;
    readonly right: Observable<Batch<Pair<string, string>>>;
  }) => Observable<unknown>,
): unknown {
  let failure: unknown;
  virtual(() => {
    const pairs: Pair<string, string>[] = [['x', 'y']];
    const streams = batchesFrom({ left: batchesSource([pairs]), right: batchesSource([pairs]) }, { interval: 10 });
    make(streams).subscribe({
      error: (error) => {
        failure = error;
      },
    });
  });
  return failure;
}

/** The results of bounded streams, batch by batch, and the late records. */
function joined(
  join: (
    other: Observable<Batch<Pair<string, string>>>,
  ) => OperatorFunction<Batch<Pair<string, string>>, Batch<unknown>>,
  events: { readonly left: readonly (readonly Event[])[]; readonly right: readonly (readonly Event[])[] },
  sides: readonly Observable<Batch<unknown>>[] = [],
): readonly [results: readonly (readonly unknown[])[], late: readonly unknown[]] {
  const results: (readonly unknown[])[] = [];
  const late: unknown[] = [];
  virtual(() => {
    for (const side of sides) side.subscribe((batch) => late.push(...batch.records));
    const { left, right } = batchesFrom(
      { left: batchesSource(events.left, { partitions: 1 }), right: batchesSource(events.right, { partitions: 1 }) },
      { interval: 10 },
    );
    left
      .pipe(
        timed(),
        join(right.pipe(timed())),
        foreachBatch((records) => void results.push(records)),
      )
      .subscribe();
  });
  return [results, late];
}
