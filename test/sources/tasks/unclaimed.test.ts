import { catchError, concat, EMPTY, NEVER, Subject, takeUntil, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { countAndWrite, sessionTimeout, TaskCluster, type Trouble, type Work } from '../../support/taskCluster.js';
import { VirtualClock } from '../../support/virtualClock.js';

/** The `stuck` events of a process that works so for five sessions. */
function stuckOf(work: Work, happens: (cluster: TaskCluster) => void = () => {}, troubles: readonly Trouble[] = []) {
  const scheduler = new VirtualClock();
  const cluster = new TaskCluster(scheduler, 3);
  cluster.send(60);
  const life = cluster.start('first', { unclaimed: 'complete' }, work);
  for (const trouble of troubles) life.meets(trouble);
  happens(cluster);
  cluster.at(5 * sessionTimeout, () => life.unsubscribe());
  scheduler.flush();
  return cluster.events
    .filter(({ type }) => type === 'stuck')
    .map(({ at, tasks, step, lasts }) => [at, tasks.join(), step, lasts] as const);
}

describe('a task without a subscriber', () => {
  it('is told after a session: one that nobody has subscribed to', () => {
    const stuck = stuckOf((task, life) => (task.task.id === '1' ? NEVER : countAndWrite(task, life)));
    expect(stuck).toEqual([[sessionTimeout, '1', 'unclaimed', sessionTimeout]]);
  });

  it('is told after a session: one that switchMap has left for the next', () => {
    const next = new Subject<void>();
    const stuck = stuckOf((task, life) => {
      next.next();
      return countAndWrite(task, life).pipe(takeUntil(next));
    });
    expect(stuck.map(([, ...facts]) => facts)).toEqual([
      ['0', 'unclaimed', sessionTimeout],
      ['1', 'unclaimed', sessionTimeout],
    ]);
  });

  it('is told after a session: one whose error was caught', () => {
    const broken = { step: 'save', lasts: 0, fails: 'broken' } as const;
    const stuck = stuckOf((task, life) => countAndWrite(task, life).pipe(catchError(() => EMPTY)), () => {}, [broken]);
    expect(stuck.map(([, , ...facts]) => facts)).toEqual([['unclaimed', sessionTimeout]]);
  });

  it('is not told when it has one again within a session, nor when it is not of this process any more', () => {
    const stuck = stuckOf(
      (task, life) => {
        const some = countAndWrite(task, life).pipe(takeUntil(timer(500, life.process)));
        const pause = timer(sessionTimeout - 100, life.process);
        return task.task.id === '0' ? concat(some, pause, countAndWrite(task, life)) : some;
      },
      // Two of three tasks go to others before a session is over.
      (cluster) =>
        cluster.at(600, () => {
          const others = ['second', 'third'].map((name) => cluster.start(name));
          cluster.at(5 * sessionTimeout - 1, () => {
            for (const { name } of others) expect(cluster.tasksOf(name)).toHaveLength(1);
            for (const { process } of others) process.kill();
          });
        }),
    );
    expect(stuck).toEqual([]);
  });
});
