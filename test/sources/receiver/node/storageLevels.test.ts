import { mkdtempSync, readdirSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BatchInfo,
  foreachBatch,
  memoryCheckpoint,
  memoryWriteAheadLog,
  type ReceiverBatchesOptions,
  receiverBatches,
  type StorageLevel,
  type WriteAheadLog,
  type WriteAheadLogSession,
} from 'dstream';
import { type BlockCodec, fileBlockStore, fileWriteAheadLog } from 'dstream/node';
import { timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { settle } from '../../../support/savedBatches.js';

const newDirectory = () => mkdtempSync(join(tmpdir(), 'dstream-level-'));
const bytesIn = (directory: string) =>
  readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);

/** Ten times as much as fits into memory. */
const maxQueueBytes = 1_000_000;
const count = 10_000;
const records = Array.from({ length: count }, (_, i) => `${i}`.padEnd(1_000));
const numberOf = (record: string) => Number(record.slice(0, 10));

/** Runs to the end of a burst that is there at once; returns the numbers that batches had, in order. */
function burst(options: Partial<ReceiverBatchesOptions<string>>, source: readonly string[] = records) {
  const numbers: number[] = [];
  const infos: BatchInfo[] = [];
  return new Promise<{ numbers: readonly number[]; infos: readonly BatchInfo[] }>((resolve, reject) => {
    receiverBatches<string>(
      ({ store, complete }) => {
        for (const record of source) store(record);
        complete();
      },
      { interval: 20, maxQueueBytes, ...options, batchObserver: { next: (info) => infos.push(info) } },
    )
      .pipe(foreachBatch((batch) => void numbers.push(...batch.map(numberOf))))
      .subscribe({ error: reject, complete: () => resolve({ numbers, infos }) });
  });
}

/** The same, but pulled. */
function pulled(options: Partial<ReceiverBatchesOptions<string>>) {
  const numbers: number[] = [];
  const infos: BatchInfo[] = [];
  return new Promise<{ numbers: readonly number[]; infos: readonly BatchInfo[] }>((resolve, reject) => {
    receiverBatches<string>(records, {
      interval: 20,
      maxQueueBytes,
      ...options,
      batchObserver: { next: (info) => infos.push(info) },
    })
      .pipe(
        foreachBatch((batch) => {
          numbers.push(...batch.map(numberOf));
          // Slower than the disk.
          return timer(batch.length > 0 ? 30 : 0);
        }),
      )
      .subscribe({ error: reject, complete: () => resolve({ numbers, infos }) });
  });
}

const levels: readonly Exclude<StorageLevel, 'memory'>[] = ['memory-and-disk', 'disk'];
const memoryOf = ({ inputs }: BatchInfo) => inputs.receiver?.receiver?.queuedBytes ?? -1;
const diskOf = ({ inputs }: BatchInfo) => inputs.receiver?.receiver?.diskBytes ?? -1;
const all = records.map(numberOf);

describe.each(levels)('the storage level %s', (storageLevel) => {
  it('keeps a burst of ten times its memory on the disk of a block store, once and in order', async () => {
    const directory = newDirectory();
    const { numbers, infos } = await pulled({ storageLevel, blockStore: fileBlockStore(directory) });
    expect(numbers).toEqual(all);
    expect(Math.max(...infos.map(memoryOf))).toBeLessThanOrEqual(maxQueueBytes + 1_100);
    expect(Math.max(...infos.map(diskOf))).toBeGreaterThan(500_000);
    // Each batch takes about half of the memory at most.
    expect(Math.max(...infos.map((info) => info.records))).toBeLessThanOrEqual(1_100);
  });

  it('keeps a burst on the disk of the write-ahead log, and writes nothing twice', async () => {
    const directory = newDirectory();
    const writeAheadLog = fileWriteAheadLog(directory, { segmentBytes: 1e9 });
    const { numbers, infos } = await pulled({ storageLevel, writeAheadLog, checkpoint: memoryCheckpoint() });
    expect(numbers).toEqual(all);
    expect(Math.max(...infos.map(memoryOf))).toBeLessThanOrEqual(maxQueueBytes + 1_100);
    expect(Math.max(...infos.map(diskOf))).toBeGreaterThan(500_000);
    expect(bytesIn(directory)).toBeLessThan(1.1 * count * 1_003);
  });

  it('replays what was planned, and gives what no batch had, from the log after a crash', async () => {
    const directory = newDirectory();
    const checkpoint = memoryCheckpoint();
    const options = { storageLevel, checkpoint, writeAheadLog: fileWriteAheadLog(directory) };
    const seen: number[] = [];
    const run = (source: readonly string[], crashAfter: number) =>
      new Promise<unknown>((resolve) => {
        receiverBatches(source, { interval: 20, maxQueueBytes, ...options })
          .pipe(
            foreachBatch((batch) => {
              if (seen.length >= crashAfter) throw new Error('crash');
              seen.push(...batch.map(numberOf));
            }),
          )
          .subscribe({ error: resolve, complete: () => resolve('complete') });
      });
    expect(await run(records, 5_000)).toEqual(new Error('crash'));
    expect(await run([], Infinity)).toBe('complete');
    // What was pulled when it crashed, each once and in order.
    expect(seen.length).toBeGreaterThan(5_000);
    expect(seen).toEqual(all.slice(0, seen.length));
  });

  it('fails with overflow when the disk is slower than a sender that cannot wait', async () => {
    const blockStore = fileBlockStore(newDirectory());
    await expect(burst({ storageLevel, blockStore })).rejects.toMatchObject({ code: 'QUEUE_OVERFLOW', unit: 'bytes' });
  });

  it('needs one place on disk that can be read back', async () => {
    const blockStore = fileBlockStore(newDirectory());
    const make = (options: Partial<ReceiverBatchesOptions>) => () => receiverBatches([], { interval: 20, ...options });
    expect(make({ storageLevel })).toThrow(`storageLevel ("${storageLevel}") needs a writeAheadLog or a blockStore`);
    expect(make({ storageLevel, blockStore, overflow: 'drop-oldest' })).toThrow('what is on disk is not dropped');
    const writeAheadLog = memoryWriteAheadLog();
    expect(make({ storageLevel, blockStore, writeAheadLog, checkpoint: memoryCheckpoint() })).toThrow(
      'one of them only',
    );
    expect(make({ blockStore })).toThrow('needs a storageLevel that uses the disk');
    expect(make({ maxBatchBytes: 5 })).toThrow('maxBatchBytes (5) needs a storageLevel that uses the disk');
    const unreadable = burst({ storageLevel, writeAheadLog, checkpoint: memoryCheckpoint() });
    await expect(unreadable).rejects.toThrow('needs a log that can read blocks back, and memory cannot');
  });
});

describe('the storage level memory', () => {
  it('stays within its bound over ten times as much', async () => {
    const { numbers, infos } = await pulled({});
    expect(numbers).toEqual(all);
    expect(Math.max(...infos.map(memoryOf))).toBeLessThanOrEqual(maxQueueBytes + 1_100);
  });
});

describe('a codec', () => {
  class Reading {
    constructor(readonly value: number) {}
  }
  const codec: BlockCodec = {
    name: 'readings',
    encode: (readings) => Buffer.from(JSON.stringify(readings.map((reading) => (reading as Reading).value))),
    decode: (bytes) => JSON.parse(Buffer.from(bytes).toString()).map((value: number) => new Reading(value)),
  };

  it('writes and reads what the default one refuses, and files of another codec are refused', async () => {
    const directory = newDirectory();
    const open = async (log: WriteAheadLog) =>
      (await settle(log.open({ saved: 0, planned: 0 }))) as WriteAheadLogSession;
    const session = await open(fileWriteAheadLog(directory, { codec }));
    session.check?.(new Reading(1));
    await settle(session.append({ from: 0, records: [new Reading(1), new Reading(2)] }));
    await settle(session.close());
    await expect(open(fileWriteAheadLog(directory))).rejects.toThrow(
      'it was written with the codec "readings", not with the default codec',
    );
    const again = await open(fileWriteAheadLog(directory, { codec }));
    expect(again.recovered()).toEqual([{ from: 0, records: [new Reading(1), new Reading(2)] }]);
    await settle(again.close());
  });

  it('has options that are checked', () => {
    const of = (bad: Partial<BlockCodec>) => () => fileWriteAheadLog('x', { codec: { ...codec, ...bad } });
    expect(of({ name: '' })).toThrow('fileWriteAheadLog: codec.name ("")');
    expect(of({ encode: 1 as never })).toThrow('codec.encode (1)');
    expect(of({ decode: undefined as never })).toThrow('codec.decode (undefined)');
  });
});
