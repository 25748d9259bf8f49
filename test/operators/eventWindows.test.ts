import {
  type Aggregator,
  aggregateByEventWindow,
  aggregateByKeyAndEventWindow,
  type Batch,
  eventTime,
  foreachBatch,
  fromBatches,
  groupByKeyAndEventWindow,
  type LateRecord,
  mapRecords,
  memoryCheckpoint,
  type Pair,
  reduceByKeyAndEventWindow,
  sideOutput,
  type WindowResult,
} from 'dstream';
import { count, last, sum } from 'dstream/aggregators';
import { runBatches } from 'dstream/testing';
import { merge, type OperatorFunction, retry, tap } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../support/virtual.js';
import { standingCases } from './standing.js';

/** A record: event time, key and value. */
type Event = readonly [at: number, key: string, value: number];

/** With pairs that have the event times of their records. */
function timed<R>(
  windows: OperatorFunction<Batch<Pair<string, number>>, Batch<R>>,
): OperatorFunction<Batch<Event>, Batch<R>> {
  return (source) =>
    source.pipe(
      eventTime({ timestamp: ([at]) => at, outOfOrderness: 0 }),
      mapRecords(([, key, value]) => [key, value]),
      windows,
    );
}

const records: readonly Event[] = [
  [1, 'a', 1],
  [12, 'a', 2],
];

standingCases('aggregateByEventWindow', {
  records,
  make: () => timed(aggregateByEventWindow(count(), { window: 10 })),
  throwing: (boom) => timed(aggregateByEventWindow({ ...count(), lift: boom }, { window: 10 })),
});
standingCases('aggregateByKeyAndEventWindow', {
  records,
  make: () => timed(aggregateByKeyAndEventWindow(sum(), { window: 10 })),
  throwing: (boom) => timed(aggregateByKeyAndEventWindow({ ...sum(), lift: boom }, { window: 10 })),
});
standingCases('reduceByKeyAndEventWindow', {
  records: [...records, ...records],
  make: () => timed(reduceByKeyAndEventWindow((a, b) => a + b, { window: 10 })),
  throwing: (boom) => timed(reduceByKeyAndEventWindow<string, number>(boom, { window: 10, slide: 2 })),
});
standingCases('groupByKeyAndEventWindow', {
  records,
  make: () => timed(groupByKeyAndEventWindow({ window: 10 })),
});

const at = <V>(start: number, value: V, window = 10): WindowResult<V> => ({ start, end: start + window, value });

describe('marbles of event-time windows', () => {
  it('aggregateByEventWindow gives a window with the batch in which the watermark reaches its end', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches<number>('-a-b-c-|', { a: [1, 5], b: [9], c: [10] });
      const subs = '                  ^------!';
      const expected = '              -x-x-y-|';
      const result = source.pipe(
        eventTime({ timestamp: (time) => time, outOfOrderness: 0 }),
        aggregateByEventWindow(count(), { window: 10 }),
      );
      expectBatches(result).toBe(expected, { x: [], y: [at(0, 3)] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('aggregateByKeyAndEventWindow gives overlapping windows in the order of their ends', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches<Event>(' -a--b|', {
        a: [
          [1, 'k', 1],
          [6, 'k', 2],
        ],
        b: [[15, 'k', 4]],
      });
      const subs = '                  ^----!';
      const expected = '              -x--y|';
      const result = source.pipe(timed(aggregateByKeyAndEventWindow(sum(), { window: 10, slide: 5 })));
      expectBatches(result).toBe(expected, {
        x: [['k', at(-5, 1)]],
        y: [
          ['k', at(0, 3)],
          ['k', at(5, 2)],
        ],
      });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('reduceByKeyAndEventWindow reduces the values of a window', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches<Event>(' -ab|', {
        a: [
          [1, 'k', 2],
          [4, 'k', 5],
        ],
        b: [[10, 'l', 1]],
      });
      const subs = '                  ^--!';
      const expected = '              -xy|';
      const result = source.pipe(timed(reduceByKeyAndEventWindow((a, b) => a * b, { window: 10 })));
      expectBatches(result).toBe(expected, { x: [], y: [['k', at(0, 10)]] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('groupByKeyAndEventWindow gives values by event time', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches<Event>(' -ab|', {
        a: [
          [4, 'k', 2],
          [3, 'k', 5],
        ],
        b: [[16, 'k', 1]],
      });
      const subs = '                  ^--!';
      const expected = '              -xy|';
      const result = source.pipe(
        eventTime({ timestamp: ([time]) => time, outOfOrderness: 5 }),
        mapRecords(([, key, value]) => [key, value]),
        groupByKeyAndEventWindow({ window: 10 }),
      );
      expectBatches(result).toBe(expected, { x: [], y: [['k', at(0, [5, 2])]] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });
});

/** The windows of one batch that ends the stream. */
function windowsOf<R>(
  events: readonly Event[],
  windows: OperatorFunction<Batch<Pair<string, number>>, Batch<R>>,
): readonly R[] {
  const results: R[] = [];
  virtual(() => {
    fromBatches<Event>([events], { interval: 10, partitions: 1 })
      .pipe(
        timed(windows),
        foreachBatch((given) => void results.push(...given)),
      )
      .subscribe();
  });
  return results;
}

describe('an event-time window', () => {
  it('begins at the offset and its multiples, on both sides of the epoch', () => {
    const events: Event[] = [
      [0, 'k', 1],
      [7, 'k', 2],
    ];
    const starts = (offset: number) =>
      windowsOf(events, aggregateByKeyAndEventWindow(count(), { window: 10, offset })).map(([, { start }]) => start);
    expect(starts(0)).toEqual([0]);
    expect(starts(7)).toEqual([-3, 7]);
    expect(starts(-23)).toEqual([-3, 7]);
  });

  it('leaves out what is in a gap between windows, which is not late', () => {
    const late = sideOutput<LateRecord<Pair<string, number>>>();
    const lates: unknown[] = [];
    late.subscribe(({ records: given }) => lates.push(...given));
    const events: Event[] = [
      [1, 'k', 1],
      [12, 'k', 2],
      [21, 'k', 4],
      [3, 'k', 8],
      [15, 'k', 16],
    ];
    expect(windowsOf(events, aggregateByKeyAndEventWindow(sum(), { window: 10, slide: 20, late }))).toEqual([
      ['k', at(0, 1)],
      ['k', at(20, 4)],
    ]);
    expect(lates).toEqual([{ record: ['k', 8], time: 3, watermark: 21, reason: 'late' }]);
  });

  it('counts a record that is late for the first windows only in the later ones', () => {
    const events: Event[] = [
      [5, 'k', 1],
      [25, 'k', 2],
      [15, 'k', 4],
    ];
    expect(windowsOf(events, aggregateByKeyAndEventWindow(sum(), { window: 20, slide: 10 }))).toEqual([
      ['k', at(-10, 1, 20)],
      ['k', at(0, 1, 20)],
      ['k', at(10, 6, 20)],
      ['k', at(20, 2, 20)],
    ]);
  });

  it('goes over a gap of years at once', () => {
    const events: Event[] = [
      [5, 'k', 1],
      [3_000_000, 'k', 2],
    ];
    const windows = windowsOf(events, aggregateByKeyAndEventWindow(sum(), { window: 4, slide: 2 }));
    expect(windows).toEqual([
      ['k', at(2, 1, 4)],
      ['k', at(4, 1, 4)],
      ['k', at(2_999_998, 2, 4)],
      ['k', at(3_000_000, 2, 4)],
    ]);
  });

  it('keeps the order of keys: by their first panes, then as they came', () => {
    const events: Event[] = [
      [1, 'b', 1],
      [2, 'a', 1],
      [11, 'c', 1],
      [12, 'a', 1],
      [13, 'b', 1],
    ];
    const keys = windowsOf(events, aggregateByKeyAndEventWindow(count(), { window: 20, slide: 10 })).map(
      ([key, { start }]) => `${start}${key}`,
    );
    expect(keys).toEqual(['-10b', '-10a', '0b', '0a', '0c', '10c', '10a', '10b']);
  });

  it('tells keys of different types apart, over a restart too', () => {
    const checkpoint = memoryCheckpoint();
    const keys = ['1', 1, 1n, true, 'true', null, 'null', 'a:b', '', 2.5];
    const results: unknown[] = [];
    let crashes = 1;
    virtual(() => {
      fromBatches([keys.map((key) => [key, 1] as const), []], { interval: 10, checkpoint })
        .pipe(
          eventTime({ timestamp: () => 5, outOfOrderness: 0, id: 'time' }),
          aggregateByKeyAndEventWindow(count(), { window: 10, id: 'windows' }),
          foreachBatch((windows, { time }) => {
            if (time === 20 && crashes-- > 0) throw new Error('crash');
            results.push(...windows.map(([key]) => key));
          }),
          retry(1),
        )
        .subscribe();
    });
    expect(results).toEqual(keys);
  });

  it('takes the last by event time, whichever comes last', () => {
    const events: Event[] = [
      [8, 'k', 1],
      [9, 'k', 2],
      [8, 'k', 3],
    ];
    expect(windowsOf(events, aggregateByKeyAndEventWindow(last<number>(), { window: 10 }))).toEqual([['k', at(0, 2)]]);
  });

  it('refuses records that are no pairs', () => {
    const errors: unknown[] = [];
    virtual(() => {
      fromBatches([[5]], { interval: 10 })
        .pipe(
          eventTime({ timestamp: (time) => time, outOfOrderness: 0 }),
          aggregateByKeyAndEventWindow(count(), { window: 10 }) as unknown as OperatorFunction<
            Batch<number>,
            Batch<unknown>
          >,
        )
        .subscribe({ error: (error) => errors.push(error) });
    });
    expect(errors).toMatchObject([{ code: 'INVALID_RECORD', operator: 'aggregateByKeyAndEventWindow' }]);
  });

  it('refuses options that are out of range', () => {
    const make = (options: object) => () => groupByKeyAndEventWindow({ window: 10, ...options });
    expect(make({ window: 0 })).toThrow('window (0) must be a positive integer');
    expect(make({ slide: 1.5 })).toThrow('slide (1.5) must be a positive integer');
    expect(make({ offset: 0.5 })).toThrow('offset (0.5) must be an integer');
    expect(make({ late: {} })).toThrow('late ({}) must be a sideOutput()');
  });
});

describe('sideOutput', () => {
  const stream = (late: ReturnType<typeof sideOutput<LateRecord<number>>>, checkpoint = memoryCheckpoint()) =>
    fromBatches([[1, 12, 3], [14], [2]], { interval: 10, partitions: 1, checkpoint }).pipe(
      eventTime({ timestamp: (time) => time, outOfOrderness: 0, id: 'time' }),
      aggregateByEventWindow(count(), { window: 10, late, id: 'windows' }),
    );

  it('emits a batch for each batch, before the result of the operator', () => {
    const events: string[] = [];
    const late = sideOutput<LateRecord<number>>();
    virtual(() => {
      merge(
        late.pipe(tap(({ records: given }) => events.push(`late ${given.map(({ record }) => record)}`))),
        stream(late).pipe(tap(({ records: given }) => events.push(`windows ${given.map(({ start }) => start)}`))),
      )
        .pipe(foreachBatch<unknown>(() => {}))
        .subscribe({ complete: () => events.push('complete') });
    });
    expect(events).toEqual(['late 3', 'windows 0', 'late ', 'windows ', 'late 2', 'windows 10', 'complete']);
  });

  it('keeps a batch open until its own outputs have settled', () => {
    const saved: number[] = [];
    const late = sideOutput<LateRecord<number>>();
    virtual((scheduler) => {
      const slow = () => new Promise<void>(() => {});
      const batchObserver = { next: ({ time }: { time: number }) => void saved.push(time) };
      const main = fromBatches([[1, 12, 3], [14]], { interval: 10, batchObserver }).pipe(
        eventTime({ timestamp: (time) => time, outOfOrderness: 0 }),
        aggregateByEventWindow(count(), { window: 10, late }),
        foreachBatch(() => {}),
      );
      const ignored = { error: () => {} };
      const sides = late.pipe(foreachBatch((given) => (given.length > 0 ? slow() : undefined))).subscribe(ignored);
      const subscription = main.subscribe(ignored);
      scheduler.schedule(() => {
        sides.unsubscribe();
        subscription.unsubscribe();
      }, 100);
    });
    expect(saved).toEqual([]);
  });

  it('fails with the operator, and feeds the next run after a retry', () => {
    const lates: number[] = [];
    const late = sideOutput<LateRecord<number>>();
    let crashes = 2;
    virtual(() => {
      merge(
        late.pipe(foreachBatch((given) => void lates.push(...given.map(({ record }) => record)))),
        stream(late).pipe(
          foreachBatch((_, { time }) => {
            if (time === 20 && crashes-- > 0) throw new Error('crash');
          }),
        ),
      )
        .pipe(retry(2))
        .subscribe();
    });
    expect(lates).toEqual([3, 2]);
  });

  it('passes the error on to whoever listens to it alone', () => {
    const errors: string[] = [];
    const late = sideOutput<LateRecord<number>>();
    virtual(() => {
      late.subscribe({ error: ({ message }: Error) => errors.push(`late ${message}`) });
      fromBatches([[-1]], { interval: 10 })
        .pipe(
          eventTime({ timestamp: (time) => time, outOfOrderness: 0 }),
          aggregateByEventWindow(count(), { window: 10, late }),
        )
        .subscribe({ error: ({ message }: Error) => errors.push(message) });
    });
    expect(errors).toHaveLength(2);
    expect(errors[1]).toBe(`late ${errors[0]}`);
  });

  it('is fed by one operator', () => {
    const late = sideOutput<LateRecord<number>>();
    const errors: unknown[] = [];
    virtual(() => {
      stream(late)
        .pipe(foreachBatch(() => {}))
        .subscribe();
      stream(late).subscribe({ error: (error) => errors.push(error) });
    });
    expect(errors).toMatchObject([{ code: 'INVALID_OPTION', option: 'late' }]);
  });
});

describe('emit', () => {
  /** The results of one partition, batch by batch. */
  function emitted(emit: 'corrections' | 'changes', batches: readonly (readonly Event[])[], allowedLateness = 5) {
    const results: (readonly unknown[])[] = [];
    virtual(() => {
      fromBatches(batches, { interval: 10, partitions: 1 })
        .pipe(
          timed(aggregateByKeyAndEventWindow(sum(), { window: 10, allowedLateness, emit })),
          foreachBatch((all) => {
            results.push(all.map(([key, { start, value, final }]) => [key, start, value, final]));
          }),
        )
        .subscribe();
    });
    return results;
  }

  const batches: readonly (readonly Event[])[] = [
    [
      [1, 'a', 1],
      [2, 'b', 1],
    ],
    [[12, 'a', 1]],
    [
      [3, 'a', 2],
      [14, 'a', 1],
    ],
    [[15, 'b', 1]],
    [[30, 'b', 1]],
  ];

  it('corrections come from the end of a window on, and only of what changes', () => {
    expect(emitted('corrections', batches)).toEqual([
      [],
      [
        ['a', 0, 1, false],
        ['b', 0, 1, false],
      ],
      [['a', 0, 3, false]],
      [
        ['a', 0, 3, true],
        ['b', 0, 1, true],
      ],
      [
        ['a', 10, 2, true],
        ['b', 10, 1, true],
        ['b', 30, 1, true],
      ],
    ]);
  });

  it('changes come from the first record of a window on', () => {
    expect(emitted('changes', batches)).toEqual([
      [
        ['a', 0, 1, false],
        ['b', 0, 1, false],
      ],
      [['a', 10, 1, false]],
      [
        ['a', 0, 3, false],
        ['a', 10, 2, false],
      ],
      [
        ['a', 0, 3, true],
        ['b', 0, 1, true],
        ['b', 10, 1, false],
      ],
      [
        ['a', 10, 2, true],
        ['b', 10, 1, true],
        ['b', 30, 1, true],
      ],
    ]);
  });

  it('does not change what has been emitted, though partials change in place', () => {
    const kept: (readonly number[])[] = [];
    const list: Aggregator<number, number[], readonly number[]> = {
      identity: [],
      lift: (value) => [value],
      combine: (a, b) => [...a, ...b],
      add: (all, value) => {
        all.push(value);
        return all;
      },
      lower: (all) => all,
    };
    virtual(() => {
      fromBatches<Event>([[[1, 'a', 1]], [[2, 'a', 2]]], { interval: 10, partitions: 1 })
        .pipe(
          timed(aggregateByKeyAndEventWindow(list, { window: 10, emit: 'changes' })),
          foreachBatch((all) => void kept.push(...all.map(([, { value }]) => value))),
        )
        .subscribe();
    });
    expect(kept).toEqual([[1], [1, 2]]);
  });

  it('refuses what is out of range', () => {
    expect(() => aggregateByEventWindow(count(), { window: 1, emit: 'early' as never })).toThrow('emit ("early")');
    expect(() => aggregateByEventWindow(count(), { window: 1, allowedLateness: -1 })).toThrow('allowedLateness (-1)');
    expect(() => aggregateByEventWindow(count(), { window: 1, allowedLateness: Infinity })).toThrow('allowedLateness');
  });
});

it('an invalid record that is put aside leaves nothing in a window', () => {
  const results: unknown[] = [];
  const events = [
    [1, 'a', 1],
    [2, {} as string, 2],
    [3, 'a', 4],
  ] as const;
  virtual(() => {
    fromBatches<Event>([events], { interval: 10, partitions: 1, onRecordError: 'skip' })
      .pipe(
        timed(aggregateByKeyAndEventWindow(sum(), { window: 10, slide: 5 })),
        foreachBatch((all) => void results.push(...all)),
      )
      .subscribe();
  });
  expect(results).toEqual([
    ['a', { start: -5, end: 5, value: 5 }],
    ['a', { start: 0, end: 10, value: 5 }],
  ]);
});
