import { type BatchInfo, foreachBatch, fromBatches, InvalidOptionError, mapRecords } from 'dstream';
import { timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../support/virtual.js';

describe('fromBatches', () => {
  it('emits batch i at the i+1-th multiple of the interval, then empty ones, then completes', () => {
    const seen: unknown[] = [];
    virtual(() => {
      fromBatches([['a', 'b', 'c'], [], ['d']], { interval: 10, emptyAfter: 1 })
        .pipe(mapRecords((record) => record.toUpperCase()))
        .subscribe({
          next: ({ records, context, partitions }) => seen.push([context.time, records, partitions.length]),
          complete: () => seen.push('complete'),
        });
    });
    expect(seen).toEqual([[10, ['A', 'B', 'C'], 2], [20, [], 2], [30, ['D'], 2], [40, [], 2], 'complete']);
  });

  it('opens one batch at a time, queues ranges while an effect is slow, and reports the delays', () => {
    const infos: BatchInfo[] = [];
    virtual(() => {
      fromBatches([[1], [2], [3]], { interval: 10, batchObserver: { next: (info) => infos.push(info) } })
        .pipe(foreachBatch(() => timer(15)))
        .subscribe();
    });
    expect(
      infos.map((i) => [i.time, i.processingStartTime, i.processingEndTime, i.schedulingDelay, i.processingDelay]),
    ).toEqual([
      [10, 10, 25, 0, 15],
      [20, 25, 40, 5, 15],
      [30, 40, 55, 10, 15],
    ]);
  });

  it('lets effects overlap with concurrentBatches, and reports batches in order', () => {
    const ends: number[] = [];
    virtual(() => {
      fromBatches([[30], [5], [5]], {
        interval: 10,
        concurrentBatches: 3,
        batchObserver: { next: (i) => ends.push(i.time) },
      })
        .pipe(foreachBatch(([delay]) => timer(delay ?? 0)))
        .subscribe();
    });
    expect(ends).toEqual([10, 20, 30]);
  });

  it('refuses options out of range, naming option and value', () => {
    expect(() => fromBatches([], { interval: -5 })).toThrow(InvalidOptionError);
    expect(() => fromBatches([], { interval: -5 })).toThrow('fromBatches: interval (-5) must be a positive integer');
    expect(() => fromBatches([], { interval: 5, emptyAfter: -1 })).toThrow('emptyAfter (-1)');
    expect(() => fromBatches([], { interval: 5, initialRate: 5 })).toThrow('initialRate (5) needs backpressure');
  });
});
