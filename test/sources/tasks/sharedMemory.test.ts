import { logTasks, memoryLog, string } from 'dstream';
import { memoryGroup } from 'dstream/testing';
import { mergeMap, Subscription, tap } from 'rxjs';
import { expect, it } from 'vitest';
import { virtual } from '../../support/virtual.js';

const MiB = 1024 * 1024;

/** The most quarters of a MiB that a batch has, where four tasks are divided among so many processes. */
function largestBatch(maxBytesPerBatch: number, processes: number): number {
  let most = 0;
  virtual((scheduler) => {
    const log = memoryLog({ topics: { words: 4 }, scheduler });
    const value = 'x'.repeat(MiB / 4 - 1_024);
    for (const partition of [0, 1, 2, 3]) {
      const records = Array.from({ length: 24 }, () => ({ partition, value }));
      log.append('words', records);
    }
    const group = memoryGroup({ log, scheduler });
    const running = new Subscription();
    for (let n = 0; n < processes; n++) {
      const tasks = logTasks(log, group, {
        ...{ topics: ['words'], groupId: 'job', start: 'earliest', interval: 100, deserialize: string(), scheduler },
        ...{ maxBytesPerBatch, stepTimeout: Infinity, outputTimeout: Infinity, unclaimed: 'complete' },
      });
      const seen = ({ size }: { readonly size: number }) => {
        most = Math.max(most, size);
      };
      running.add(tasks.pipe(mergeMap((task) => task.pipe(tap(seen)))).subscribe());
    }
    scheduler.schedule(() => running.unsubscribe(), 250);
  });
  return most;
}

it('the tasks of a process share maxBytesPerBatch, 1 MiB each at least', () => {
  expect(largestBatch(8 * MiB, 1)).toBe(8);
  expect(largestBatch(8 * MiB, 2)).toBe(16);
  expect(largestBatch(2 * MiB, 1)).toBe(4);
  // No more than all tasks together may have.
  expect(largestBatch(MiB / 2, 1)).toBe(2);
});
