import type { Checkpoint, Task } from 'dstream';
import { type Observable, Subject, takeUntil } from 'rxjs';
import { describe, expect, it } from 'vitest';
import {
  countAndWrite,
  sessionTimeout,
  TaskCluster,
  type TaskProcess,
  type Trouble,
  type Work,
} from '../../support/taskCluster.js';
import { VirtualClock } from '../../support/virtualClock.js';

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Lives what happens to a cluster for 12 s, and ends all processes. */
function live(happens: (cluster: TaskCluster) => void, judge: (cluster: TaskCluster) => void): void {
  const scheduler = new VirtualClock();
  const cluster = new TaskCluster(scheduler);
  cluster.send(60);
  const processes: TaskProcess[] = [];
  const { start } = cluster;
  cluster.start = (...args) => {
    const process = start.apply(cluster, args);
    processes.push(process);
    return process;
  };
  happens(cluster);
  cluster.at(12_000, () => {
    judge(cluster);
    for (const { process } of processes) process.kill();
  });
  scheduler.flush();
}

/** Each of the two has half of the tasks, and everything was done once. */
function expectDivided(cluster: TaskCluster): void {
  expect(cluster.tasksOf('first')).toHaveLength(2);
  expect(cluster.tasksOf('second')).toHaveLength(2);
  expect(cluster.records).toEqual(numbers(cluster.sent));
  expect(new Map([...cluster.totals].sort())).toEqual(new Map([...cluster.expectedTotals].sort()));
}

function meetAll(process: TaskProcess, trouble: Trouble): void {
  for (let task = 0; task < 4; task++) process.meets(trouble);
}

const slowClose = { step: 'close', lasts: 900, fails: 'not' } as const;
const brokenSave = { step: 'save', lasts: 0, fails: 'broken' } as const;
const retry = { count: 10, delay: 40, maxDelay: 200 };

describe('a task that is to be given away', () => {
  it('is, when its stream has failed, is closing, and was to start again by itself', () => {
    live((cluster) => {
      const first = cluster.start('first', { retry });
      cluster.at(950, () => {
        meetAll(first, brokenSave);
        meetAll(first, slowClose);
      });
      cluster.at(1_050, () => cluster.start('second', { retry }));
    }, expectDivided);
  });

  it('is, when its subscriber has left and it is closing', () => {
    live(
      (cluster) => {
        const leave = new Subject<void>();
        const untilThen: Work = (task: Task<string, Checkpoint>, life): Observable<unknown> =>
          countAndWrite(task, life).pipe(takeUntil(leave));
        const first = cluster.start('first', {}, untilThen);
        cluster.at(1_000, () => {
          meetAll(first, slowClose);
          leave.next();
        });
        cluster.at(1_050, () => cluster.start('second'));
      },
      (cluster) => expect(cluster.tasksOf('second')).toHaveLength(2),
    );
  });
});

it('a task that is lost while its failed stream is closing is worked on again when it is assigned again', () => {
  live(
    (cluster) => {
      const first = cluster.start('first', { retry });
      cluster.at(950, () => {
        meetAll(first, brokenSave);
        meetAll(first, { ...slowClose, lasts: 2_500 });
        cluster.coordinatorIsAway = true;
      });
      cluster.at(2_300, () => {
        cluster.coordinatorIsAway = false;
      });
    },
    (cluster) => {
      expect(cluster.tasksOf('first')).toHaveLength(4);
      expect(cluster.records).toEqual(numbers(cluster.sent));
    },
  );
});

it('a stream of tasks that is stopped while one of them is closing after a failure completes', () => {
  let first: TaskProcess | undefined;
  live(
    (cluster) => {
      first = cluster.start('first', { retry });
      cluster.at(950, () => {
        meetAll(first as TaskProcess, brokenSave);
        meetAll(first as TaskProcess, slowClose);
      });
      cluster.at(1_100, () => void first?.tasks.stop());
    },
    () => expect(first?.completed).toBe(true),
  );
});

describe('what does not end', () => {
  const stuckOf = (cluster: TaskCluster) =>
    cluster.events.filter(({ type }) => type === 'stuck').map(({ tasks, step, lasts }) => ({ tasks, step, lasts }));

  it('of closing a task is told after a session, and left behind: another process works on', () => {
    live(
      (cluster) => {
        const first = cluster.start('first');
        cluster.at(1_000, () => {
          meetAll(first, { ...slowClose, lasts: Infinity });
          cluster.start('second');
        });
      },
      (cluster) => {
        expectDivided(cluster);
        const given = cluster.tasksOf('second');
        expect(stuckOf(cluster)).toEqual(given.map((id) => ({ tasks: [id], step: 'closing', lasts: sessionTimeout })));
        const released = cluster.events.filter(({ type }) => type === 'released');
        const limit = 500 + sessionTimeout + 500;
        expect(Math.max(...released.map(({ at }) => at))).toBeLessThan(1_000 + limit);
      },
    );
  });

  it('of closing a task that was lost does not keep this process from working on it again', () => {
    live(
      (cluster) => {
        const first = cluster.start('first');
        cluster.at(1_000, () => {
          meetAll(first, { ...slowClose, lasts: Infinity });
          cluster.coordinatorIsAway = true;
        });
        cluster.at(3_000, () => {
          cluster.coordinatorIsAway = false;
        });
      },
      (cluster) => {
        expect(cluster.tasksOf('first')).toHaveLength(4);
        expect(cluster.records).toEqual(numbers(cluster.sent));
        expect(stuckOf(cluster)).toHaveLength(4);
      },
    );
  });

  it('of closing a task that has failed does not keep it from starting again', () => {
    live(
      (cluster) => {
        const first = cluster.start('first', { retry });
        cluster.at(1_000, () => {
          first.meets(brokenSave);
          first.meets({ ...slowClose, lasts: Infinity });
        });
      },
      (cluster) => {
        expect(cluster.records).toEqual(numbers(cluster.sent));
        expect(stuckOf(cluster)).toHaveLength(1);
      },
    );
  });

  it('of closing does not keep a stream of tasks from completing when it is stopped', () => {
    let first: TaskProcess | undefined;
    live(
      (cluster) => {
        first = cluster.start('first');
        cluster.at(1_000, () => {
          meetAll(first as TaskProcess, { ...slowClose, lasts: Infinity });
          void first?.tasks.stop();
        });
      },
      () => expect(first?.completed).toBe(true),
    );
  });

  it('of opening a task is told, and the others are worked on; it can be given away', () => {
    live(
      (cluster) => {
        const first = cluster.start('first');
        first.meets({ step: 'open', lasts: Infinity, fails: 'not' });
        cluster.at(3_000, () => {
          const [hanging] = stuckOf(cluster);
          expect(hanging).toMatchObject({ step: 'opening', lasts: sessionTimeout });
          expect(stuckOf(cluster)).toHaveLength(1);
          expect(cluster.written.size).toBeGreaterThan(10);
          cluster.start('second');
          first.unsubscribe();
        });
      },
      (cluster) => expect(cluster.records).toEqual(numbers(cluster.sent)),
    );
  });
});
