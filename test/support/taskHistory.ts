import fc from 'fast-check';
import { retry, timer } from 'rxjs';
import { expect } from 'vitest';
import type { CopyLook } from '../../src/state/checkpoint.js';
import type { StoppableProcess } from './stoppableProcess.js';
import { countAndWrite, sessionTimeout, TaskCluster, type TaskProcess, type Work } from './taskCluster.js';
import { TaskCopies } from './taskCopies.js';
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

/** What a process meets in a store or at its group from then on. */
const trouble = fc.record({
  after: fc.integer({ min: 0, max: 700 }),
  process: fc.nat(3),
  step: fc.constantFrom('open', 'open', 'plan', 'save', 'close', 'close', 'join', 'sync', 'heartbeat'),
  lasts: fc.constantFrom(0, 50, 300, 800, 2 * sessionTimeout),
  fails: fc.constantFrom('not', 'fenced', 'broken'),
});

const behind = (offsets: number, isWhole = true): CopyLook => ({ behind: offsets, isWhole });

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
  troubles: fc.array(trouble, { maxLength: 12 }),
  /** On how many other processes there is a copy of each state, and how those behave. */
  standbys: fc.integer({ min: 0, max: 2 }),
  copies: fc.record({
    closing: fc.constantFrom(0, 30, 400, 1_500),
    lasts: fc.constantFrom(Infinity, Infinity, 300),
    looks: fc.constantFrom([behind(50_000, false), behind(0)], [behind(0)], [undefined, behind(0), behind(20_000)]),
  }),
  /** What works on after an error: the stream, or who subscribes to it. */
  recovers: fc.constantFrom('option', 'operator'),
});

export type TaskHistory = typeof taskHistory extends fc.Arbitrary<infer H> ? H : never;

/** Lives a history, and checks that every record is written under one id and counted once. */
export function liveTasks(history: TaskHistory): void {
  const { events, isStatic, partitions, concurrentBatches, troubles, recovers, standbys, copies, ...latencies } =
    history;
  const scheduler = new VirtualClock();
  const cluster = new TaskCluster(scheduler, partitions, 12, latencies.latency, latencies.storeLatency);
  const processes: (TaskProcess | undefined)[] = [];
  const lives: TaskProcess[] = [];
  let started = 0;
  const start = (index: number): void => {
    const instanceId = isStatic[index] ? { instanceId: `pod-${index}` } : {};
    const restarts = recovers === 'option' ? { retry: { count: Infinity, delay: 40, maxDelay: 300 } } : {};
    const kept = standbys > 0 && {
      standbys,
      copies: (process: StoppableProcess) => new TaskCopies(`place ${index}`, process, copies),
    };
    const options = { ...instanceId, ...restarts, concurrentBatches, ...kept };
    const process = cluster.start(`process ${started++}`, options, recovers === 'option' ? countAndWrite : patient);
    processes[index] = process;
    lives.push(process);
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
  let troubled = 0;
  for (const { after, process, ...one } of troubles) {
    troubled += after;
    scheduler.schedule(() => processes[process]?.meets(one), troubled);
  }
  time = Math.max(time, troubled);
  cluster.send(30 + Math.floor(time / 40), 3);
  scheduler.schedule(() => {
    for (const process of processes) {
      process?.process.meet(undefined);
      process?.process.continue();
    }
    if (!processes.some((process) => process && !process.error)) start(3);
  }, time + 1);
  // A session for those that are gone, and drains and rebalances after it, with what troubles are left.
  const left = troubles.reduce((sum, { lasts }) => sum + lasts, 0);
  const quiet = time + 2 * sessionTimeout + 4_000 + left;
  scheduler.schedule(() => {
    for (const process of processes) if (process?.error) expect(process.error).toMatchObject({ code: 'FENCED' });
    expect(cluster.records).toEqual(Array.from({ length: cluster.sent }, (_, i) => i));
    expect(new Map([...cluster.totals].sort())).toEqual(new Map([...cluster.expectedTotals].sort()));
    expect(lives.flatMap(({ copies }) => copies?.faults ?? [])).toEqual([]);
    for (const process of processes) process?.process.kill();
  }, quiet);
  scheduler.flush();
}

/** Subscribes again after an error. */
const patient: Work = (task, life) => countAndWrite(task, life).pipe(retry({ delay: () => timer(70, life.process) }));

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
  troubles: [],
  recovers: 'option',
  standbys: 0,
  copies: { closing: 0, lasts: Infinity, looks: [behind(0)] },
};
