import fc from 'fast-check';
import { expect } from 'vitest';
import { sessionTimeout, TaskCluster, type TaskProcess } from './taskCluster.js';
import { VirtualClock } from './virtualClock.js';

/** What happens to one process. */
const event = fc.record({
  after: fc.integer({ min: 0, max: 900 }),
  process: fc.nat(3),
  kind: fc.constantFrom('kill', 'stop', 'end', 'abort', 'start', 'start', 'continue', 'freeze', 'freeze', 'freeze'),
  /** Where it is stopped in the middle of a turn, and for how long. */
  point: fc.constantFrom('task:before-open', 'plan:before', 'output:before', 'save:before'),
  lasts: fc.integer({ min: sessionTimeout / 2, max: 3 * sessionTimeout }),
});

/** What happens to the processes of a job in virtual time. */
export const taskHistory = fc.record({
  events: fc.array(event, { minLength: 1, maxLength: 12 }),
  isStatic: fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }),
  partitions: fc.integer({ min: 1, max: 5 }),
  concurrentBatches: fc.integer({ min: 1, max: 2 }),
  // With latency a process that was stopped works before it hears that its tasks are another's.
  latency: fc.constantFrom(0, 30, 60),
  // And what a process has sent arrives when it is gone, and has a successor.
  storeLatency: fc.constantFrom(0, 30),
});

export type TaskHistory = typeof taskHistory extends fc.Arbitrary<infer H> ? H : never;

/** Lives a history, and checks that every record is written under one id and counted once. */
export function liveTasks({ events, isStatic, partitions, concurrentBatches, ...latencies }: TaskHistory): void {
  const scheduler = new VirtualClock();
  const cluster = new TaskCluster(scheduler, partitions, 12, latencies.latency, latencies.storeLatency);
  const processes: (TaskProcess | undefined)[] = [];
  let started = 0;
  const start = (index: number): void => {
    const instanceId = isStatic[index] ? { instanceId: `pod-${index}` } : {};
    processes[index] = cluster.start(`process ${started++}`, { ...instanceId, concurrentBatches });
  };
  const apply = ({ process: index, kind, point, lasts }: (typeof events)[number]): void => {
    const process = processes[index];
    if (kind === 'start') {
      if (!process) start(index);
    } else if (kind === 'kill') {
      process?.process.kill();
      processes[index] = undefined;
    } else if (kind === 'stop') process?.process.stop();
    else if (kind === 'freeze') process?.process.meet({ point, nth: 1, effect: lasts });
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
    for (const process of processes) {
      process?.process.meet(undefined);
      process?.process.continue();
    }
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
  scheduler.flush();
}

const accident = { point: 'save:before', lasts: sessionTimeout } as const;

/**
 * A process is stopped when it is about to save; its tasks go to another one, which works on them. Then it goes on, and the other one is
 * killed before it has saved another batch.
 */
export const lateSave: TaskHistory = {
  events: [
    { ...accident, after: 300, process: 1, kind: 'start' },
    { ...accident, after: 690, process: 0, kind: 'freeze', lasts: 2_550 },
    { ...accident, after: 2_570, process: 1, kind: 'kill' },
    { ...accident, after: 10, process: 0, kind: 'kill' },
  ],
  isStatic: [false, false, false, false],
  partitions: 2,
  concurrentBatches: 1,
  latency: 0,
  storeLatency: 0,
};
