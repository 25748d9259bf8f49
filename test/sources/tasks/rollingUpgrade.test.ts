import { type Checkpoint, foreachPartition, mapRecords, type Task, updateStateByKey } from 'dstream';
import { of } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { TaskCluster, type TaskProcess, type Work } from '../../support/taskCluster.js';
import { virtual } from '../../support/virtual.js';

const total = 240;
const partitions = 6;
const pairs = (task: Task<string, Checkpoint>) =>
  task.pipe(mapRecords((value) => [`key-${Number(value) % 12}`, 1] as const));

/** Counts each key: the first version in ones, the second one in tens, so that it has to convert what the first one has saved. */
const counting =
  (version: 1 | 2): Work =>
  (task, { cluster, process }) => {
    const one = version === 2 ? 10 : 1;
    return task.pipe(
      foreachPartition(({ records }, { id }) =>
        records.length > 0
          ? process.send(['output:before', 'output:after'], () => of(cluster.written.set(id, records)))
          : undefined,
      ),
      mapRecords((value) => [`key-${Number(value) % 12}`, one] as const),
      updateStateByKey((values, count: number | undefined) => one * values.length + (count ?? 0), {
        id: 'counts',
        version,
        ...(version === 2 && { migrate: (count: unknown) => 10 * Number(count) }),
      }),
      foreachPartition(() => {}),
    );
  };

/** A second version with one more operator that keeps state. */
const withMore: Work = (task) =>
  pairs(task).pipe(
    updateStateByKey((values, count: number | undefined) => values.length + (count ?? 0), { id: 'counts' }),
    updateStateByKey((values, count: number | undefined) => values.length + (count ?? 0), { id: 'more' }),
    foreachPartition(() => {}),
  );

const inTens = (cluster: TaskCluster) => new Map([...cluster.expectedTotals].map(([key, count]) => [key, 10 * count]));
const numbers = Array.from({ length: total }, (_, i) => i);
const names = ['a', 'b', 'c'];

describe('a rolling upgrade', () => {
  it.each([
    ['first the new process and then the old one', 0, 600],
    ['first the old process and then the new one', 600, 0],
  ])('converts the state of each task once: %s', (_, startAfter, stopAfter) => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler, partitions);
      cluster.send(total);
      const old = names.map((name) => cluster.start(`old ${name}`, {}, counting(1)));
      const upgraded: TaskProcess[] = [];
      for (const [i, one] of old.entries()) {
        cluster.at(1_050 + 1_500 * i + startAfter, () => {
          upgraded.push(cluster.start(`new ${names[i]}`, {}, counting(2)));
        });
        cluster.at(1_050 + 1_500 * i + stopAfter, () => void one.tasks.stop());
      }
      cluster.at(12_000, () => {
        expect([...old, ...upgraded].map(({ error }) => error)).toEqual(Array(6).fill(undefined));
        expect(upgraded.map(({ name }) => cluster.tasksOf(name).length)).toEqual([2, 2, 2]);
        expect(cluster.records).toEqual(numbers);
        for (const one of upgraded) one.unsubscribe();
        expect(cluster.totals).toEqual(inTens(cluster));
      });
    });
  });

  it('an old process that gets a converted state fails and loses nothing: a new one goes on', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler, partitions);
      cluster.send(total);
      const old = ['a', 'b'].map((name) => cluster.start(`old ${name}`, {}, counting(1)));
      let upgraded: readonly TaskProcess[] = [];
      cluster.at(1_050, () => {
        upgraded = [cluster.start('new a', {}, counting(2))];
      });
      // Its tasks go to the old processes, which cannot read them.
      cluster.at(2_050, () => upgraded[0]?.process.kill());
      cluster.at(5_000, () => {
        const errors = old.flatMap(({ error }) => (error === undefined ? [] : [error]));
        expect(errors.length).toBeGreaterThan(0);
        for (const error of errors) expect(error).toMatchObject({ code: 'INCOMPATIBLE_STATE', id: 'counts' });
        upgraded = names.map((name) => cluster.start(`newer ${name}`, {}, counting(2)));
      });
      cluster.at(5_500, () => old.map((one) => one.tasks.stop()));
      cluster.at(15_000, () => {
        expect(upgraded.map(({ error }) => error)).toEqual([undefined, undefined, undefined]);
        expect(cluster.records).toEqual(numbers);
        for (const one of upgraded) one.unsubscribe();
        expect(cluster.totals).toEqual(inTens(cluster));
      });
    });
  });

  it('the old version reads what a new one with one more state has saved, if it keeps orphans, and not otherwise', () => {
    virtual((scheduler) => {
      const outcome = (orphans: 'refuse' | 'keep', at: number) => {
        cluster.at(at, () => {
          const back = cluster.start(`back ${orphans}`, { orphans });
          cluster.at(at + 900, () => {
            outcomes.push([orphans, (back.error as { readonly code?: string } | undefined)?.code]);
            back.unsubscribe();
          });
        });
      };
      const outcomes: unknown[] = [];
      const cluster = new TaskCluster(scheduler, 1);
      cluster.send(12);
      const upgraded = cluster.start('new', {}, withMore);
      cluster.at(1_000, () => upgraded.unsubscribe());
      outcome('refuse', 2_000);
      outcome('keep', 3_000);
      cluster.at(4_000, () => {
        expect(outcomes).toEqual([
          ['refuse', 'INCOMPATIBLE_STATE'],
          ['keep', undefined],
        ]);
        expect(cluster.totals).toEqual(cluster.expectedTotals);
      });
    });
  });
});
