import { foreachBatch, receiverBatches } from 'dstream';
import { concat, interval, NEVER, of, take, throwError, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../../support/virtual.js';

// With no scheduler of its own a stream runs under TestScheduler.run, which refuses to clear a timer that is due at this moment.

describe('a receiver under TestScheduler.run', () => {
  it.each([
    [10, 1_000, undefined],
    [10, 2_000, undefined],
    [7, 1_000, undefined],
    [10, 100, undefined],
    [4, 10, undefined],
    [3, 10, undefined],
    [10, 1_000, 250],
    [50, 500, 100],
  ])('emits every batch: a record every %d ms, batches of %d ms, blocks of %s ms', (period, batch, block) => {
    const counts: number[] = [];
    virtual(() => {
      const options = { interval: batch, ...(block !== undefined && { blockInterval: block }) };
      const subscription = receiverBatches(interval(period), options)
        .pipe(foreachBatch((records) => void counts.push(records.length)))
        .subscribe();
      timer(batch * 5 + 1).subscribe(() => subscription.unsubscribe());
    });
    expect(counts).toHaveLength(5);
    // Records of the last block interval may be in the next batch, if they arrive at the very tick.
    const received = counts.reduce((sum, count) => sum + count, 0);
    expect(Math.abs(received - (5 * batch) / period)).toBeLessThanOrEqual(1);
  });

  it('may be left or stopped at the tick of a batch', () => {
    const seen: number[] = [];
    virtual(() => {
      receiverBatches(concat(of(1), NEVER), { interval: 100 })
        .pipe(
          foreachBatch((records) => void seen.push(records.length)),
          take(1),
        )
        .subscribe();
      const failing = receiverBatches(
        throwError(() => new Error('lost')),
        { interval: 100, restartDelay: 100 },
      );
      failing.pipe(take(1)).subscribe();
      const stopped = receiverBatches(concat(of(1), NEVER), { interval: 100, blockInterval: 50 });
      stopped.pipe(foreachBatch((records) => void seen.push(records.length))).subscribe();
      timer(100).subscribe(() => void stopped.stop());
    });
    expect(seen[0]).toBe(1);
  });
});
