import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Checkpoint,
  foreachBatch,
  fromBatches,
  mapWithState,
  memoryCheckpoint,
  type Pair,
  type QueryableState,
  queryable,
  updateStateByKey,
} from 'dstream';
import { CheckpointError, fileCheckpoint, lmdbCheckpoint } from 'dstream/node';
import { lastValueFrom, retry, timer } from 'rxjs';
import { afterAll, describe, expect, expectTypeOf, it } from 'vitest';

const base = mkdtempSync(join(tmpdir(), 'dstream-queryable-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

type Seen = { readonly n: number | undefined; readonly count: number; readonly entries: unknown; readonly a: unknown };

/** Counts in objects that are changed in place, which is allowed. */
const inPlace = (values: readonly number[], state: { sum: number } | undefined) => {
  const kept = state ?? { sum: 0 };
  for (const value of values) kept.sum += value;
  return kept.sum === 3 ? undefined : kept;
};

const batches: Pair<string, number>[][] = [
  [
    ['a', 1],
    ['b', 2],
  ],
  [['a', 4]],
  [['b', 1]],
  [['c', 7]],
];
/** After batches 0 (none) to 4. */
const states = [
  [],
  [
    ['a', { sum: 1 }],
    ['b', { sum: 2 }],
  ],
  [
    ['a', { sum: 5 }],
    ['b', { sum: 2 }],
  ],
  [['a', { sum: 5 }]],
  [
    ['a', { sum: 5 }],
    ['c', { sum: 7 }],
  ],
];

const stores: [string, () => Checkpoint | undefined][] = [
  ['no checkpoint', () => undefined],
  ['memoryCheckpoint', memoryCheckpoint],
  ['fileCheckpoint', () => fileCheckpoint(join(base, 'file'))],
  ['lmdbCheckpoint', () => lmdbCheckpoint(join(base, 'lmdb'))],
  ['lmdbCheckpoint with one hot key', () => lmdbCheckpoint(join(base, 'tiered'), { cacheKeys: 1 })],
];

describe.each(stores)('queryable over %s', (_, newStore) => {
  it('shows the last complete batch, not those under way, and goes on after a failure', async () => {
    const checkpoint = newStore();
    const totals = queryable<string, { sum: number }>();
    const seen: Seen[] = [];
    let zero = 0;
    const look = () => {
      const entries = [...totals.entries()];
      const n = totals.time === undefined ? undefined : (totals.time - zero) / 5;
      seen.push({ n, count: totals.count, entries: structuredClone(entries), a: totals.get('a')?.sum });
    };
    let crashes = checkpoint ? 1 : 0;
    const stream = fromBatches(batches, { interval: 5, concurrentBatches: 3, ...(checkpoint && { checkpoint }) });
    await lastValueFrom(
      stream.pipe(
        updateStateByKey(inPlace, { id: 'sums', queryable: totals }),
        // Later batches are dispatched while earlier ones are open.
        foreachBatch(async (__, { time, zeroTime }) => {
          zero = zeroTime;
          look();
          await lastValueFrom(timer(12));
          // The last one goes on when batch 2 is saved, however long that takes: no other one waits for it.
          while (time - zeroTime === 20 && !(totals.time !== undefined && totals.time >= zeroTime + 10))
            await lastValueFrom(timer(1));
          look();
          if ((time - zeroTime) / 5 === 3 && crashes-- > 0) throw new Error('crash');
        }),
        retry({ count: 1 }),
      ),
    );
    for (const { n, count, entries, a } of seen) {
      const expected = states[n ?? 0];
      expect(entries).toEqual(expected);
      expect(count).toBe(expected?.length);
      expect(a).toBe((expected?.find(([key]) => key === 'a')?.[1] as { sum: number } | undefined)?.sum);
    }
    // Batches are seen late: nothing of a batch while its own output runs.
    expect(seen.some(({ n }) => n === undefined || n === 0)).toBe(true);
    // The fourth batch begins when the first has been saved.
    expect(seen.some(({ n }) => (n ?? 0) >= 1)).toBe(true);
  });
});

it('shows what mapWithState keeps, and what a restart found', async () => {
  const checkpoint = memoryCheckpoint();
  const run = async (words: readonly (readonly Pair<string, number>[])[]) => {
    const counts = queryable<string, number>();
    const before: unknown[] = [];
    await lastValueFrom(
      fromBatches(words, { interval: 2, checkpoint }).pipe(
        mapWithState<string, number, number, void>(
          (_, value, state) => state.update((state.get() ?? 0) + (value ?? 0)),
          { id: 'counts', timeout: 1_000, queryable: counts },
        ),
        foreachBatch(() => void before.push([...counts.entries()])),
      ),
    );
    return { counts, before };
  };
  const first = await run([[['a', 1]], [['a', 1]]]);
  expect(first.before).toEqual([[], [['a', 1]]]);
  expect([...first.counts.entries()]).toEqual([['a', 2]]);
  const second = await run([[], [], [['a', 5]]]);
  expect(second.before).toEqual([[['a', 2]]]);
  expect([second.counts.get('a'), second.counts.get('b'), second.counts.count]).toEqual([7, undefined, 1]);
});

it('over a state on disk says that it is closed, when the stream has ended', async () => {
  const totals = queryable<string, number>();
  const checkpoint = lmdbCheckpoint(join(base, 'closed'), { cacheKeys: 10 });
  await lastValueFrom(
    fromBatches([[['a', 1] as const]], { interval: 2, checkpoint }).pipe(
      updateStateByKey((values: readonly number[]) => values.length, { id: 'x', queryable: totals }),
      foreachBatch(() => {}),
    ),
  );
  expect(totals.count).toBe(1);
  expect(() => totals.get('a')).toThrow(CheckpointError);
});

it('is typed by key and state', () => {
  expectTypeOf(queryable<string, number>().get).returns.toEqualTypeOf<number | undefined>();
  const totals: QueryableState<string, number> = queryable();
  expect([totals.time, totals.count, totals.get('a'), [...totals.entries()]]).toEqual([undefined, 0, undefined, []]);
  // @ts-expect-error another kind of state
  updateStateByKey((values: readonly number[], _: string | undefined) => String(values), { queryable: totals });
});
