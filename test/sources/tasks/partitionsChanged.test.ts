import { foreachBatch, foreachPartition, logBatches, string } from 'dstream';
import { describe, expect, it } from 'vitest';
import { interval, TaskCluster, type TaskProcess } from '../../support/taskCluster.js';
import { virtual } from '../../support/virtual.js';

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);
const writeOnly = (task: Parameters<NonNullable<Parameters<TaskCluster['start']>[2]>>[0], { cluster }: TaskProcess) =>
  task.pipe(foreachPartition(({ records }, { id }) => void (records.length > 0 && cluster.written.set(id, records))));

describe('partitions that are added', () => {
  it('are read from their beginning by a job without state, and its tasks know of them', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler, 2);
      cluster.send(90);
      const counts = new Set<string>();
      const first = cluster.start('first', { start: 'latest' }, (task, life) => {
        counts.add(`${task.task.id} of ${task.task.of}`);
        return writeOnly(task, life);
      });
      cluster.at(1_000, () => cluster.log.createTopic('words', 4));
      cluster.at(5_000, () => {
        expect([...counts].sort()).toEqual(['0 of 2', '0 of 4', '1 of 2', '1 of 4', '2 of 4', '3 of 4']);
        // The first records were there before the job.
        expect(cluster.records).toEqual(numbers(90).slice(3));
        expect(first.error).toBeUndefined();
        first.unsubscribe();
      });
    });
  });

  it('are read from their beginning also when they were added while nothing ran', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler, 2);
      cluster.send(60);
      const first = cluster.start('first', { start: 'latest' }, writeOnly);
      let second: TaskProcess | undefined;
      cluster.at(1_050, () => {
        void first.tasks.stop();
        cluster.log.createTopic('words', 4);
      });
      cluster.at(2_050, () => {
        second = cluster.start('second', { start: 'latest' }, writeOnly);
      });
      cluster.at(6_000, () => {
        expect(cluster.records).toEqual(numbers(60).slice(3));
        second?.unsubscribe();
      });
    });
  });

  it('fail a job with state: keys are in other partitions', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler, 2);
      cluster.send(90);
      const first = cluster.start('first');
      cluster.at(1_000, () => cluster.log.createTopic('words', 4));
      cluster.at(5_000, () => {
        expect(first.error).toMatchObject({ code: 'PARTITIONS_CHANGED', saved: 2, partitions: 4 });
        expect(cluster.group.members('job').size).toBe(0);
      });
    });
  });

  it('topics with different numbers of partitions are refused, unless keys are not checked', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler, 2);
      cluster.log.createTopic('names', 3);
      const topics = ['words', 'names'];
      const first = cluster.start('first', { topics });
      let second: TaskProcess | undefined;
      cluster.at(1_000, () => {
        expect(first.error).toMatchObject({ code: 'INVALID_OPTION', option: 'topics' });
        second = cluster.start('second', { topics, keys: 'unchecked' }, writeOnly);
      });
      cluster.at(2_000, () => {
        expect(second?.error).toBeUndefined();
        expect(cluster.tasksOf('second')).toEqual(['0', '1', '2']);
        second?.unsubscribe();
      });
    });
  });
});

describe('a checkpoint that is not that of the task', () => {
  it('is refused: two tasks would go on from the states of each other, and fence each other for ever', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler, 2);
      cluster.send(30);
      const first = cluster.start('first', { checkpoint: () => cluster.checkpointOf('shared') });
      cluster.at(2_000, () => {
        expect(first.error).toMatchObject({
          code: 'INVALID_OPTION',
          message: expect.stringContaining(
            'logTasks: checkpoint ("memory") has a position in partition 1 of words, and is not that of task 0',
          ),
        });
      });
    });
  });

  it('is refused where it is that of a whole job', () => {
    virtual((scheduler) => {
      const cluster = new TaskCluster(scheduler, 2);
      cluster.send(30);
      const whole = logBatches(cluster.log, {
        ...{ topics: ['words'], start: 'earliest', interval, deserialize: string(), scheduler },
        ...{ checkpoint: cluster.checkpointOf('0'), stepTimeout: Infinity, outputTimeout: Infinity },
      });
      whole.pipe(foreachBatch(() => {})).subscribe();
      cluster.at(250, () => void whole.stop());
      let first: TaskProcess | undefined;
      cluster.at(500, () => {
        first = cluster.start('first', {}, writeOnly);
      });
      cluster.at(2_000, () => {
        expect(first?.error).toMatchObject({
          message: expect.stringContaining('splitCheckpoint divides that of a whole job'),
        });
      });
    });
  });
});
