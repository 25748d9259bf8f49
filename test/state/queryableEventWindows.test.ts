import {
  type Aggregator,
  aggregateByKeyAndEventWindow,
  type Batch,
  type Checkpoint,
  eventSessionWindow,
  eventTime,
  foreachBatch,
  fromBatches,
  groupByKeyAndEventWindow,
  mapRecords,
  memoryCheckpoint,
  type Pair,
  queryable,
  type Session,
  type SessionUpdate,
  type WindowResult,
  type WindowUpdate,
} from 'dstream';
import { lastValueFrom, type OperatorFunction } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { randomOf } from '../crash/records.js';

const sum: Aggregator<number, number, number> = {
  name: 'plus',
  identity: 0,
  lift: (value) => value,
  combine: (a, b) => a + b,
  lower: (total) => total,
};

interface Click {
  readonly at: number;
  readonly key: string;
}

/** Out of order, some of them too late. */
function randomClicks(seed: number): readonly (readonly Click[])[] {
  const random = randomOf(seed);
  return Array.from({ length: 12 }, (_, batch) =>
    Array.from({ length: Math.floor(random() * 6) }, () => {
      const at = Math.max(0, Math.floor(batch * 7 + random() * 14 - 12 * random()));
      return { at, key: 'abc'[Math.floor(random() * 3)] as string };
    }),
  );
}

type Shown<R> = ReadonlyMap<string, readonly R[]>;
interface Update {
  readonly start: number;
  readonly end: number;
  readonly final: boolean;
  readonly value?: unknown;
}

/** What is open, as the results of `emit: 'changes'` say. */
class Model {
  readonly #open = new Map<string, Map<number, Omit<Update, 'final'>>>();

  take(results: readonly Pair<string, Update>[]): void {
    for (const [key, { start, end, value, final }] of results) {
      const open = this.#open.get(key) ?? new Map<number, Omit<Update, 'final'>>();
      this.#open.set(key, open);
      if (final || value === undefined) open.delete(start);
      else open.set(start, { start, end, value });
      if (open.size === 0) this.#open.delete(key);
    }
  }

  get shown(): Shown<Omit<Update, 'final'>> {
    return new Map(
      [...this.#open].map(([key, open]) => [key, [...open.values()].sort((a, b) => a.start - b.start)] as const),
    );
  }
}

/** Compares what is shown with the model at each batch, before its own changes. Fails at the batch `crashAt`. */
async function compare(
  operator: OperatorFunction<Batch<Pair<string, number>>, Batch<Pair<string, Update>>>,
  shown: () => Shown<unknown>,
  model: Model,
  clicks: readonly (readonly Click[])[],
  checkpoint: Checkpoint | undefined,
  crashAt = Infinity,
): Promise<number> {
  let batches = 0;
  const id = checkpoint && { id: 'time' };
  const source = fromBatches<Click>(
    clicks.map((batch) => [...batch]),
    {
      interval: 5,
      partitions: 1,
      ...(checkpoint && { checkpoint }),
    },
  );
  const run = source.pipe(
    eventTime<Click>({ timestamp: ({ at }) => at, outOfOrderness: 4, ...id }),
    mapRecords(({ key }): Pair<string, number> => [key, 1]),
    operator,
    foreachBatch((results) => {
      expect(shown()).toEqual(model.shown);
      if (batches++ >= crashAt) throw new Error('crash');
      model.take(results);
    }),
  );
  await lastValueFrom(run, { defaultValue: undefined }).catch((error: Error) => {
    if (error.message !== 'crash') throw error;
  });
  return batches;
}

const shapes = [
  { window: 10 },
  { window: 10, slide: 5, allowedLateness: 6 },
  { window: 12, slide: 4 },
  { window: 6, slide: 9, offset: 2 },
];

describe.each([false, true])('with a checkpoint: %s', (withCheckpoint) => {
  const id = withCheckpoint ? { id: 'it' } : {};

  it.each(shapes)('windows by event time show those that are open, with their results so far: %j', async (shape) => {
    for (let seed = 1; seed <= 5; seed++) {
      const checkpoint = withCheckpoint ? memoryCheckpoint() : undefined;
      const model = new Model();
      const clicks = randomClicks(seed);
      const go = (crashAt?: number) => {
        const state = queryable<string, readonly WindowResult<number>[]>();
        const operator = aggregateByKeyAndEventWindow<string, number, number, number, 'changes'>(sum, {
          ...shape,
          ...id,
          emit: 'changes',
          queryable: state,
        }) as OperatorFunction<Batch<Pair<string, number>>, Batch<Pair<string, WindowUpdate<number>>>>;
        return compare(operator, () => new Map(state.entries()), model, clicks, checkpoint, crashAt);
      };
      // After a restart what is open is shown before the first batch is complete.
      const before = withCheckpoint ? (await go(6)) - 1 : 0;
      expect(before + (await go())).toBe(clicks.length);
    }
  });

  it('sessions by event time show those that are open', async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const checkpoint = withCheckpoint ? memoryCheckpoint() : undefined;
      const model = new Model();
      const clicks = randomClicks(seed);
      const go = (crashAt?: number) => {
        const state = queryable<string, readonly Session<number>[]>();
        const operator = eventSessionWindow<string, number, number, number, 'changes'>({
          gap: 3,
          aggregator: sum,
          emit: 'changes',
          queryable: state,
          ...id,
        }) as OperatorFunction<Batch<Pair<string, number>>, Batch<Pair<string, SessionUpdate<number>>>>;
        return compare(operator, () => new Map(state.entries()), model, clicks, checkpoint, crashAt);
      };
      const before = withCheckpoint ? (await go(6)) - 1 : 0;
      expect(before + (await go())).toBe(clicks.length);
    }
  });

  it('values are in the order of their times, and one key is read by itself', async () => {
    const state = queryable<string, readonly WindowResult<readonly string[]>[]>();
    const looks: unknown[] = [];
    await lastValueFrom(
      fromBatches<Click>(
        [
          [
            { at: 8, key: 'a' },
            { at: 3, key: 'a' },
          ],
          [],
          [{ at: 40, key: 'b' }],
          [],
        ],
        {
          interval: 5,
          partitions: 1,
          ...(withCheckpoint && { checkpoint: memoryCheckpoint() }),
        },
      ).pipe(
        eventTime<Click>({ timestamp: ({ at }) => at, outOfOrderness: 10, ...(withCheckpoint && { id: 'time' }) }),
        mapRecords(({ at, key }): Pair<string, string> => [key, `${key}${at}`]),
        groupByKeyAndEventWindow({ window: 10, queryable: state, ...id }),
        foreachBatch(() => void looks.push([state.count, state.get('a'), state.get('b')])),
      ),
      { defaultValue: undefined },
    );
    const a = [{ start: 0, end: 10, value: ['a3', 'a8'] }];
    expect(looks).toEqual([
      [0, undefined, undefined],
      [1, a, undefined],
      [1, a, undefined],
      [1, undefined, [{ start: 40, end: 50, value: ['b40'] }]],
    ]);
  });
});
