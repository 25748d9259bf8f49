import {
  batchesFrom,
  type Checkpoint,
  type DriverOptions,
  foreachBatch,
  InvalidOptionError,
  logBatches,
  logSource,
  memoryCheckpoint,
  memoryLog,
  string,
} from 'dstream';
import { VirtualTimeScheduler } from 'rxjs';
import { expect, it } from 'vitest';

type Orphans = DriverOptions['orphans'];

/** Two topics, read under the names that a life gives them. */
function twoTopics() {
  const log = memoryLog({ topics: { clicks: 1, users: 1 } });
  const checkpoint = memoryCheckpoint();
  const source = (topic: string) => logSource(log, { topics: [topic], start: 'earliest', deserialize: string() });
  const append = (topic: string, value: string) => log.append(topic, [{ value }]);
  const run = (
    [begin, end]: readonly [number, number],
    names: Readonly<Record<string, string>>,
    orphans: Orphans = 'refuse',
  ) =>
    life(
      checkpoint,
      [begin, end],
      Object.entries(names).map(([name, topic]) => [name, source(topic)] as const),
      orphans,
    );
  append('clicks', 'c1');
  append('users', 'u1');
  expect(run([0, 20], { clicks: 'clicks', users: 'users' })).toEqual({
    written: ['clicks c1', 'users u1'],
    errors: [],
  });
  append('clicks', 'c2');
  append('users', 'u2');
  return { log, checkpoint, run };
}

function life(
  checkpoint: Checkpoint,
  [begin, end]: readonly [number, number],
  sources: readonly (readonly [name: string, source: ReturnType<typeof logSource<string | null>>])[],
  orphans: Orphans,
) {
  const written: string[] = [];
  const errors: unknown[] = [];
  const scheduler = new VirtualTimeScheduler(undefined, end);
  scheduler.frame = begin;
  const options = { interval: 10, scheduler, checkpoint, ...(orphans && { orphans }) };
  const streams = batchesFrom(Object.fromEntries(sources), options);
  const subscriptions = Object.entries(streams).map(([name, stream]) =>
    stream
      .pipe(foreachBatch((records) => void (records.length > 0 && written.push(`${name} ${records.join(' ')}`))))
      .subscribe({ error: (error) => errors.push(error) }),
  );
  scheduler.flush();
  for (const subscription of subscriptions) subscription.unsubscribe();
  return { written, errors };
}

it('a source that was renamed is refused before any output, with what helps', () => {
  const { run } = twoTopics();
  const { written, errors } = run([20, 40], { clicks: 'clicks', people: 'users' });
  expect(written).toEqual([]);
  expect(errors[0]).toBeInstanceOf(InvalidOptionError);
  expect(String(errors[0])).toContain(
    'batchesFrom: sources (["clicks","people"]) must have "users", whose position is in the checkpoint: ' +
      "restore the name of the source, or set orphans to 'drop' or 'keep'",
  );
});

it('a source that is gone is dropped, and begins at its start when it is back', () => {
  const { run } = twoTopics();
  expect(run([20, 40], { clicks: 'clicks' }, 'drop')).toEqual({ written: ['clicks c2'], errors: [] });
  expect(run([40, 60], { clicks: 'clicks', users: 'users' })).toEqual({ written: ['users u1 u2'], errors: [] });
});

it('a source that is gone is kept, and goes on where it was when it is back', () => {
  const { run } = twoTopics();
  expect(run([20, 40], { clicks: 'clicks' }, 'keep')).toEqual({ written: ['clicks c2'], errors: [] });
  expect(run([40, 60], { clicks: 'clicks', users: 'users' })).toEqual({ written: ['users u2'], errors: [] });
});

it('a source that is new begins at its start', () => {
  const { log, run } = twoTopics();
  log.createTopic('orders');
  log.append('orders', [{ value: 'o1' }]);
  expect(run([20, 40], { clicks: 'clicks', users: 'users', orders: 'orders' })).toEqual({
    written: ['clicks c2', 'users u2', 'orders o1'],
    errors: [],
  });
});

it('a stream of one source does not take the checkpoint of another stream for its own', () => {
  const { log, checkpoint } = twoTopics();
  const errors: unknown[] = [];
  const scheduler = new VirtualTimeScheduler(undefined, 40);
  scheduler.frame = 20;
  const options = { topics: ['clicks'], deserialize: string(), interval: 10, scheduler, checkpoint };
  logBatches(log, options)
    .pipe(foreachBatch(() => {}))
    .subscribe({ error: (error) => errors.push(error) });
  scheduler.flush();
  expect(String(errors[0])).toContain(
    'logBatches: checkpoint ("memory") is of a stream that reads "clicks", "users", whose position is in the checkpoint',
  );
});
