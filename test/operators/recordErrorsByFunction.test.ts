import {
  type Aggregator,
  aggregateByEventWindow,
  aggregateByKeyAndEventWindow,
  aggregateByKeyAndWindow,
  aggregateByWindow,
  asOfJoin,
  type Batch,
  batchesFrom,
  batchesSource,
  type DeadLetter,
  deduplicateByEventTime,
  eventSessionWindow,
  eventTime,
  flatMapValues,
  foreachBatch,
  glom,
  groupByKeyAndEventWindow,
  intervalJoin,
  joinTable,
  mapRecords,
  mapValues,
  memoryCheckpoint,
  type Pair,
  partitionBy,
  reduceBatch,
  reduceByKeyAndEventWindow,
  reduceByKeyAndWindow,
  reduceByWindow,
} from 'dstream';
import type { Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../support/virtual.js';

/** A record as it is read: what an operator receives, and when it happened. */
interface Read {
  readonly at: number;
  readonly pair: Pair<string, number>;
}
type Stream<T> = Observable<Batch<T>>;
type Pairs = Stream<Pair<string, number>>;

const bad = 1_000;
/** A function of a user that cannot process the bad value. */
const refusing =
  <A extends readonly unknown[], R>(work: (...args: A) => R) =>
  (...args: A): R => {
    if (args.includes(bad)) throw new Error('no 1000');
    return work(...args);
  };
/** A binary function that cannot take the bad value in. */
const refusingSecond =
  <R>(work: (a: number, b: number) => R) =>
  (a: number, b: number): R => {
    if (b === bad) throw new Error('no 1000');
    return work(a, b);
  };
const sum = (a: number, b: number) => a + b;

const read = (key: string, value: number, at: number): Read => ({ at, pair: [key, value] });
/** What a reader has instead of a pair. */
const noPair = (at: number): Read => ({ at, pair: 'text' as never });
const objectKey = (at: number): Read => ({ at, pair: [{}, 7] as never });

/** Batches with a place for the record that fails, behind one of its key and before another. */
const batchesWith = (failing: readonly Read[]): Read[][] => [
  [read('a', 1, 1), ...failing, read('a', 2, 3), read('b', 4, 4)],
  [read('a', 8, 12), read('b', 16, 13)],
  [read('a', 32, 14), read('a', 1, 15)],
  [read('c', 64, 95)],
];

const timing = (name: string) => eventTime<Read>({ timestamp: ({ at }) => at, outOfOrderness: 5, id: name });
const timed = timing('time');
const pairOf = mapRecords(({ pair }: Read) => pair);
const numberOf = mapRecords(({ pair }: Read) => pair[1]);
const id = 'state';

interface Case {
  readonly operator: string;
  readonly failing: Read;
  /** The record that is put aside, and why. */
  readonly record: unknown;
  readonly error: string | RegExp;
  readonly id?: string | undefined;
  /** Which of the two streams has the record. */
  readonly side?: 'left' | 'right';
  readonly job: (left: Stream<Read>, right: Stream<Read>) => Stream<unknown>;
}

const badPair = { failing: read('a', bad, 2), record: ['a', bad], error: 'no 1000' } as const;
const refused = [
  ['a record that is no pair', { failing: noPair(2), record: 'text', error: /is not a pair/ }],
  ['a key that is an object', { failing: objectKey(2), record: [{}, 7], error: /has a key that is no string/ }],
] as const;

const aggregators = (): Record<string, Aggregator<number, number, number>> => {
  const adding = { name: 'adding', identity: 0, lift: (n: number) => n, combine: sum, lower: (n: number) => n };
  return {
    lift: { ...adding, lift: refusing(adding.lift) },
    combine: { ...adding, combine: refusingSecond(sum) },
    add: { ...adding, add: refusingSecond(sum) },
  };
};

/** By operator and what throws. */
const cases: Record<string, Case> = {
  'mapValues: project': {
    ...{ operator: 'mapValues', ...badPair },
    job: (left) => left.pipe(pairOf, mapValues(refusing((n: number) => n + 1))),
  },
  'flatMapValues: project': {
    ...{ operator: 'flatMapValues', ...badPair },
    job: (left) => left.pipe(pairOf, flatMapValues(refusing((n: number) => [n, n]))),
  },
  'partitionBy: partitioner': {
    ...{ operator: 'partitionBy', failing: read('bad', 7, 2), record: ['bad', 7], error: 'no bad' },
    job: (left) => {
      const partitioner = (key: string) => {
        if (key === 'bad') throw new Error('no bad');
        return key === 'a' ? 0 : 1;
      };
      return left.pipe(pairOf, partitionBy<string, number>(2, partitioner), glom());
    },
  },
  'partitionBy: a partition that does not exist': {
    ...{ operator: 'partitionBy', failing: read('bad', 7, 2), record: ['bad', 7], error: /has partition 7/ },
    job: (left) => {
      const partitioner = (key: string) => (key === 'bad' ? 7 : 1);
      return left.pipe(pairOf, partitionBy<string, number>(2, partitioner), glom());
    },
  },
  'eventTime: timestamp': {
    ...{ operator: 'eventTime', id, ...badPair, record: read('a', bad, 2) },
    job: (left) => {
      const timestamp = ({ at, pair }: Read) => refusing((_: number) => at)(pair[1]);
      return left.pipe(eventTime({ timestamp, outOfOrderness: 5, id }), pairOf);
    },
  },
  'eventTime: arrival': {
    ...{ operator: 'eventTime', id, ...badPair, record: read('a', bad, 2) },
    job: (left) => {
      const arrival = ({ at, pair }: Read) => refusing((_: number) => at)(pair[1]);
      return left.pipe(eventTime({ timestamp: ({ at }) => at, arrival, outOfOrderness: 5, id }), pairOf);
    },
  },
  'eventTime: timestamp of a record that no window visits': {
    ...{ operator: 'eventTime', id, ...badPair, record: read('a', bad, 2) },
    job: (left) => {
      const timestamp = ({ at, pair }: Read) => refusing((_: number) => at)(pair[1]);
      const timing = eventTime<Read>({ timestamp, outOfOrderness: 5, id });
      return left.pipe(timing, numberOf, reduceByWindow(sum, { window: 10, slide: 40, offset: 20, id: 'window' }));
    },
  },
  'eventTime: a time that is invalid': {
    ...{ operator: 'eventTime', id, failing: read('a', 7, -1), record: read('a', 7, -1), error: /before the epoch/ },
    job: (left) => left.pipe(eventTime({ timestamp: ({ at }) => at, outOfOrderness: 5, id }), pairOf),
  },
  'joinTable: a key without a row': {
    ...{ operator: 'joinTable', id, failing: read('absent', 7, 2), record: ['absent', 7], error: /has no row/ },
    job: (left, right) => left.pipe(pairOf, joinTable(right.pipe(pairOf) as Pairs, { missing: 'error', id })),
  },
  'deduplicateByEventTime: idOf': {
    ...{ operator: 'deduplicateByEventTime', id, ...badPair, record: read('a', bad, 2) },
    job: (left) => {
      const idOf = ({ pair: [key, value] }: Read) => refusing((_: number) => key)(value);
      return left.pipe(timed, deduplicateByEventTime(idOf, { within: 5, id }));
    },
  },
  'deduplicateByEventTime: an id that is an object': {
    ...{ operator: 'deduplicateByEventTime', id, failing: objectKey(2), record: objectKey(2), error: /has a key/ },
    job: (left) =>
      left.pipe(
        timed,
        deduplicateByEventTime(({ pair }) => pair[0], { within: 5, id }),
      ),
  },
  'reduceBatch: reduce': {
    ...{ operator: 'reduceBatch', failing: read('a', bad, 2), record: bad, error: 'no 1000' },
    job: (left) => left.pipe(numberOf, reduceBatch(refusingSecond(sum))),
  },
  'reduceByWindow: reduce': {
    ...{ operator: 'reduceByWindow', id, failing: read('a', bad, 2), record: bad, error: 'no 1000' },
    job: (left) => left.pipe(numberOf, reduceByWindow(refusingSecond(sum), { window: 20, id })),
  },
  'reduceByKeyAndWindow: reduce': {
    ...{ operator: 'reduceByKeyAndWindow', id, ...badPair },
    job: (left) => left.pipe(pairOf, reduceByKeyAndWindow(refusingSecond(sum), { window: 20, id })),
  },
  'reduceByKeyAndEventWindow: reduce': {
    ...{ operator: 'reduceByKeyAndEventWindow', id, ...badPair },
    job: (left) => left.pipe(timed, pairOf, reduceByKeyAndEventWindow(refusingSecond(sum), { window: 10, id })),
  },
};

for (const [what, failing] of refused) {
  const row = (operator: string, job: Case['job'], more: Partial<Case> = {}) => {
    const name = `${operator}: ${what}${more.side === 'right' ? ' in the other stream' : ''}`;
    cases[name] = { operator, id, ...failing, job, ...more };
  };
  const keyed = { window: 10, id } as const;
  row('partitionBy', (left) => left.pipe(pairOf, partitionBy<string, number>(2), glom()), { id: undefined });
  row('reduceByKeyAndWindow', (left) => left.pipe(pairOf, reduceByKeyAndWindow(sum, keyed)));
  row('reduceByKeyAndEventWindow', (left) => left.pipe(timed, pairOf, reduceByKeyAndEventWindow(sum, keyed)));
  row('groupByKeyAndEventWindow', (left) => left.pipe(timed, pairOf, groupByKeyAndEventWindow(keyed)));
  row('eventSessionWindow', (left) => left.pipe(timed, pairOf, eventSessionWindow({ gap: 5, id })));
  for (const side of ['left', 'right'] as const) {
    row('joinTable', (left, right) => left.pipe(pairOf, joinTable(right.pipe(pairOf), { missing: 'keep', id })), {
      side,
    });
    row(
      'intervalJoin',
      (left, right) => {
        const other = right.pipe(timing('other time'), pairOf);
        return left.pipe(timed, pairOf, intervalJoin(other, { lower: -5, upper: 5, join: 'full', id }));
      },
      { side },
    );
    row(
      'asOfJoin',
      (left, right) => left.pipe(timed, pairOf, asOfJoin(right.pipe(timing('other time'), pairOf), { id })),
      { side },
    );
  }
}

for (const [what, aggregator] of Object.entries(aggregators())) {
  const row = (operator: string, job: Case['job'], more: Partial<Case> = {}) => {
    cases[`${operator}: ${what}`] = { operator, id, ...badPair, job, ...more };
  };
  const options = { window: 20, id } as const;
  row('aggregateByWindow', (left) => left.pipe(numberOf, aggregateByWindow(aggregator, options)), { record: bad });
  row('aggregateByKeyAndWindow', (left) => left.pipe(pairOf, aggregateByKeyAndWindow(aggregator, options)));
  row('aggregateByEventWindow', (left) => left.pipe(timed, numberOf, aggregateByEventWindow(aggregator, options)), {
    record: bad,
  });
  row('aggregateByKeyAndEventWindow', (left) =>
    left.pipe(timed, pairOf, aggregateByKeyAndEventWindow(aggregator, options)),
  );
  row('eventSessionWindow', (left) => left.pipe(timed, pairOf, eventSessionWindow({ gap: 5, aggregator, id })));
}

/** What a job over the batches of two streams results in, batch by batch, and what it puts aside. */
function run(job: Case['job'], lefts: Read[][], rights: Read[][]) {
  const letters: DeadLetter[] = [];
  const results: unknown[] = [];
  let error: unknown;
  virtual(() => {
    const sources = { left: batchesSource<Read>(lefts), right: batchesSource<Read>(rights) };
    const { left, right } = batchesFrom(sources, {
      interval: 10,
      checkpoint: memoryCheckpoint(),
      onRecordError: { next: (letter) => void letters.push(letter) },
      unclaimed: 'complete',
    });
    job(left, right)
      .pipe(foreachBatch((records) => void results.push(structuredClone(records))))
      .subscribe({
        error: (cause: unknown) => {
          error = cause;
        },
      });
  });
  return { results, letters, error };
}

describe('a record for which a function throws', () => {
  it.each(Object.entries(cases))('is put aside once, and all else is as without it: %s', (_, row) => {
    const { side = 'left', job } = row;
    const [without, given] = [batchesWith([]), batchesWith([row.failing])];
    const expected = run(job, without, without);
    expect(expected.error).toBeUndefined();
    expect(expected.letters).toEqual([]);
    expect(expected.results.flat(2).length).toBeGreaterThan(0);

    const { results, letters, ...ended } = side === 'left' ? run(job, given, without) : run(job, without, given);
    expect(ended.error).toBeUndefined();
    const error = { message: expect.stringMatching(row.error) };
    const { operator, id: name, record } = row;
    expect(letters).toEqual([
      { operator, id: name, record, time: 10, error: expect.objectContaining(error), origin: undefined },
    ]);
    expect(results).toEqual(expected.results);
  });

  it('is put aside again when it comes again: deduplicateByEventTime', () => {
    const again = objectKey(2);
    const job: Case['job'] = (left) =>
      left.pipe(
        timed,
        deduplicateByEventTime(({ pair }) => pair[0], { id }),
      );
    expect(run(job, [[again, again]], [[]]).letters).toHaveLength(2);
  });

  it('joins no sessions by event time when their values cannot be combined', () => {
    const combine = (a: number, b: number) => {
      if (a + b > 900) throw new Error('too much');
      return a + b;
    };
    const aggregator = { name: 'bounded', identity: 0, lift: (n: number) => n, combine, lower: (n: number) => n };
    const job: Case['job'] = (left) => left.pipe(timed, pairOf, eventSessionWindow({ gap: 5, aggregator, id }));
    const apart = [read('a', 500, 1), read('a', 400, 11)];
    const expected = run(job, [apart, [read('b', 1, 95)]], [[], []]);
    expect(expected.results.flat()).toHaveLength(3);
    const { results, letters } = run(job, [[...apart, read('a', 50, 6)], [read('b', 1, 95)]], [[], []]);
    expect(letters).toMatchObject([{ operator: 'eventSessionWindow', record: ['a', 50] }]);
    expect(results).toEqual(expected.results);
  });
});
