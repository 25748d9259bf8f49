import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BatchInfo,
  batchesFrom,
  type Checkpoint,
  type DriverOptions,
  fixedRate,
  foreachBatch,
  logSource,
  memoryCheckpoint,
  memoryLog,
  type Pair,
  string,
  transformBatch,
  unionBatches,
  updateStateByKey,
} from 'dstream';
import { fileCheckpoint, lmdbCheckpoint } from 'dstream/node';
import { firstValueFrom, Subject } from 'rxjs';
import { describe, expect, it } from 'vitest';

// Names are the user's: those that every object inherits something under are names as any other.

const names = ['constructor', 'toString', '__proto__', 'hasOwnProperty'];
const directory = () => mkdtempSync(join(tmpdir(), 'dstream-names-'));
const stores: Readonly<Record<string, () => Checkpoint>> = {
  memoryCheckpoint,
  fileCheckpoint: () => fileCheckpoint(directory()),
  lmdbCheckpoint: () => lmdbCheckpoint(directory()),
};

describe.each(Object.entries(stores))('%s', (_, make) => {
  it.each(names)('keeps positions and state of a source, topic, id and key called %s', async (name) => {
    const checkpoint = make();
    const log = memoryLog({ topics: { [name]: 1, other: 1 } });
    /** A life of the stream that ends when a batch has had this many records. */
    const live = async (source: string, records: readonly string[]): Promise<readonly unknown[]> => {
      const infos: BatchInfo[] = [];
      const totals: unknown[] = [];
      const enough = new Subject<void>();
      const stream = batchesFrom(
        {
          [source]: logSource(log, { topics: [name], start: 'earliest', deserialize: string() }),
          other: logSource(log, { topics: ['other'], start: 'earliest', deserialize: string() }),
        },
        {
          interval: 20,
          checkpoint,
          backpressure: fixedRate(1_000),
          batchObserver: { next: (info) => infos.push(info) },
        },
      );
      const streams = stream as Readonly<Record<string, (typeof stream)['other']>>;
      log.append(
        name,
        records.map((value) => ({ value })),
      );
      const failed = new Subject<never>();
      const subscription = (streams[source] as (typeof stream)['other'])
        .pipe(
          unionBatches(streams.other as (typeof stream)['other']),
          transformBatch((values) => values.map((): Pair<string, number> => [name, 1])),
          updateStateByKey((ones, total: number | undefined) => (total ?? 0) + ones.length, {
            id: name,
            call: 'touched',
          }),
          foreachBatch((pairs) => {
            totals.push(...pairs);
            if (pairs.length > 0) enough.next();
          }),
        )
        .subscribe({ error: (error: unknown) => failed.error(error) });
      await Promise.race([firstValueFrom(enough), firstValueFrom(failed)]);
      // Until the batch is complete, however slow the disk is.
      await streams.other?.stop({ drainTimeout: 600_000 });
      subscription.unsubscribe();
      const counted = infos.reduce((sum, { inputs }) => {
        return sum + (Object.entries(inputs).find(([each]) => each === source)?.[1].records ?? 0);
      }, 0);
      expect(counted).toBe(records.length);
      return totals;
    };
    expect(await live(name, ['a', 'b'])).toEqual([[name, 2]]);
    expect(await live(name, ['c'])).toEqual([[name, 3]]);
  });

  it.each(names)('starts a source called %s that the checkpoint does not know', async (name) => {
    const checkpoint = make();
    const log = memoryLog({ topics: { t: 1 } });
    log.append('t', [{ value: 'a' }]);
    const live = (source: string, options: Partial<DriverOptions>) => {
      const sources = { [source]: logSource(log, { topics: ['t'], start: 'earliest', deserialize: string() }) };
      const stream = Object.values(batchesFrom(sources, { interval: 20, checkpoint, ...options }))[0];
      return new Promise<readonly unknown[]>((resolve, reject) => {
        const seen: unknown[] = [];
        stream
          ?.pipe(
            foreachBatch((records) => {
              seen.push(...records);
              if (records.length > 0) void stream.stop();
            }),
          )
          .subscribe({ error: reject, complete: () => resolve(seen) });
      });
    };
    expect(await live('first', {})).toEqual(['a']);
    // The position of the first one stays, as this stream does not read it.
    expect(await live(name, { orphans: 'keep' })).toEqual(['a']);
  });
});
