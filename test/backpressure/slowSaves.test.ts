import {
  type Checkpoint,
  costModel,
  foreachBatch,
  logBatches,
  memoryCheckpoint,
  memoryLog,
  pid,
  type RateControllerFactory,
  string,
} from 'dstream';
import { concat, from, ignoreElements, map, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../support/virtual.js';

/** A checkpoint whose saves take that long for each record read since the one before, in ms. */
function slow(perRecord: number): Checkpoint {
  const { location, open } = memoryCheckpoint();
  let read = 0;
  return {
    location,
    open: () =>
      from(open()).pipe(
        map((session) => ({
          ...session,
          save: (batch) => {
            const reached = Object.values(batch.positions).flat()[0]?.offset ?? 0;
            const records = reached - read;
            read = reached;
            return concat(timer(records * perRecord).pipe(ignoreElements()), from(session.save(batch)));
          },
        })),
      ),
  };
}

describe('a store that takes longer than the output', () => {
  it.each([
    ['pid', pid()],
    ['costModel', costModel()],
  ])('sets the rate of %s', (_, backpressure: RateControllerFactory) => {
    const waits: number[] = [];
    const counts: number[] = [];
    virtual((scheduler) => {
      const log = memoryLog({ topics: { t: 1 }, scheduler });
      log.append(
        't',
        Array.from({ length: 50_000 }, () => ({ value: 'x' })),
      );
      const stream = logBatches(log, {
        ...{ topics: ['t'], start: 'earliest', interval: 1_000, deserialize: string(), scheduler, backpressure },
        ...{ initialRate: 200, checkpoint: slow(2) },
        batchObserver: {
          next: ({ schedulingDelay, records }) => {
            waits.push(schedulingDelay);
            counts.push(records);
          },
        },
      });
      const running = stream.pipe(foreachBatch((records) => timer(records.length / 20))).subscribe();
      scheduler.schedule(() => running.unsubscribe(), 60_000);
    });
    // 2.05 ms for each record: 487 fit into a second.
    const last = counts.slice(-20);
    const mean = last.reduce((sum, count) => sum + count, 0) / last.length;
    expect(mean).toBeGreaterThan(400);
    expect(mean).toBeLessThan(500);
    expect(Math.max(...waits.slice(-20))).toBeLessThan(1_000);
  });
});
