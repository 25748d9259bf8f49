import { setImmediate } from 'node:timers/promises';
import {
  Batch,
  concatMapBatch,
  deduplicate,
  foreachBatch,
  foreachPartition,
  foreachPartitionOnce,
  fromBatches,
  limitRate,
} from 'dstream';
import { foreachBatchInTransaction, type PostgresCheckpoint } from 'dstream/node';
import { defer, filter, lastValueFrom, type OperatorFunction, of, startWith } from 'rxjs';
import { describe, expect, it } from 'vitest';

// An effect that starts several promises keeps its batch open until all have settled: `records.map(save)` is easily written.

type Save = (record: string) => Promise<void>;
type Output = (save: Save) => OperatorFunction<Batch<string>, Batch<unknown>>;

const failing = (): never => {
  throw new Error('no partition can be written');
};
/** What foreachBatchInTransaction does with its checkpoint before and after the effect. */
const checkpoint = {
  inTransaction: (_: number, effect: (transaction: object) => unknown) => effect({}),
  wasFenced: async () => false,
} as unknown as PostgresCheckpoint;

const outputs: Readonly<Record<string, Output>> = {
  'foreachBatch, array': (save) => foreachBatch((records) => records.map(save)),
  'foreachBatch, promise of an array': (save) => foreachBatch(async (records) => records.map(save)),
  'foreachBatch, array of arrays': (save) => foreachBatch((records) => [records.map(save)]),
  'foreachBatch, Set': (save) => foreachBatch((records) => new Set(records.map(save))),
  'foreachBatch, Observable of promises': (save) => foreachBatch((records) => of(...records.map(save))),
  'foreachBatch, array of Observables': (save) => foreachBatch((all) => all.map((record) => defer(() => save(record)))),
  'foreachPartition, array': (save) => foreachPartition(({ records }) => records.map(save)),
  'foreachPartition, dead letters': (save) =>
    foreachPartition<string>(failing, { onError: { next: ({ partition }) => partition.records.map(save) } }),
  'foreachPartition, skipObserver': (save) =>
    foreachPartition<string>(failing, {
      onError: 'skip',
      skipObserver: { next: () => Promise.all(['a', 'b', 'c'].map(save)) },
    }),
  'foreachPartitionOnce, array': (save) =>
    foreachPartitionOnce<string>(({ records }) => records.map(save), { written: () => of([]) }),
  'concatMapBatch, promise of an array': (save) => concatMapBatch(async (records) => records.map(save)),
  'concatMapBatch, array': (save) => concatMapBatch((records) => records.map(save)),
  'foreachBatchInTransaction, array': (save) =>
    foreachBatchInTransaction(checkpoint, (_, records) => records.map(save)),
  'deduplicate, overflowObserver': (save) =>
    deduplicate((record) => record, {
      window: 10,
      maxIds: 1,
      overflowObserver: { next: () => Promise.all(['a', 'b', 'c'].map(save)) },
    }),
  'limitRate, dropObserver': (save) => (source) =>
    source.pipe(
      // A single record takes the one token, and the batch is dropped.
      startWith('record'),
      limitRate<string | Batch<string>>({
        rate: 1,
        burst: 1,
        maxQueue: 0,
        overflow: 'drop-newest',
        dropObserver: { next: ({ value }) => (value as Batch<string>).records.map(save) },
      }),
      filter((value) => value instanceof Batch),
    ),
};

function started(output: Output) {
  const saving = new Map<string, { resolve(): void; reject(error: unknown): void }>();
  const result = { completed: false, error: undefined as unknown };
  let allCalled = (): void => {};
  const called = new Promise<void>((resolve) => (allCalled = resolve));
  const save: Save = (record) =>
    new Promise((resolve, reject) => {
      saving.set(record, { resolve, reject });
      if (saving.size === 3) allCalled();
    });
  const ended = new Promise<void>((resolve) => {
    fromBatches([['a', 'b', 'c']], {
      interval: 1,
      batchObserver: { next: () => (result.completed = true) },
    })
      .pipe(output(save))
      .subscribe({
        error: (error) => {
          result.error = error;
          resolve();
        },
        complete: resolve,
      });
  });
  return { saving, result, called, ended };
}

/** Whatever is to be done as soon as possible has been done. */
async function settledTasks(): Promise<void> {
  for (let i = 0; i < 5; i++) await setImmediate();
}

describe.each(Object.entries(outputs))('%s', (_, output) => {
  it('keeps the batch open until all promises are fulfilled', async () => {
    const { saving, result, called, ended } = started(output);
    await called;
    await settledTasks();
    expect(result.completed).toBe(false);
    saving.get('a')?.resolve();
    saving.get('c')?.resolve();
    await settledTasks();
    expect(result.completed).toBe(false);
    saving.get('b')?.resolve();
    await ended;
    expect(result).toEqual({ completed: true, error: undefined });
  });

  it('fails the batch when one is rejected, and leaves no rejection unhandled', async () => {
    const { saving, result, called, ended } = started(output);
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', note);
    try {
      await called;
      const [first, second] = [new Error('the database refuses b'), new Error('and c')];
      saving.get('b')?.reject(first);
      saving.get('c')?.reject(second);
      await ended;
      await settledTasks();
      expect(result).toEqual({ completed: false, error: first });
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', note);
    }
  });
});

describe('an effect may return anything', () => {
  const values = {
    number: 3,
    string: 'written',
    true: true,
    function: () => 3,
    object: { rows: 3 },
    symbol: Symbol('a'),
  };

  it.each(Object.entries(values))('a %s is nothing to wait for', async (_, value) => {
    const list: string[] = [];
    const outputs = [
      foreachBatch<string>((records) => list.push(...records) && value),
      foreachPartition<string>(({ records }) => list.push(...records) && value),
      foreachPartitionOnce<string>(({ records }) => list.push(...records) && value, { written: () => of([]) }),
      foreachBatchInTransaction<string>(checkpoint, (_transaction, records) => list.push(...records) && value),
    ] as const;
    for (const output of outputs) {
      await lastValueFrom(fromBatches([['a'], ['b']], { interval: 1, partitions: 1 }).pipe(output));
    }
    expect(list.join('')).toBe('ab'.repeat(outputs.length));
  });

  it('a stream is waited for, of whichever kind', async () => {
    let read = 0;
    const pull = (to: ReadableStreamDefaultController<number>): void => {
      if (read === 2) to.close();
      else to.enqueue(++read);
    };
    await lastValueFrom(fromBatches([['a']], { interval: 1 }).pipe(foreachBatch(() => new ReadableStream({ pull }))));
    expect(read).toBe(2);
  });
});

describe('concatMapBatch', () => {
  const recordsOf = (project: (records: readonly string[]) => unknown) =>
    new Promise<unknown>((resolve) => {
      fromBatches([['a', 'b']], { interval: 1 })
        .pipe(concatMapBatch(project as () => Promise<string[]>))
        .subscribe({ next: ({ records }) => resolve(records), error: resolve });
    });

  it('takes promises of records for the records', async () => {
    const later = async (record: string) => `${record}!`;
    expect(await recordsOf((records) => records.map(later))).toEqual(['a!', 'b!']);
    expect(await recordsOf(async (records) => records.map(later))).toEqual(['a!', 'b!']);
    expect(await recordsOf((records) => of(records.map(later)))).toEqual(['a!', 'b!']);
    expect(await recordsOf((records) => [records])).toEqual(['a', 'b']);
  });

  it('refuses what is not an array of records', async () => {
    expect(await recordsOf(() => of('a'))).toMatchObject({
      code: 'INVALID_RECORD',
      message: /^concatMapBatch: record "a"/,
    });
  });
});
