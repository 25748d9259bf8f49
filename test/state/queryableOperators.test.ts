import {
  type Aggregator,
  type Batch,
  countByWindow,
  deduplicate,
  deduplicateByEventTime,
  eventTime,
  foreachBatch,
  fromBatches,
  type Key,
  memoryCheckpoint,
  type Pair,
  type QueryableState,
  queryable,
  reduceByKeyAndWindow,
  runningReduce,
  type Session,
  sessionWindow,
  window,
} from 'dstream';
import { lastValueFrom, type Observable, type OperatorFunction } from 'rxjs';
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
