import { mkdir, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Checkpoint,
  foreachBatch,
  foreachPartitionOnce,
  logBatches,
  memoryCheckpoint,
  memoryLog,
  type TopicPartition,
} from 'dstream';
import { saveAsTextFiles, splitCheckpoint } from 'dstream/node';
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

  it('go on exactly once from a checkpoint whose planned batches have the ids of an earlier version', async () => {
    const checkpoint = memoryCheckpoint();
    const session = await lastValueFrom(from(checkpoint.open()));
    const range = { topic: 'words', partition: 1, from: 0, until: 1 };
    await settle(session.plan({ time: interval, zeroTime: 0, interval, ranges: { log: [range] } }));
    await settle(session.close());
    const log = filled();
    log.append('words', [{ value: 'later', partition: 1 }]);
    // It was written, and the process ended before the batch was saved.
    const store = new Map<string, readonly string[]>([['100-0', ['of 1']]]);
    expect(writeOnce(log, store, [{ of: [1], checkpoint }])).toBeUndefined();
    expect(recordsIn(store)).toEqual(['later', 'of 1']);
    expect([...store.keys()][1]).toMatch(/^\d+-words-1-0$/);
  });

  it('write what one stream has planned by ids of their own, once its checkpoint is split', async () => {
    const checkpoint = memoryCheckpoint();
    const session = await lastValueFrom(from(checkpoint.open()));
    const ranges = [0, 1, 2, 3].map((partition) => ({ topic: 'words', partition, from: 0, until: 1 }));
    await settle(session.plan({ time: interval, zeroTime: 0, interval, ranges: { log: ranges } }));
    await settle(session.close());
    const parts = [0, 1, 2, 3].map((partition) => ({ of: [partition], checkpoint: memoryCheckpoint() }));
    await splitCheckpoint({ from: checkpoint, of: 4, to: (partition) => parts[partition]?.checkpoint as Checkpoint });
    const store = new Map<string, readonly string[]>();
    expect(writeOnce(filled(), store, parts)).toBeUndefined();
    expect(recordsIn(store)).toEqual(everything);
  });
});
