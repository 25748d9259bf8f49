import { describe, expect, it } from 'vitest';
import { nightly } from '../../support/nightly.js';
import { sessionTimeout, TaskCluster, type TaskProcess } from '../../support/taskCluster.js';
import { VirtualClock } from '../../support/virtualClock.js';

/** Where a process can be killed or stopped while tasks are assigned, opened, worked on, given away and left. */
const points = [
  ...['group:before-join', 'group:joined', 'group:before-sync', 'group:synced', 'group:before-heartbeat'],
  ...['task:assigned', 'task:before-open', 'task:opened', 'plan:before', 'plan:after', 'output:before', 'output:after'],
  ...['save:before', 'save:after', 'commit:before', 'commit:after', 'group:before-release', 'group:drained'],
  ...['group:before-leave', 'group:left'],
] as const;
const times = nightly ? [1, 2, 10] : [1];
const effects = ['kill', 2.5 * sessionTimeout] as const;
/** `npm test` has the time for one of them at each point, in turn. */
const effectsAt = (point: (typeof points)[number]) =>
  nightly ? effects : effects.slice(points.indexOf(point) % 2).slice(0, 1);

/** The second process joins the first one, which gives tasks away; a third one joins them, and the second one leaves. */
function takeover(victim: string, accident: Parameters<TaskProcess['process']['meet']>[0]): boolean {
  let happened = false;
  const scheduler = new VirtualClock();
  const cluster = new TaskCluster(scheduler, 4, 12, 10, 10);
  const processes: TaskProcess[] = [];
  const start = (name: string): void => {
    const process = cluster.start(name);
    if (name === victim) process.process.meet(accident);
    processes.push(process);
  };
  cluster.send(120);
  start('first');
  cluster.at(550, () => start('second'));
  cluster.at(1_550, () => start('third'));
  cluster.at(2_550, () => {
    if (processes[1]?.process.running) void processes[1].tasks.stop();
  });
  cluster.at(9_000, () => {
    happened = !processes.find(({ name }) => name === victim)?.process.isAwaiting;
    expect(processes.map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
    expect(cluster.records).toEqual(Array.from({ length: cluster.sent }, (_, i) => i));
    expect(new Map([...cluster.totals].sort())).toEqual(new Map([...cluster.expectedTotals].sort()));
    for (const { process } of processes) process.kill();
  });
  scheduler.flush();
  return happened;
}

/** Which process gets there. */
const victimsOf = (point: string) => {
  if (/leave|left/.test(point)) return ['second'];
  return nightly ? ['first', 'second'] : ['first'];
};
const isReached = (point: string, victim: string) => !(victim === 'second' && /release|drained/.test(point));

describe('a process that is killed, or stopped for longer than its session,', () => {
  it.each(points)('at %s loses and doubles nothing', (point) => {
    for (const victim of victimsOf(point)) {
      for (const nth of times) {
        for (const effect of effectsAt(point)) {
          const happened = takeover(victim, { point, nth, effect });
          if (nth === 1 && isReached(point, victim)) expect(happened, `${victim} gets there`).toBe(true);
        }
      }
    }
  });
});
