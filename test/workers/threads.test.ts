import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import {
  foreachBatch,
  fromBatches,
  InvalidOptionError,
  json,
  logBatches,
  memoryCheckpoint,
  memoryLog,
  PartitionFailedError,
  TimedOutError,
  UncloneableRecordError,
} from 'dstream';
import { type MapPartitionsInThreadsOptions, mapPartitionsInThreads } from 'dstream/workers';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';
import { mapPartitionsInPool } from '../../src/workers/mapPartitionsInThreads.js';
import { partitionThreads } from '../../src/workers/partitionThread.js';
import { threadEntry } from '../support/threadEntry.js';
import { niceOf } from './jobs/niceOf.mjs';

// Real threads: what happens in them, and what comes back.

type Act = readonly [act: string, value?: unknown];

const directory = mkdtempSync(join(tmpdir(), 'dstream-threads-'));
afterAll(() => rmSync(directory, { recursive: true }));

const parse = new URL('./jobs/parse.mjs', import.meta.url);
const entry = threadEntry('partitionWorker');
const inThreads = (options: MapPartitionsInThreadsOptions = {}, url = parse) =>
  mapPartitionsInPool<Act, unknown>(partitionThreads(url, {}, options.niceness ?? 5, entry), url, {
    threads: 2,
    ...options,
  });

describe('mapPartitionsInThreads, in threads', () => {
  it('copies what structured clone can, and runs an exited partition again', async () => {
    const batch: Act[] = [
      ['thread'],
      ['measure', 5],
      ['bytes', Buffer.from('ab')],
      ['exit', join(directory, 'exited')],
      ['context'],
      ['thread'],
    ];
    const { records, partitions } = await firstValueFrom(fromBatches([batch], { interval: 5 }).pipe(inThreads()));
    expect(partitions.map(({ index, records }) => [index, records.length])).toEqual([
      [0, 3],
      [1, 3],
    ]);
    const [thread, measure, bytes, exited, context, other] = records;
    expect(measure).toStrictEqual({ value: 5 });
    expect(bytes).toEqual(['Uint8Array', 97, 98]);
    expect(exited).toBe('came again');
    expect(context).toMatchObject({ id: expect.stringMatching(/^\d+-1$/), interval: 5, attempt: 1 });
    expect(typeof thread).toBe('number');
    expect([thread, other]).not.toContain(threadId);
  });

  it('starts its own side of a thread', async () => {
    const execArgv = ['--import', new URL('../support/tsInThreads.mjs', import.meta.url).href];
    const one = fromBatches<Act>([[['measure', 1]]], { interval: 5, partitions: 1 });
    const operator = mapPartitionsInThreads<Act, unknown>(parse, { threads: 1, worker: { execArgv } });
    expect((await firstValueFrom(one.pipe(operator))).records).toEqual([{ value: 1 }]);
  });

  it('fails by what is thrown there, with message, stack and fields, and goes on in the same thread', async () => {
    const failure = firstValueFrom(
      fromBatches<Act>([[['throw', 'no number']]], { interval: 5, partitions: 1 }).pipe(inThreads()),
    );
    const error = await failure.catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(PartitionFailedError);
    const { cause } = error as { cause: Error };
    expect(cause).toMatchObject({ name: 'TypeError', message: 'no number', sensor: 7 });
    expect(cause.stack).toContain('parse.mjs');
  });

  it.each([
    [
      'a result that cannot be copied',
      [['make']],
      {},
      UncloneableRecordError,
      'at partition 0 of the batch cannot be copied',
    ],
    ['an exception that nobody catches', [['uncaught']], { restarts: 0 }, undefined, 'once: nobody catches'],
    ['an endless loop', [['hang']], { timeout: 1_000 }, TimedOutError, 'on partition 0 of batch'],
  ] as const)('fails by %s', async (_, batch, options, type, message) => {
    const stream = fromBatches<Act>([batch], { interval: 5, partitions: 1 }).pipe(inThreads(options));
    const error: unknown = await firstValueFrom(stream).catch((caught: unknown) => caught);
    if (type) expect(error).toBeInstanceOf(type);
    expect(String(error)).toContain(message);
  });

  it('fails by a module without a function, or without anything', async () => {
    for (const [file, rule] of [
      ['empty', 'must be a module whose default export is a function, not undefined'],
      ['absent', 'must be a module that can be imported: '],
    ]) {
      const url = new URL(`./jobs/${file}.mjs`, import.meta.url);
      const error: unknown = await firstValueFrom(
        fromBatches<Act>([[]], { interval: 5, partitions: 1 }).pipe(inThreads({}, url)),
      ).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(InvalidOptionError);
      expect(String(error)).toContain(rule);
    }
  });

  it.each([5, 0])('runs at a priority that is lower by %d, and leaves that of the main thread', async (niceness) => {
    const before = niceOf('self');
    const stream = fromBatches<Act>([[['nice']]], { interval: 5, partitions: 1 }).pipe(inThreads({ niceness }));
    expect((await firstValueFrom(stream)).records).toEqual([before + niceness]);
    expect(niceOf('self')).toBe(before);
  });

  it('fails a batch that is retried from its checkpoint: no record is lost, and none comes twice', async () => {
    const log = memoryLog({ topics: { t: 2 } });
    log.append(
      't',
      Array.from({ length: 20 }, (_, i) => ({ value: JSON.stringify(['measure', i]), partition: i % 2 })),
    );
    const path = join(directory, 'dies');
    log.append('t', [{ value: JSON.stringify(['exit', path]), partition: 1 }]);
    const stream = logBatches(log, {
      ...{ topics: ['t'], start: 'earliest', interval: 5, concurrentBatches: 2, maxRatePerPartition: 1_000 },
      deserialize: json<Act>(),
      checkpoint: memoryCheckpoint(),
      retry: { delay: 5 },
    });
    const seen: unknown[] = [];
    const done = lastValueFrom(
      stream.pipe(
        inThreads({ restarts: 0 }),
        foreachBatch((records) => {
          seen.push(...records.map((record) => (record as { readonly value?: number }).value ?? record));
          if (seen.length === 21) void stream.stop();
        }),
      ),
    );
    await done;
    expect(seen).toHaveLength(21);
    expect(new Set(seen)).toEqual(new Set([...Array.from({ length: 20 }, (_, i) => i), 'came again']));
  });
});
