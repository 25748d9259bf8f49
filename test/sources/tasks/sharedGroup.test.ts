import { expect, it } from 'vitest';
import { TaskCluster, type TaskProcess } from '../../support/taskCluster.js';
import { virtual } from '../../support/virtual.js';

it('a job that has the group of another one fails, and the other one goes on: half of the records of both were read by nobody', () => {
  virtual((scheduler) => {
    const cluster = new TaskCluster(scheduler);
    cluster.log.createTopic('other words', 4);
    cluster.send(60);
    const first = cluster.start('first');
    const second = cluster.start('second', { topics: ['other words'] });
    const third = cluster.start('third', { topics: [/^other/g] });
    cluster.at(4_000, () => {
      for (const { error } of [second, third]) {
        expect(error).toMatchObject({
          code: 'INVALID_OPTION',
          message: expect.stringContaining('logTasks: groupId ("job") is that of a job that reads words'),
        });
      }
      expect(first.error).toBeUndefined();
      expect(cluster.records).toEqual(Array.from({ length: 60 }, (_, i) => i));
      expect(cluster.tasksOf('first')).toEqual(['0', '1', '2', '3']);
      first.unsubscribe();
    });
  });
});

it('of two processes with one instance id the older one fails, and the newer one works', () => {
  virtual((scheduler) => {
    const cluster = new TaskCluster(scheduler);
    cluster.send(60);
    const older = cluster.start('older', { instanceId: 'pod-0' });
    let newer: TaskProcess | undefined;
    cluster.at(1_050, () => {
      newer = cluster.start('newer', { instanceId: 'pod-0' });
    });
    cluster.at(4_000, () => {
      expect(older.error).toMatchObject({ code: 'FENCED', location: 'group "job", instance id "pod-0"' });
      expect(newer?.error).toBeUndefined();
      expect(cluster.tasksOf('newer')).toEqual(['0', '1', '2', '3']);
      expect(cluster.records).toEqual(Array.from({ length: 60 }, (_, i) => i));
      newer?.unsubscribe();
    });
  });
});
