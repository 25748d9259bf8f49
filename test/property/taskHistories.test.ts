import fc from 'fast-check';
import { TestScheduler } from 'rxjs/testing';
import { expect, it } from 'vitest';
import { sessionTimeout, TaskCluster, type TaskProcess } from '../support/taskCluster.js';
import { propertySettings } from './settings.js';

/** What happens to one process. */
const event = fc.record({
  after: fc.integer({ min: 0, max: 900 }),
  process: fc.nat(3),
  kind: fc.constantFrom('kill', 'stop', 'end', 'abort', 'start', 'start', 'continue'),
});
const history = fc.record({
  events: fc.array(event, { minLength: 1, maxLength: 12 }),
  isStatic: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
  partitions: fc.integer({ min: 1, max: 5 }),
  concurrentBatches: fc.integer({ min: 1, max: 2 }),
  // With latency a process that was stopped works before it hears that its tasks are another's.
  latency: fc.constantFrom(0, 30, 60),
});

it('whatever happens to the processes, every record is written under one id and counted once', () => {
  fc.assert(
    fc.property(history, ({ events, isStatic, partitions, concurrentBatches, latency }) => {
      const scheduler = new TestScheduler(() => {});
      scheduler.run(() => {
        const cluster = new TaskCluster(scheduler, partitions, 12, latency);
        const processes: (TaskProcess | undefined)[] = [];
        let started = 0;
        const start = (index: number): void => {
          const instanceId = isStatic[index] ? { instanceId: `pod-${index}` } : {};
          processes[index] = cluster.start(`process ${started++}`, { ...instanceId, concurrentBatches });
        };
        const apply = ({ process: index, kind }: (typeof events)[number]): void => {
          const process = processes[index];
          if (kind === 'start') {
            if (!process) start(index);
          } else if (kind === 'kill') {
            process?.process.kill();
            processes[index] = undefined;
          } else if (kind === 'stop') process?.process.stop();
          else if (kind === 'continue') process?.process.continue();
          else if (process?.process.running) {
            if (kind === 'end') void process.tasks.stop();
            else process.unsubscribe();
            processes[index] = undefined;
          }
        };
        start(0);
        let time = 0;
        for (const one of events) {
          time += one.after;
          scheduler.schedule(() => apply(one), time);
        }
        cluster.send(30 + Math.floor(time / 40), 3);
        scheduler.schedule(() => {
          for (const process of processes) process?.process.continue();
          if (!processes.some((process) => process && !process.error)) start(3);
        }, time + 1);
        // A session for those that are gone, and drains and rebalances after it.
        const quiet = time + 2 * sessionTimeout + 4_000;
        scheduler.schedule(() => {
          for (const process of processes) if (process?.error) expect(process.error).toMatchObject({ code: 'FENCED' });
          expect(cluster.records).toEqual(Array.from({ length: cluster.sent }, (_, i) => i));
          expect(new Map([...cluster.totals].sort())).toEqual(new Map([...cluster.expectedTotals].sort()));
          for (const process of processes) process?.process.kill();
        }, quiet);
      });
    }),
    propertySettings(12),
  );
});
