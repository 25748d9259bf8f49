import {
  type BatchInfo,
  fixedRate,
  foreachBatch,
  type IgnoredRecords,
  memoryCheckpoint,
  memoryWriteAheadLog,
  type ReceiverBatchesOptions,
  receiverBatches,
} from 'dstream';
import { interval, map, NEVER, Subject, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../../support/virtual.js';

const count = (n: number) => Array.from({ length: n }, (_, i) => i);

describe('ignore', () => {
  it('leaves out the blocks that are too old when their turn comes, and tells which', () => {
    const seen: unknown[] = [];
    const infos: BatchInfo[] = [];
    const ignored: IgnoredRecords[] = [];
    virtual((scheduler) => {
      const records = new Subject<number>();
      const stream = receiverBatches(records, {
        interval: 100,
        blockInterval: 50,
        ignore: { olderThan: 120 },
        ignoreObserver: { next: (one) => ignored.push(one) },
        batchObserver: { next: (info) => infos.push(info) },
      });
      const subscription = stream
        .pipe(
          foreachBatch((batch, { time }) => {
            seen.push([time, ...batch]);
            // The next batches wait.
            return time === 100 ? timer(180) : timer(0);
          }),
        )
        .subscribe();
      for (const n of count(8)) scheduler.schedule(() => records.next(n), 10 + 50 * n);
      scheduler.schedule(() => subscription.unsubscribe(), 450);
    });
    // The batch of 200 is read at 280: its block of 150 is 130 ms old, that of 200 is 80 ms old.
    expect(seen).toEqual([
      [100, 0, 1],
      [200, 3],
      [300, 4, 5],
      [400, 6, 7],
    ]);
    expect(ignored).toEqual([
      { ranges: [{ topic: 'receiver', partition: 0, from: 2, until: 3 }], records: 1, age: 130 },
    ]);
    expect(infos.map(({ inputs }) => inputs.receiver?.skipped)).toEqual([undefined, 1, undefined, undefined]);
    expect(infos.map(({ inputs }) => inputs.receiver?.receiver?.ignored)).toEqual([undefined, 1, undefined, undefined]);
    expect(infos.flatMap(({ inputs }) => inputs.receiver?.lost ?? [])).toEqual([]);
  });

  it('leaves out whole batches, once their newest block is too old', () => {
    const seen: unknown[] = [];
    virtual((scheduler) => {
      const options: ReceiverBatchesOptions = {
        interval: 100,
        blockInterval: 50,
        ignore: { olderThan: 120, partitions: false },
      };
      const subscription = receiverBatches(interval(50).pipe(map((n) => n)), options)
        .pipe(
          foreachBatch((batch, { time }) => {
            seen.push([time, batch.length]);
            return time === 100 ? timer(280) : timer(0);
          }),
        )
        .subscribe();
      scheduler.schedule(() => subscription.unsubscribe(), 550);
    });
    const sizes = new Map(seen as [number, number][]);
    // Read at 380: the newest block of 200 is 180 ms old, that of 300 is 80 ms old.
    expect(sizes.get(200)).toBe(0);
    expect(sizes.get(300)).toBeGreaterThan(0);
  });

  it('judges what comes back from a log after a crash by its age', () => {
    const seen: unknown[] = [];
    virtual((scheduler) => {
      const records = new Subject<number>();
      const stream = receiverBatches(records, {
        interval: 100,
        checkpoint: memoryCheckpoint(),
        writeAheadLog: memoryWriteAheadLog(),
        backpressure: fixedRate(30),
        ignore: { olderThan: 1_000 },
      });
      const first = stream.pipe(foreachBatch(() => NEVER)).subscribe();
      for (const n of count(5)) records.next(n);
      scheduler.schedule(() => first.unsubscribe(), 150);
      scheduler.schedule(() => {
        const second = stream.pipe(foreachBatch((batch) => void seen.push(...batch))).subscribe();
        scheduler.schedule(() => records.next(5), 10);
        scheduler.schedule(() => second.unsubscribe(), 500);
      }, 2_000);
    });
    expect(seen).toEqual([5]);
  });

  it('has options that are checked', () => {
    const make = (options: Partial<ReceiverBatchesOptions>) => () => receiverBatches([], { interval: 100, ...options });
    expect(make({ ignore: { olderThan: 0 } })).toThrow('ignore.olderThan (0)');
    expect(make({ ignore: { olderThan: 1, partitions: 1 as unknown as boolean } })).toThrow('ignore.partitions (1)');
    expect(make({ ignoreObserver: {} })).toThrow('needs ignore');
  });
});
