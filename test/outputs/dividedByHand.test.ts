import { mkdir, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  batchesFrom,
  type Checkpoint,
  foreachBatch,
  foreachPartitionOnce,
  logBatches,
  logSource,
  memoryCheckpoint,
  memoryLog,
  type PlannedBatch,
  type TopicPartition,
  unionBatches,
} from 'dstream';
import { inspectCheckpoint, saveAsTextFiles, splitCheckpoint } from 'dstream/node';
import { from, lastValueFrom, merge } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { settle } from '../support/savedBatches.js';
import { virtual } from '../support/virtual.js';

const interval = 100;

type Log = ReturnType<typeof memoryLog>;

/** A log with records of four partitions, each of which says where it is. */
function filled(): Log {
  const log = memoryLog({ topics: { words: 4 } });
  for (const partition of [0, 1, 2, 3]) log.append('words', [{ value: `of ${partition}`, partition }]);
  return log;
}

interface Run {
  /** The batch of this number fails after its output, once. */
  readonly failsAt?: number;
  /** What is done when that many batches are complete. */
  readonly batches?: number;
}

/** Reads these partitions of the log and writes each record once, by the id of its partition of the batch. */
function writeOnce(
  log: Log,
  store: Map<string, readonly string[]>,
  all: readonly { readonly of: readonly number[]; readonly checkpoint: Checkpoint }[],
  { failsAt, batches = 3 }: Run = {},
): unknown {
  let failure: unknown;
  virtual((scheduler) => {
    const streams = all.map(({ of, checkpoint }) => {
      let seen = 0;
      return logBatches(log, {
        partitions: of.map((partition): TopicPartition => ({ topic: 'words', partition })),
        start: 'earliest',
        interval,
        deserialize: (view) => view.valueText() ?? '',
        checkpoint,
        scheduler,
        afterDowntime: 'one',
      }).pipe(
        foreachPartitionOnce<string>(({ records }, { id }) => void store.set(id, records), {
          written: (ids) => [ids.filter((id) => store.has(id))],
        }),
        foreachBatch(() => {
          if (++seen === failsAt) throw new Error('crashed after the output');
        }),
      );
    });
    const running = merge(...streams).subscribe({
      error: (error: unknown) => {
        failure = error;
      },
    });
    scheduler.schedule(() => running.unsubscribe(), (batches + 0.5) * interval);
  });
  return failure;
}

/** Plans a batch, as the run that ends thereby. */
async function plan(checkpoint: Checkpoint, batch: Pick<PlannedBatch, 'ranges' | 'selection'>): Promise<void> {
  const session = await lastValueFrom(from(checkpoint.open()));
  await settle(session.plan({ time: interval, zeroTime: 0, interval, ...batch }));
  await settle(session.close());
}

const plannedIn = async (checkpoint: Checkpoint) => (await inspectCheckpoint(checkpoint)).planned;

const recordsIn = (store: ReadonlyMap<string, readonly string[]>) => [...store.values()].flat().sort();
const everything = ['of 0', 'of 1', 'of 2', 'of 3'];

describe('streams that divide a topic by hand', () => {
  it('write each record by ids of their own', () => {
    const store = new Map<string, readonly string[]>();
    const parts = [[0], [1], [2, 3]].map((of) => ({ of, checkpoint: memoryCheckpoint() }));
    expect(writeOnce(filled(), store, parts)).toBeUndefined();
    expect(recordsIn(store)).toEqual(everything);
  });

  it('write files of names of their own', async () => {
    const directory = join(tmpdir(), `divided-${process.pid}-${Date.now()}`);
    await mkdir(directory, { recursive: true });
    const log = filled();
    const streams = [
      [0, 2],
      [1, 3],
    ].map((of) =>
      logBatches(log, {
        partitions: of.map((partition) => ({ topic: 'words', partition })),
        start: 'earliest',
        until: 'latest',
        interval: 10,
        deserialize: (view) => view.valueText() ?? '',
      }).pipe(saveAsTextFiles(`${directory}/`)),
    );
    await lastValueFrom(merge(...streams));
    const names = await readdir(directory);
    const texts = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')));
    expect(texts.flatMap((text) => text.split('\n').filter(Boolean)).sort()).toEqual(everything);
    expect(names.every((name) => /^\d+-part-words-[01]_[0-9a-f]{8}-0000[01]$/.test(name))).toBe(true);
  });

  it('write a batch that runs again under its former ids, even with other partitions', () => {
    const store = new Map<string, readonly string[]>();
    const checkpoint = memoryCheckpoint();
    const log = filled();
    expect(writeOnce(log, store, [{ of: [0, 1], checkpoint }], { failsAt: 1 })).toBeInstanceOf(Error);
    const before = [...store.keys()];
    expect(before.length).toBe(2);
    expect(writeOnce(log, store, [{ of: [1, 0, 2], checkpoint }])).toBeUndefined();
    expect([...store.keys()].slice(0, 2)).toEqual(before);
    expect(recordsIn(store)).toEqual(['of 0', 'of 1', 'of 2']);
  });

  it('save the partitions that they were given with the plan of a batch', async () => {
    const checkpoint = memoryCheckpoint();
    writeOnce(filled(), new Map(), [{ of: [1], checkpoint }], { failsAt: 1 });
    const [{ ranges, selection } = {} as PlannedBatch] = await plannedIn(checkpoint);
    expect(Object.keys(ranges)).toEqual(['log']);
    expect(selection).toBe('words-1');
  });

  it.each<[string, Pick<PlannedBatch, 'ranges' | 'selection'>]>([
    ['', { ranges: {}, selection: 'words-1_0badcafe' }],
    [' as the source without ranges that it was', { ranges: { '(words-1_0badcafe)': [] } }],
  ])('write a batch by the ids of the selection that it was saved with%s', async (_, { ranges, ...selection }) => {
    const checkpoint = memoryCheckpoint();
    const range = { topic: 'words', partition: 1, from: 0, until: 1 };
    await plan(checkpoint, { ranges: { log: [range], ...ranges }, ...selection });
    const log = filled();
    log.append('words', [{ value: 'later', partition: 1 }]);
    const store = new Map<string, readonly string[]>([['100-words-1_0badcafe-0', ['of 1']]]);
    expect(writeOnce(log, store, [{ of: [1], checkpoint }])).toBeUndefined();
    expect(recordsIn(store)).toEqual(['later', 'of 1']);
    expect([...store.keys()][1]).toMatch(/^\d+-words-1-0$/);
  });

  it.each(['(x)', '(x-0)', '(words-0_0badcafe)'])('do not take a source called %s for what they were given', (name) => {
    const log = memoryLog({ topics: { words: 1, quiet: 1 } });
    log.append('words', [{ value: 'one' }]);
    const checkpoint = memoryCheckpoint();
    const ids: string[] = [];
    const life = (fails: boolean) =>
      virtual((scheduler) => {
        const of = (topic: string) =>
          logSource(log, { topics: [topic], start: 'earliest', deserialize: (view) => view.valueText() ?? '' });
        const streams = batchesFrom({ words: of('words'), [name]: of('quiet') }, { interval, scheduler, checkpoint });
        const running = streams.words
          .pipe(
            unionBatches(streams[name] as typeof streams.words),
            foreachPartitionOnce<string>(({ records }, { id }) => void (records.length > 0 && ids.push(id)), {
              written: () => [[]],
            }),
            foreachBatch(() => {
              if (fails) throw new Error('crashed after the output');
            }),
          )
          .subscribe({ error: () => {} });
        scheduler.schedule(() => running.unsubscribe(), 1.5 * interval);
      });
    life(true);
    life(false);
    expect(ids).toEqual(['100-0', '100-0']);
  });

  it('go on exactly once from a checkpoint whose planned batches have the ids of an earlier version', async () => {
    const checkpoint = memoryCheckpoint();
    const range = { topic: 'words', partition: 1, from: 0, until: 1 };
    await plan(checkpoint, { ranges: { log: [range] } });
    const log = filled();
    log.append('words', [{ value: 'later', partition: 1 }]);
    // It was written, and the process ended before the batch was saved.
    const store = new Map<string, readonly string[]>([['100-0', ['of 1']]]);
    expect(writeOnce(log, store, [{ of: [1], checkpoint }])).toBeUndefined();
    expect(recordsIn(store)).toEqual(['later', 'of 1']);
    expect([...store.keys()][1]).toMatch(/^\d+-words-1-0$/);
  });

  it.each<[string, Pick<PlannedBatch, 'ranges' | 'selection'>]>([
    ['', { ranges: {} }],
    [' with a selection', { ranges: {}, selection: 'words-0_0badcafe' }],
    [' with a selection as the source without ranges that it was', { ranges: { '(words-0_0badcafe)': [] } }],
  ])('write what one stream has planned%s by ids of their own, once its checkpoint is split', async (_, given) => {
    const checkpoint = memoryCheckpoint();
    const ranges = [0, 1, 2, 3].map((partition) => ({ topic: 'words', partition, from: 0, until: 1 }));
    await plan(checkpoint, { ...given, ranges: { log: ranges, ...given.ranges } });
    const parts = [0, 1, 2, 3].map((partition) => ({ of: [partition], checkpoint: memoryCheckpoint() }));
    await splitCheckpoint({ from: checkpoint, of: 4, to: (partition) => parts[partition]?.checkpoint as Checkpoint });
    const store = new Map<string, readonly string[]>();
    expect(writeOnce(filled(), store, parts)).toBeUndefined();
    expect(recordsIn(store)).toEqual(everything);
    const ids = [...store].filter(([, records]) => records.length > 0).map(([id]) => id);
    expect(ids.sort()).toEqual([0, 1, 2, 3].map((partition) => `100-words-${partition}-0`));
  });

  it('leave the ranges of a source with a name in brackets when a checkpoint is split', async () => {
    const checkpoint = memoryCheckpoint();
    const ranges = [0, 1].map((partition) => ({ topic: 'words', partition, from: 0, until: 1 }));
    await plan(checkpoint, { ranges: { '(x)': ranges, '(x-0)': ranges } });
    const parts = [memoryCheckpoint(), memoryCheckpoint()];
    await splitCheckpoint({ from: checkpoint, of: 2, to: (partition) => parts[partition] as Checkpoint });
    for (const [partition, part] of parts.entries()) {
      const [{ ranges: own } = {} as PlannedBatch] = await plannedIn(part);
      expect(own).toEqual({ '(x)': [ranges[partition]], '(x-0)': [ranges[partition]] });
    }
  });
});
