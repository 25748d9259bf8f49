import {
  foreachBatch,
  joinTable,
  type LogClient,
  logSource,
  logTable,
  logTasksFrom,
  mapRecords,
  memoryLog,
  string,
  tableFrom,
} from 'dstream';
import { memoryGroup } from 'dstream/testing';
import { mergeMap, of } from 'rxjs';
import type { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { virtual } from '../../support/virtual.js';

const text = string();

/** A log that counts the records that are fetched of the topic `users`. */
function counting(log: LogClient): { readonly client: LogClient; readonly asked: { from: number; connected: number } } {
  const asked = { from: 0, connected: 0 };
  const client: LogClient = {
    name: log.name,
    connect: () => {
      asked.connected++;
      return log.connect();
    },
    fetch: (requests, options) => {
      if (requests.some(({ offset }) => offset === 0)) asked.from++;
      return log.fetch(requests, options);
    },
    partitions: (topics) => log.partitions(topics),
    offsets: (partitions, point, options) => log.offsets(partitions, point, options),
    committed: (groupId, partitions) => log.committed(groupId, partitions),
    commit: (groupId, positions) => log.commit(groupId, positions),
    close: () => log.close(),
  };
  return { client, asked };
}

function job(scheduler: TestScheduler, { tasks: partitions = 3, users = 40 } = {}) {
  const log = memoryLog({ topics: { clicks: partitions, users: 2 }, scheduler });
  const { client, asked } = counting(log);
  const group = memoryGroup({ log, scheduler });
  log.append(
    'users',
    Array.from({ length: users }, (_, i) => ({ key: `u${i}`, value: `city ${i}` })),
  );
  const joined: string[] = [];
  const errors: unknown[] = [];
  const tasks = logTasksFrom(
    log,
    group,
    {
      clicks: { topics: ['clicks'], start: 'earliest', deserialize: text },
      users: logTable(client, { topic: 'users', deserialize: text }),
    },
    { groupId: 'job', interval: 100, scheduler, stepTimeout: Infinity, outputTimeout: Infinity },
  );
  tasks
    .pipe(
      mergeMap(({ task, streams: { clicks, users } }) =>
        clicks.pipe(
          mapRecords((user) => [String(user), 'click']),
          joinTable(users, { missing: 'keep' }),
          foreachBatch((records) => {
            for (const [user, [, city]] of records) joined.push(`${task.id} ${user} ${city}`);
          }),
        ),
      ),
    )
    .subscribe({ error: (error: unknown) => errors.push(error) });
  const click = (user: string) => {
    for (let partition = 0; partition < partitions; partition++) log.append('clicks', [{ value: user, partition }]);
  };
  return { log, asked, joined, errors, tasks, click };
}

describe('a table of tasks', () => {
  it('is whole in every task, kept in step, and read once', () => {
    virtual((scheduler) => {
      const { log, asked, joined, errors, tasks, click } = job(scheduler);
      click('u7');
      const at = (time: number, work: () => void) => scheduler.schedule(work, time);
      at(3_000, () => {
        expect(joined.splice(0).sort()).toEqual(['0 u7 city 7', '1 u7 city 7', '2 u7 city 7']);
        log.append('users', [
          { key: 'u7', value: 'Oslo' },
          { key: 'u8', value: null },
        ]);
      });
      at(4_000, () => {
        click('u7');
        click('u8');
        click('u39');
      });
      at(5_000, () => {
        const each = [0, 1, 2].flatMap((task) => [`${task} u39 city 39`, `${task} u7 Oslo`, `${task} u8 undefined`]);
        expect(joined.splice(0).sort()).toEqual(each.sort());
        // The two partitions of the table, and no more for three tasks.
        expect(asked.connected).toBe(1);
        expect(asked.from).toBeLessThanOrEqual(2);
        void tasks.stop();
      });
      at(20_000, () => expect(errors).toEqual([]));
    });
  });

  it('reaches a task that had missed more than is kept, whole', () => {
    virtual((scheduler) => {
      const { log, joined, errors, tasks, click } = job(scheduler, { tasks: 1, users: 3 });
      click('u0');
      scheduler.schedule(() => {
        for (let round = 0; round < 3; round++) {
          log.append(
            'users',
            Array.from({ length: 2_000 }, (_, i) => ({ key: `u${i}`, value: `round ${round}` })),
          );
        }
        log.append('users', [{ key: 'u1', value: null }]);
      }, 2_000);
      scheduler.schedule(() => {
        click('u0');
        click('u1');
        click('u1999');
      }, 4_000);
      scheduler.schedule(() => {
        expect(joined).toEqual(['0 u0 city 0', '0 u0 round 2', '0 u1 undefined', '0 u1999 round 2']);
        void tasks.stop();
      }, 6_000);
      scheduler.schedule(() => expect(errors).toEqual([]), 20_000);
    });
  });

  it('fails the tasks when it cannot be read', () => {
    virtual((scheduler) => {
      const log = memoryLog({ topics: { clicks: 1 }, scheduler });
      const errors: unknown[] = [];
      logTasksFrom(
        log,
        memoryGroup({ log, scheduler }),
        {
          clicks: { topics: ['clicks'], deserialize: text },
          users: logTable(log, { topic: 'nobody', deserialize: text }),
        },
        { groupId: 'job', interval: 100, scheduler },
      )
        .pipe(
          mergeMap(({ streams: { clicks, users } }) =>
            clicks.pipe(
              mapRecords((one) => [String(one), 1]),
              joinTable(users),
            ),
          ),
        )
        .subscribe({ error: (error: unknown) => errors.push(error) });
      scheduler.schedule(() => expect(String(errors[0])).toContain('"nobody" does not exist'), 5_000);
    });
  });

  it('refuses sources that are no tables, and tables alone', () => {
    const log = memoryLog({ topics: { clicks: 1 } });
    const options = { groupId: 'job', interval: 100 };
    const clicks = logSource(log, { topics: ['clicks'], deserialize: text });
    const group = memoryGroup({ log });
    const table = tableFrom(() => of(new Map([['a', 1]])));
    expect(() => logTasksFrom(log, group, { clicks } as never, options)).toThrow(/sources.clicks/);
    expect(() => logTasksFrom(log, group, { table }, options)).toThrow(/must have topics too/);
  });
});
