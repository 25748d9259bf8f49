import { config } from 'rxjs';
import { afterEach, expect, it } from 'vitest';
import { TaskCluster } from '../../support/taskCluster.js';
import { virtual } from '../../support/virtual.js';

afterEach(() => {
  config.onUnhandledError = null;
});

it('a group observer that throws is reported, and the tasks are worked on all the same', () => {
  const errors: unknown[] = [];
  config.onUnhandledError = (error) => errors.push(error);
  virtual((scheduler) => {
    const cluster = new TaskCluster(scheduler);
    cluster.send(30);
    const groupObserver = {
      next: ({ type }: { readonly type: string }) => {
        throw new Error(type);
      },
    };
    const first = cluster.start('first', { groupObserver });
    cluster.at(3_000, () => {
      expect(cluster.records).toEqual(Array.from({ length: 30 }, (_, i) => i));
      expect(errors).toEqual([new Error('joined'), new Error('assigned')]);
      first.unsubscribe();
    });
  });
});
