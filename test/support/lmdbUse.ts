import { open as openFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CheckpointSession } from 'dstream';
import { lmdbCheckpoint } from 'dstream/node';
import { open, type Transaction } from 'lmdb';
import { firstValueFrom, from } from 'rxjs';
import { metasOf, newestFirst } from '../../src/state/lmdb/metaPages.js';
import { ourTrees } from '../../src/state/lmdb/pages/ourTrees.js';
import { walkPages } from '../../src/state/lmdb/pages/walkPages.js';
import { randomOf } from '../crash/records.js';
import { settle } from './savedBatches.js';

/** Walks through the file of a directory as it is opened. */
export async function walk(directory: string): Promise<void> {
  const path = join(directory, 'data.mdb');
  const file = await openFile(path);
  try {
    const [newest, other] = newestFirst(await metasOf(path, file));
    await walkPages(path, file, newest, other, ourTrees({ values: true }));
  } finally {
    await file.close();
  }
}

/** How large a run of use is: keys of each state at most, and changes of a batch. */
export interface Extent {
  readonly batches: number;
  readonly keys: number;
  readonly changes: number;
}

/**
 * Uses a checkpoint as a job does for a long time, by chance: states that grow and shrink, values that are small or large, some
 * readers that hold old pages, restarts. After each transaction comes `look`.
 */
export async function useAtRandom(
  directory: string,
  seed: number,
  { batches, keys, changes }: Extent,
  look: () => Promise<void>,
): Promise<void> {
  const draw = randomOf(seed);
  const below = (n: number) => Math.floor(draw() * n);
  const openSession = () => firstValueFrom(from(lmdbCheckpoint(directory).open()));
  const readers: { readonly until: number; readonly transaction: Transaction; close(): Promise<void> }[] = [];
  const endReaders = async (at: number) => {
    for (const reader of readers.splice(0)) {
      if (reader.until > at) {
        readers.push(reader);
        continue;
      }
      reader.transaction.done();
      await reader.close();
    }
  };
  const longest = below(4) === 0 ? 60_000 : below(2) === 0 ? 6_000 : 100;
  let session: CheckpointSession = await openSession();
  let growing = true;
  for (let batch = 1; batch <= batches; batch++) {
    if (below(8) === 0) growing = !growing;
    const ids = ['first', 'second', 'third'].filter(() => below(3) > 0);
    const encoded = ids.map((id) => {
      const set = new Map<string, string>();
      const deleted = new Set<string>();
      for (let n = below(changes); n > 0; n--) {
        const key = `${'k'.repeat(below(20) === 0 ? below(900) : 1)}${below(keys)}`;
        if (below(4) === 0 ? !growing : growing) set.set(key, 'v'.repeat(below(10) === 0 ? below(longest) : below(60)));
        else deleted.add(key);
      }
      for (const key of set.keys()) deleted.delete(key);
      return session.encode({ id, operator: 'o', signature: '', version: 0, set: [...set], deleted: [...deleted] });
    });
    const time = batch * 10;
    if (below(2) === 0) await settle(session.plan({ time, zeroTime: 0, interval: 10, ranges: {} }));
    await settle(session.save({ time, zeroTime: 0, interval: 10, positions: {}, changes: encoded }));
    await look();
    await endReaders(batch);
    if (below(10) === 0 && readers.length < 3) {
      const env = open(directory, {
        encoding: 'binary',
        keyEncoding: 'binary',
        maxDbs: 8,
        noSubdir: false,
        overlappingSync: false,
      });
      readers.push({ until: batch + below(12), transaction: env.useReadTransaction(), close: () => env.close() });
    }
    if (below(15) === 0) {
      await endReaders(Infinity);
      await settle(session.close());
      session = await openSession();
      await look();
    }
  }
  await endReaders(Infinity);
  await settle(session.close());
}
