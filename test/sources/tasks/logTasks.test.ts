import { type Batch, type Checkpoint, foreachBatch, foreachPartition, type Task } from 'dstream';
import { from, type MonoTypeOperatorFunction, NEVER, retry, tap } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { slowClosing } from '../../support/slowClosing.js';
import { interval, sessionTimeout, TaskCluster, type TaskProcess } from '../../support/taskCluster.js';
import { virtual } from '../../support/virtual.js';

type Fail = MonoTypeOperatorFunction<Batch<string>>;

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Every record was written once, and every key was counted right. */
function expectAll(cluster: TaskCluster): void {
  expect(cluster.records).toEqual(numbers(cluster.sent));
  expect(new Map([...cluster.totals].sort())).toEqual(new Map([...cluster.expectedTotals].sort()));
}

describe('logTasks', () => {
  it('works on all tasks in one process, each with its own batches and checkpoint', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler);
      cluster.send(60);
      const first = cluster.start('first');
      cluster.at(5_000, () => {
        expectAll(cluster);
        expect([...cluster.checkpoints.keys()].sort()).toEqual(['0', '1', '2', '3']);
        expect(numbers(4).map((p) => cluster.log.committedOffset('job', 'words', p))).toEqual(
          numbers(4).map((p) => cluster.log.latest('words', p)),
        );
        first.unsubscribe();
      });
    });
  });

  it('divides the tasks when a process joins, and again when it leaves', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler);
      cluster.send(90);
      const first = cluster.start('first');
      let second: TaskProcess | undefined;
      cluster.at(1_000, () => {
        second = cluster.start('second');
      });
      cluster.at(2_000, () => {
        expect(cluster.tasksOf('first')).toHaveLength(2);
        expect(cluster.tasksOf('second')).toHaveLength(2);
        // The tasks that stayed were not disturbed, those that moved have completed here.
        expect(first.given).toHaveLength(2);
        expect(cluster.events.map(({ type }) => type)).not.toContain('lost');
        void second?.tasks.stop();
      });
      cluster.at(3_000, () => {
        expect(second?.completed).toBe(true);
        expect(second?.given).toHaveLength(2);
        expect(cluster.tasksOf('first')).toHaveLength(4);
      });
      cluster.at(5_000, () => {
        expectAll(cluster);
        first.unsubscribe();
      });
    });
  });

  it('goes on with the tasks of a process that was killed, within a session and two intervals', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler);
      cluster.send(90);
      const first = cluster.start('first');
      const second = cluster.start('second');
      cluster.at(2_000, () => {
        expect(cluster.tasksOf('second')).toHaveLength(2);
        first.process.kill();
      });
      cluster.at(2_000 + sessionTimeout + 2 * interval, () => expect(cluster.tasksOf('second')).toHaveLength(4));
      cluster.at(5_000, () => {
        expectAll(cluster);
        second.unsubscribe();
      });
    });
  });

  it('a process that was stopped for longer than its session loses its tasks, writes nothing more for them, and joins again', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler);
      cluster.send(150);
      const first = cluster.start('first');
      const second = cluster.start('second');
      cluster.at(2_050, () => first.process.stop());
      cluster.at(4_000, () => {
        expect(cluster.tasksOf('second')).toHaveLength(4);
        first.process.continue();
      });
      cluster.at(7_000, () => {
        expect(first.error).toBeUndefined();
        expect(cluster.events.filter(({ type }) => type === 'lost').map(({ process }) => process)).toContain('first');
        expect(cluster.tasksOf('first')).toHaveLength(2);
        expect(cluster.tasksOf('second')).toHaveLength(2);
        expectAll(cluster);
        first.unsubscribe();
        second.unsubscribe();
      });
    });
  });

  it('a static member that is back within its session has the same tasks, and the others are not disturbed', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler);
      cluster.send(90);
      const first = cluster.start('first', { instanceId: 'pod-0' });
      const second = cluster.start('second', { instanceId: 'pod-1' });
      let before: readonly string[] = [];
      let moved = 0;
      const movesOf = (name: string) =>
        cluster.events.filter(({ process, type }) => process === name && type !== 'joined');
      let again: TaskProcess | undefined;
      cluster.at(2_000, () => {
        before = cluster.tasksOf('first');
        moved = movesOf('second').length;
        first.process.kill();
      });
      cluster.at(2_500, () => {
        again = cluster.start('again', { instanceId: 'pod-0' });
      });
      cluster.at(5_000, () => {
        expect(before).toHaveLength(2);
        expect(cluster.tasksOf('again')).toEqual(before);
        expect(movesOf('second')).toHaveLength(moved);
        expectAll(cluster);
        again?.unsubscribe();
        second.unsubscribe();
      });
    });
  });

  it('static members that come back within their sessions leave the generation as it is, the one that leads too', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler);
      cluster.send(200);
      const names = ['pod-0', 'pod-1'];
      const members = names.map((instanceId) => cluster.start(instanceId, { instanceId }));
      const generations = () => new Set(cluster.events.slice(settled).map(({ generation }) => generation));
      let settled = 0;
      cluster.at(2_000, () => {
        settled = cluster.events.length;
      });
      // Each is killed twice.
      for (let restart = 0; restart < 4; restart++) {
        const [index, at] = [restart % 2, 2_050 + 1_000 * restart];
        const instanceId = names[index] ?? '';
        cluster.at(at, () => members[index]?.process.kill());
        cluster.at(at + 300, () => {
          members[index] = cluster.start(`${instanceId} again`, { instanceId });
        });
      }
      cluster.at(8_000, () => {
        expect(cluster.events.slice(settled).filter(({ type }) => type === 'assigned')).toHaveLength(4);
        expect(generations().size).toBe(1);
        expectAll(cluster);
        for (const member of members) member.unsubscribe();
      });
    });
  });

  it('a process that opens a task late, fences its owner and dies leaves it to the owner, who opens it again', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler);
      cluster.send(90);
      const first = cluster.start('first');
      // What a process does that was stopped between "assigned" and "opened", and then dies.
      cluster.at(2_050, () => void from(cluster.checkpointOf('1').open()).subscribe());
      cluster.at(5_000, () => {
        const fenced = cluster.events.filter(({ type }) => type === 'fenced' || type === 'reopened');
        expect(fenced.map(({ type, tasks }) => [type, ...tasks])).toEqual([
          ['fenced', '1'],
          ['reopened', '1'],
        ]);
        expect(first.given).toEqual([]);
        expectAll(cluster);
        first.unsubscribe();
      });
    });
  });

  it('aborts what is not finished within drainMs, and the next owner does it again', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler);
      cluster.send(60);
      const stuck: string[] = [];
      const first = cluster.start('first', {}, (task) =>
        task.pipe(
          foreachPartition(() => NEVER),
          foreachBatch((records) => void stuck.push(...records)),
        ),
      );
      let second: TaskProcess | undefined;
      cluster.at(500, () => {
        second = cluster.start('second');
      });
      cluster.at(2_000, () => {
        expect(cluster.tasksOf('second')).toHaveLength(2);
        first.process.kill();
      });
      cluster.at(6_000, () => {
        expect(stuck).toEqual([]);
        expectAll(cluster);
        second?.unsubscribe();
      });
    });
  });

  /** Every batch fails fails once, and another process joins meanwhile. Closing takes 500 ms. */
  function failingWhileAnotherJoins(options: Parameters<TaskCluster['start']>[1], fail: (failed: () => void) => Fail) {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler);
      cluster.send(60);
      const failed = new Set<string>();
      const checkpoint = ({ id }: { id: string }) => slowClosing(cluster.checkpointOf(id), 500, scheduler);
      const first = cluster.start('first', { checkpoint, ...options }, (task) =>
        task.pipe(
          fail(() => {
            if (scheduler.now() < 1_100 || failed.size === 4 || failed.has(task.task.id)) return;
            failed.add(task.task.id);
            throw new Error('busy');
          }),
          foreachPartition(({ records }, { id }) => void cluster.written.set(id, records)),
          retry({ delay: 700 }),
        ),
      );
      let second: TaskProcess | undefined;
      cluster.at(1_150, () => {
        second = cluster.start('second');
      });
      cluster.at(6_000, () => {
        expect(failed.size).toBe(4);
        expect(first.error).toBeUndefined();
        expect(cluster.tasksOf('first')).toHaveLength(2);
        expect(cluster.tasksOf('second')).toHaveLength(2);
        expect(cluster.records).toEqual(numbers(60));
        first.unsubscribe();
        second?.unsubscribe();
      });
    });
  }

  it('gives a task away whose subscription ends at that moment by an error of an operator, and is to be tried again', () => {
    failingWhileAnotherJoins({}, (failed) => tap(failed));
  });

  it('gives a task away that has failed at that moment, and is to start again', () => {
    failingWhileAnotherJoins({ retry: { delay: 100 } }, (failed) => foreachBatch(failed));
  });

  it('tells a checkpoint which member opens it, in which generation, for which task', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler, 2);
      const opened: unknown[] = [];
      const checkpoint = (id: string): Checkpoint => ({
        location: id,
        open: (options) => {
          opened.push(options?.by);
          return cluster.checkpointOf(id).open(options);
        },
      });
      const first = cluster.start('first', { checkpoint: ({ id }) => checkpoint(id) });
      cluster.at(500, () => {
        const [{ memberId } = { memberId: '' }] = cluster.events;
        expect(opened).toEqual(['0', '1'].map((task) => ({ task, memberId, generation: 1 })));
        first.unsubscribe();
      });
    });
  });

  it('stop finishes the batches that are open, and reports them by task', async () => {
    let stopped: ReturnType<TaskProcess['tasks']['stop']> | undefined;
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler, 2);
      cluster.send(60);
      const first = cluster.start('first');
      cluster.at(1_000, () => {
        stopped = first.tasks.stop();
      });
      cluster.at(1_500, () => {
        expect(first.completed).toBe(true);
        expect(cluster.group.members('job').size).toBe(0);
      });
    });
    expect([...((await stopped)?.keys() ?? [])].sort()).toEqual(['0', '1']);
  });

  it('an error in one task arrives at its stream, and retry restarts that task alone', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler);
      cluster.send(60);
      let crashes = 2;
      const opened: string[] = [];
      const work = (task: Task<string, never>, { cluster }: TaskProcess) => {
        opened.push(task.task.id);
        return task.pipe(
          foreachPartition(({ records }, { id }) => {
            if (task.task.id === '1' && records.length > 0 && crashes-- > 0) throw new Error('busy');
            if (records.length > 0) cluster.written.set(id, records);
          }),
          retry(5),
        );
      };
      const first = cluster.start('first', {}, work as never);
      cluster.at(5_000, () => {
        expect(first.error).toBeUndefined();
        expect(opened.sort()).toEqual(['0', '1', '2', '3']);
        expect(cluster.records).toEqual(numbers(60));
        first.unsubscribe();
      });
    });
  });

  it('an error that nobody handles ends the process, which leaves: others go on with its tasks', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler);
      cluster.send(90);
      const first = cluster.start('first', {}, (task) =>
        task.pipe(
          foreachBatch(() => {
            if (scheduler.now() > 1_000) throw new Error('full disk');
          }),
          // It has written nothing that counts, so that all is read again.
          foreachBatch(() => {}),
        ),
      );
      cluster.at(1_500, () => {
        expect(first.error).toMatchObject({ message: 'full disk' });
        expect(cluster.group.members('job').size).toBe(0);
      });
    });
  });

  it('asks and commits once for all tasks: the requests do not grow with their number', () => {
    const requests = [1, 8].map((partitions) => {
      const counts = { offsets: 0, commit: 0, partitions: 0 };
      virtual((scheduler) => {
        const cluster = new TaskCluster(scheduler, partitions);
        cluster.send(30, 30);
        const first = cluster.start('first', {}, undefined, counts);
        cluster.at(1_000, () => {
          cluster.send(30, 30);
          counts.offsets = 0;
          counts.partitions = 0;
          counts.commit = 0;
        });
        cluster.at(1_950, () => first.unsubscribe());
      });
      return counts;
    });
    expect(requests[0]?.offsets).toBeGreaterThan(5);
    expect(requests[1]).toEqual(requests[0]);
  });

  it('refuses a second subscription of a task that works', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler, 1);
      const errors: unknown[] = [];
      const first = cluster.start('first', {}, (task) => {
        scheduler.schedule(() => task.subscribe({ error: (error: unknown) => errors.push(error) }), 500);
        return task.pipe(foreachBatch(() => {}));
      });
      cluster.at(1_000, () => {
        expect(errors).toMatchObject([{ code: 'SUBSCRIBED_TASK', task: '0' }]);
        expect(first.batches).toBeGreaterThan(5);
        first.unsubscribe();
      });
    });
  });

  it('fails when nobody subscribes to a task: it would stand still', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler, 1);
      const first = cluster.start('first', {}, () => NEVER);
      cluster.at(1_000, () => {
        expect(first.error).toMatchObject({ code: 'UNCLAIMED_BATCH', source: 'task 0' });
        expect(cluster.group.members('job').size).toBe(0);
      });
    });
  });
});
