import {
  type Checkpoint,
  deduplicate,
  foreachBatch,
  kafkaPartitioner,
  logTasks,
  mapRecords,
  memoryCheckpoint,
  memoryLog,
  type Pair,
  reduceByKeyAndWindow,
  updateStateByKey,
} from 'dstream';
import { inspectCheckpoint, splitCheckpoint } from 'dstream/node';
import { memoryGroup } from 'dstream/testing';
import { from, lastValueFrom, merge, mergeMap, share } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { changeOf } from '../../src/testing/contracts/checkpointTrial.js';
import { settle } from '../support/savedBatches.js';
import { virtual } from '../support/virtual.js';

const keys = Array.from({ length: 30 }, (_, i) => `key${i}`);
const interval = 100;

/** Works off what is in the log, and returns the latest total and window of each key, and the ids that were new. */
function work(log: ReturnType<typeof memoryLog>, checkpoints: readonly Checkpoint[]) {
  const totals = new Map<string, number>();
  const windows = new Map<string, number>();
  const ids: string[] = [];
  const sources: number[] = [];
  let failure: unknown;
  virtual((scheduler) => {
    const group = memoryGroup({ log, scheduler });
    const tasks = logTasks(log, group, {
      topics: ['words'],
      groupId: 'job',
      start: 'earliest',
      interval,
      deserialize: (view) => view.keyText() ?? '',
      checkpoint: ({ partition }) => checkpoints[partition] as Checkpoint,
      stepTimeout: Infinity,
      outputTimeout: Infinity,
      // Times begin at zero in each scheduler.
      afterDowntime: 'one',
      scheduler,
    });
    tasks
      .pipe(
        mergeMap((task) => {
          sources.push(task.task.partition);
          const pairs = task.pipe(
            mapRecords((key): Pair<string, number> => [key, 1]),
            share(),
          );
          const add = (a: number, b: number) => a + b;
          return merge(
            pairs.pipe(
              updateStateByKey((values, total: number | undefined) => values.length + (total ?? 0), { id: 'totals' }),
              foreachBatch((all) => {
                for (const [key, total] of all) totals.set(key, total);
              }),
            ),
            pairs.pipe(
              reduceByKeyAndWindow(add, { inverse: (a, b) => a - b, window: 1_000 * interval, id: 'windows' }),
              foreachBatch((all) => {
                for (const [key, count] of all) windows.set(key, count);
              }),
            ),
            pairs.pipe(
              deduplicate(([key]) => key, { window: 1_000 * interval, id: 'ids' }),
              foreachBatch((all) => void ids.push(...all.map(([key]) => key))),
            ),
          );
        }),
      )
      .subscribe({
        error: (error: unknown) => {
          failure = error;
        },
      });
    scheduler.schedule(() => void tasks.stop(), 1_050);
  });
  if (failure) throw failure;
  return { totals, windows, ids, sources };
}

const append = (log: ReturnType<typeof memoryLog>) =>
  log.append(
    'words',
    keys.map((key) => ({ key, value: '' })),
  );

describe('splitCheckpoint of tasks', () => {
  it('divides their states anew when partitions were added, and each goes on where its keys are', async () => {
    const log = memoryLog({ topics: { words: 2 } });
    append(log);
    append(log);
    const before = [memoryCheckpoint(), memoryCheckpoint()];
    expect(work(log, before).ids.sort()).toEqual([...keys].sort());

    log.createTopic('words', 5);
    append(log);
    await expect(async () => work(log, before)).rejects.toMatchObject({ code: 'PARTITIONS_CHANGED' });
    const after = Array.from({ length: 5 }, () => memoryCheckpoint());
    await splitCheckpoint({ from: before, of: 5, to: (partition) => after[partition] as Checkpoint });
    const { totals, windows, ids, sources } = work(log, after);
    expect(sources).toEqual([0, 1, 2, 3, 4]);
    expect(new Set(keys.map((key) => kafkaPartitioner(key, 5))).size).toBe(5);
    expect(totals).toEqual(new Map(keys.map((key) => [key, 3])));
    expect(windows).toEqual(new Map(keys.map((key) => [key, 3])));
    expect(ids).toEqual([]);
  });

  it('refuses records that are planned, two tasks with one key, states by event time, and fewer parts than tasks', async () => {
    const task = async (change = changeOf([], [])) => {
      const checkpoint = memoryCheckpoint();
      const session = await lastValueFrom(from(checkpoint.open()));
      const ofTask = changeOf([['partitions', 2]], [], { id: '(task)', operator: 'task' });
      const changes = [ofTask, change].map((one) => session.encode(one));
      await settle(session.save({ time: 10, zeroTime: 0, interval: 10, positions: {}, changes }));
      return checkpoint;
    };
    const split = (from: readonly Checkpoint[], of = 3) => splitCheckpoint({ from, of, to: () => memoryCheckpoint() });
    const same = changeOf([['a', 1]], [], { id: 'totals', operator: 'updateStateByKey' });
    await expect(split([await task(same), await task(same)])).rejects.toThrow('has the key "a" in two tasks');
    const timed = changeOf([['', 1]], [], { id: 'time', operator: 'eventTime' });
    await expect(split([await task(timed), await task(timed)])).rejects.toThrow('of which those of several tasks');
    await expect(split([await task(), await task()], 1)).rejects.toThrow('must be at least the number of tasks (2)');
    await expect(split([await task(), memoryCheckpoint()])).rejects.toThrow('is empty');
    expect(() => split([])).toThrow('from');
    const own = (key: string) => task(changeOf([[key, 1]], [], { id: 'own', operator: 'mine', signature: '' }));
    const description = {
      operator: 'mine',
      id: 'own',
      split: (key: string, n: number, mine: (key: string) => boolean) => (mine(key) ? n : undefined),
    };
    const splitOwn = async (...keys: readonly string[]) => {
      const to = [memoryCheckpoint(), memoryCheckpoint(), memoryCheckpoint()];
      const from = await Promise.all(keys.map(own));
      await splitCheckpoint({ from, of: 3, to: (p) => to[p] as Checkpoint, states: [description] });
      return Promise.all(
        to.map(async (one) => (await inspectCheckpoint(one)).states.find(({ id }) => id === 'own')?.keys),
      );
    };
    await expect(splitOwn('a', 'a')).rejects.toThrow('has the key "a" in two tasks');
    expect((await splitOwn('a', 'b')).reduce((sum, keys = 0) => (sum ?? 0) + keys)).toBe(2);
  });

  it('refuses some of the tasks, and tasks in another order: others would read their partitions from the beginning', async () => {
    const log = memoryLog({ topics: { words: 3 } });
    append(log);
    const [a, b, c] = [memoryCheckpoint(), memoryCheckpoint(), memoryCheckpoint()];
    work(log, [a, b, c]);
    const to = Array.from({ length: 4 }, () => memoryCheckpoint());
    const split = (from: readonly Checkpoint[]) => splitCheckpoint({ from, of: 4, to: (p) => to[p] as Checkpoint });
    const some = 'from[0] ("memory") is of one of 3 tasks: from must have the checkpoints of all of them';
    await expect(split([a, b])).rejects.toThrow(some);
    await expect(split([c])).rejects.toThrow(some);
    await expect(split([a, c, b])).rejects.toThrow(
      'from[1] ("memory") is of task 2: from must have the tasks in the order',
    );
    await split([a, b, c]);
  });
});
