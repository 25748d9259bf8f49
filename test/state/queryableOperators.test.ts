import {
  type Aggregator,
  aggregateByWindow,
  type Batch,
  countByValueAndWindow,
  countByWindow,
  countDistinctByWindow,
  deduplicate,
  deduplicateByEventTime,
  eventTime,
  foreachBatch,
  fromBatches,
  groupByKeyAndWindow,
  type Key,
  mapRecords,
  memoryCheckpoint,
  type Pair,
  type QueryableState,
  queryable,
  reduceByKeyAndWindow,
  reduceByWindow,
  runningReduce,
  type Session,
  sessionWindow,
  window,
} from 'dstream';
import { lastValueFrom, merge, type Observable, type OperatorFunction, share } from 'rxjs';
import { describe, expect, it } from 'vitest';

const sum: Aggregator<number, number, number> = {
  name: 'plus',
  identity: 0,
  lift: (value) => value,
  combine: (a, b) => a + b,
  lower: (total) => total,
};

type Letters = Batch<Pair<string, number>>;
const batches: Pair<string, number>[][] = [
  [
    ['a', 1],
    ['b', 2],
  ],
  [['a', 3]],
  [['c', 4]],
];

/** The state in each batch, which shows what the batch before left, and at the end. */
async function seen<K extends Key, S>(
  state: QueryableState<K, S>,
  operator: OperatorFunction<Letters, Batch<unknown>>,
  withCheckpoint: boolean,
): Promise<readonly unknown[]> {
  const views: unknown[] = [];
  let zero = 0;
  const checkpoint = withCheckpoint ? { checkpoint: memoryCheckpoint() } : {};
  const source: Observable<Letters> = fromBatches(batches, { interval: 10, partitions: 1, ...checkpoint });
  const look = () => views.push([state.time && state.time - zero, ...state.entries()]);
  await lastValueFrom(
    source.pipe(
      operator,
      foreachBatch((_, { zeroTime }) => {
        zero = zeroTime;
        look();
      }),
    ),
    { defaultValue: undefined },
  );
  look();
  return views;
}

describe.each([false, true])('with a checkpoint: %s', (withCheckpoint) => {
  const id = withCheckpoint ? { id: 'it' } : {};

  it('windows by key show their last results', async () => {
    for (const emit of ['all', 'changes'] as const) {
      const state = queryable<string, number>();
      const add = (a: number, b: number) => a + b;
      const options = { window: 20, queryable: state, ...id };
      const operator =
        emit === 'all'
          ? reduceByKeyAndWindow<string, number>(add, { ...options, emit })
          : reduceByKeyAndWindow<string, number>(add, { ...options, emit });
      expect(await seen(state, operator as OperatorFunction<Letters, Batch<unknown>>, withCheckpoint)).toEqual([
        [undefined],
        [10, ['a', 1], ['b', 2]],
        [20, ['a', 4], ['b', 2]],
        expect.arrayContaining([30, ['a', 3], ['c', 4]]),
      ]);
      expect(state.count).toBe(2);
    }
  });

  it('windows without keys show their last result under null', async () => {
    const count = queryable<null, number>();
    await seen(count, countByWindow({ window: 20, queryable: count, ...id }), withCheckpoint);
    expect([count.get(null), count.count]).toEqual([2, 1]);
    const records = queryable<null, readonly Pair<string, number>[]>();
    await seen(records, window({ window: 20, queryable: records, ...id }), withCheckpoint);
    expect(records.get(null)).toEqual([
      ['a', 3],
      ['c', 4],
    ]);
  });

  it('between two slides it is still the last result', async () => {
    const count = queryable<null, number>();
    await seen(
      count,
      countByWindow({ window: 20, slide: 20, alignTo: 'zeroTime', queryable: count, ...id }),
      withCheckpoint,
    );
    expect(count.get(null)).toBe(3);
  });

  it('sessions show those that are open, with their results so far', async () => {
    const state = queryable<string, Session<number>>();
    const operator = sessionWindow<string, number, number, number>({
      gap: 1_000,
      aggregator: sum,
      queryable: state,
      ...id,
    });
    await seen(state, operator, withCheckpoint);
    expect([...state.entries()].map(([key, { value }]) => [key, value])).toEqual([
      ['a', 4],
      ['b', 2],
      ['c', 4],
    ]);
  });

  it('ids by event time and by batch time, and the running value', async () => {
    const time = eventTime<Pair<string, number>>({
      timestamp: ([, n]) => n,
      outOfOrderness: 1_000,
      ...(withCheckpoint && { id: 'time' }),
    });
    const ids = queryable<Key, readonly number[]>();
    const byId = deduplicateByEventTime<Pair<string, number>>(([key]) => key, { queryable: ids, ...id });
    const seenIds = await seen(ids, (source) => byId(time(source)), withCheckpoint);
    expect(seenIds[2]).toEqual([20, ['a', expect.any(Array)], ['b', [2]]]);
    const known = queryable<Key, number>();
    await seen(
      known,
      deduplicate(([key]) => key, { window: 1_000, queryable: known, ...id }),
      withCheckpoint,
    );
    expect(known.count).toBe(3);
    const value = queryable<null, number>();
    const running = runningReduce((n: number, [, m]: Pair<string, number>) => n + m, {
      initial: 0,
      queryable: value,
      ...id,
    });
    await seen(value, running, withCheckpoint);
    expect([value.get(null), value.count]).toEqual([10, 1]);
  });
});

const id = 'it';
const add = (a: number, b: number) => a + b;
const slide = { window: 20, slide: 20, alignTo: 'zeroTime', id } as const;
const values = mapRecords<Pair<string, number>, number>(([, n]) => n);

/** Each makes an operator that shows its last result there. */
const windows: readonly (readonly [string, (state: never) => OperatorFunction<Letters, Batch<unknown>>])[] = [
  ['reduceByKeyAndWindow', (queryable) => reduceByKeyAndWindow<string, number>(add, { ...slide, queryable })],
  [
    'reduceByKeyAndWindow, changes',
    (queryable) => reduceByKeyAndWindow<string, number>(add, { ...slide, queryable, emit: 'changes' }),
  ],
  [
    'reduceByKeyAndWindow, inverse',
    (queryable) => reduceByKeyAndWindow<string, number>(add, { ...slide, queryable, inverse: (a, b) => a - b }),
  ],
  ['groupByKeyAndWindow', (queryable) => groupByKeyAndWindow<string, number>({ ...slide, queryable })],
  ['countByWindow', (queryable) => countByWindow({ ...slide, queryable })],
  ['window', (queryable) => window({ ...slide, queryable })],
  ['reduceByWindow', (queryable) => (source) => values(source).pipe(reduceByWindow(add, { ...slide, queryable }))],
  [
    'aggregateByWindow',
    (queryable) => (source) => values(source).pipe(aggregateByWindow(sum, { ...slide, queryable })),
  ],
  [
    'countByValueAndWindow',
    (queryable) => (source) => values(source).pipe(countByValueAndWindow({ ...slide, queryable })),
  ],
  [
    'countDistinctByWindow',
    (queryable) => (source) => values(source).pipe(countDistinctByWindow({ ...slide, queryable })),
  ],
];

it.each(windows)('the last result is shown after a restart, before the next slide: %s', async (_, operator) => {
  const checkpoint = memoryCheckpoint();
  const run = async (look: (seen: readonly unknown[], zeroTime: number, time: number) => void) => {
    const state = queryable<never, unknown>();
    const source: Observable<Letters> = fromBatches([...batches, []], { interval: 10, partitions: 1, checkpoint }).pipe(
      share(),
    );
    const output = merge(
      source.pipe(
        operator(state as never),
        foreachBatch(() => {}),
      ),
      source.pipe(foreachBatch((_, { time, zeroTime }) => look([state.time, ...state.entries()], zeroTime, time))),
    );
    await lastValueFrom(output, { defaultValue: undefined }).catch(() => {});
  };
  const looks: (readonly unknown[])[] = [];
  // At the third batch, which no slide ends, and again when it is replayed.
  await run((seen, zeroTime, time) => {
    if (time < zeroTime + 30) return;
    looks.push(seen);
    throw new Error('crash');
  });
  await run((seen) => void (looks.length === 1 && looks.push(seen)));
  expect(looks[0]).not.toHaveLength(1);
  expect(looks[1]).toEqual(looks[0]);
});
