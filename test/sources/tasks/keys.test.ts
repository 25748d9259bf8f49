import {
  aggregateByKey,
  type Batch,
  type Checkpoint,
  countByValue,
  countByWindow,
  foreachBatch,
  groupByKey,
  kafkaPartitioner,
  type LogTasksOptions,
  mapRecords,
  mapWithState,
  type Pair,
  reduceByKey,
  reduceByKeyAndWindow,
  updateStateByKey,
} from 'dstream';
import { count } from 'dstream/aggregators';
import type { Observable, OperatorFunction } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { interval, TaskCluster } from '../../support/taskCluster.js';
import { virtual } from '../../support/virtual.js';

type Pairs = Batch<Pair<string, number>>;
const sum = (a: number, b: number) => a + b;
const byKey: Readonly<Record<string, OperatorFunction<Pairs, Batch<unknown>>>> = {
  reduceByKey: reduceByKey(sum),
  groupByKey: groupByKey(),
  aggregateByKey: aggregateByKey(count()),
  countByValue: (source: Observable<Pairs>) =>
    source.pipe(
      mapRecords(([key]) => key),
      countByValue(),
    ),
  updateStateByKey: updateStateByKey((values) => values.length, { id: 'state' }),
  mapWithState: mapWithState((key) => key, { id: 'state' }),
  reduceByKeyAndWindow: reduceByKeyAndWindow(sum, { window: interval, id: 'state' }),
};

/** Runs a job of two tasks whose records have the key of `keyOf`; returns its error. */
function errorOf(
  operator: OperatorFunction<Pairs, Batch<unknown>>,
  keyOf: (value: string) => string,
  options: Partial<LogTasksOptions<string, Checkpoint>> = {},
): unknown {
  let error: unknown;
  virtual((scheduler) => {
    const cluster = new TaskCluster(scheduler, 2);
    cluster.send(12);
    const first = cluster.start('first', options, (task) =>
      task.pipe(
        mapRecords((value) => [keyOf(value), 1] as const),
        operator,
        foreachBatch(() => {}),
      ),
    );
    cluster.at(2_000, () => {
      error = first.error;
      first.unsubscribe();
    });
  });
  return error;
}

const own = (value: string) => `key-${Number(value) % 12}`;

describe('keys of tasks', () => {
  for (const [name, operator] of Object.entries(byKey)) {
    it(`${name} takes keys of the records, and refuses others`, () => {
      expect(errorOf(operator, own)).toBeUndefined();
      const partition = kafkaPartitioner('all', 2);
      expect(errorOf(operator, () => 'all')).toMatchObject({
        ...{ code: 'FOREIGN_KEY', operator: name, key: 'all' },
        ...{ task: 1 - partition, partition },
      });
    });
  }

  it("are not checked by operators without a key, with keys unchecked, and by a partitioner of one's own", () => {
    expect(errorOf(countByWindow({ window: interval, id: 'state' }), () => 'all')).toBeUndefined();
    expect(errorOf(reduceByKey(sum), () => 'all', { keys: 'unchecked' })).toBeUndefined();
    const partitioner = (key: unknown, of: number) => 1 - kafkaPartitioner(String(key), of);
    expect(errorOf(reduceByKey(sum), own, { partitioner })).toMatchObject({ code: 'FOREIGN_KEY' });
  });
});
