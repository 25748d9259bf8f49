import { fromBatches, UncloneableRecordError } from 'dstream';
import { firstValueFrom } from 'rxjs';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { mapPartitionsInPool } from '../../src/workers/mapPartitionsInThreads.js';
import { partitionThreads } from '../../src/workers/partitionThread.js';
import { PieceSize } from '../../src/workers/pieceSize.js';
import { threadEntry } from '../support/threadEntry.js';

// Large partitions cross between threads in pieces, so that the event loop of the main thread goes on turning.

const parse = new URL('./jobs/parse.mjs', import.meta.url);
const entry = threadEntry('partitionWorker');

/** One partition through a thread. */
const through = async (records: readonly unknown[]) => {
  const operator = mapPartitionsInPool(partitionThreads(parse, {}, 0, entry), parse, { threads: 1, restarts: 0 });
  const { records: results } = await firstValueFrom(
    fromBatches([records], { interval: 5, partitions: 1 }).pipe(operator),
  );
  return results;
};

describe('a large partition', () => {
  afterEach(() => vi.restoreAllMocks());

  it('arrives whole and in order, there and back', async () => {
    const values = Array.from({ length: 30_000 }, (_, i) => i);
    expect(await through(values.map((value) => ['same', value]))).toEqual(values);
  });

  it('is copied in many turns of the event loop', async () => {
    // Virtual time, which each record that is copied takes a bit of.
    let [now, turn] = [performance.now() + 1_000, 0];
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    const copied = new Map<number, number>();
    const records = Array.from({ length: 10_000 }, () => [
      'same',
      {
        get copiedIn() {
          now += 0.005;
          copied.set(turn, (copied.get(turn) ?? 0) + 1);
          return turn;
        },
      },
    ]);
    const count = () => {
      turn++;
      counting = setImmediate(count);
    };
    let counting = setImmediate(count);
    await through(records);
    clearImmediate(counting);
    expect(copied.size).toBeGreaterThan(10);
    // 2 ms, and the piece that goes beyond.
    expect(Math.max(...copied.values())).toBeLessThan(800);
  });

  it('fails by a record or a result of a later piece that cannot be copied, and the thread goes on', async () => {
    const operator = mapPartitionsInPool(partitionThreads(parse, {}, 0, entry), parse, { threads: 1 });
    const many = Array.from({ length: 5_000 }, (_, i) => ['same', i]);
    for (const [odd, words] of [
      [['same', () => 1], 'at partition 0 of the batch cannot be copied between threads: () => 1'],
      [['make'], "at partition 0 of the batch cannot be copied between threads: () => 'a function'"],
    ] as const) {
      const failing = fromBatches([[...many, odd]], { interval: 5, partitions: 1 }).pipe(operator);
      const error: unknown = await firstValueFrom(failing).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(UncloneableRecordError);
      expect(String(error)).toContain(words);
    }
  });

  it('has been answered by a thread that exits right behind its answer', async () => {
    const last = {
      get sent() {
        // From now on each piece has a turn of its own.
        let now = performance.now();
        vi.spyOn(performance, 'now').mockImplementation(() => (now += 1_000));
        return true;
      },
    };
    // It has long exited when the last piece is taken.
    const slow = new Int32Array(new SharedArrayBuffer(4));
    const block = () => {
      Atomics.wait(slow, 0, 0, 20);
      blocking = setImmediate(block);
    };
    let blocking = setImmediate(block);
    const many = Array.from({ length: 5_000 }, (_, i) => ['same', i]);
    expect(await through([...many, ['exitLater', last]])).toHaveLength(5_001);
    clearImmediate(blocking);
  });
});

describe('the size of a piece', () => {
  it('grows while copies are quick, and shrinks when they are slow', () => {
    const size = new PieceSize();
    const sizeAfter = (ms: number) => {
      size.took(size.records, ms);
      return size.records;
    };
    expect([0.1, 0.1, 0.5, 3, 3].map(sizeAfter)).toEqual([512, 1_024, 1_024, 512, 256]);
    // The last piece of a partition says nothing of how large one may be.
    size.took(10, 0.01);
    expect(size.records).toBe(256);
    for (let i = 0; i < 20; i++) size.took(size.records, 9);
    expect(size.records).toBe(1);
    for (let i = 0; i < 20; i++) size.took(size.records, 0);
    expect(size.records).toBe(10_000);
  });
});
