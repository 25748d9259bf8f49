import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Checkpoint, Pair } from 'dstream';
import { fileCheckpoint, lmdbCheckpoint } from 'dstream/node';
import { type Database, open } from 'lmdb';
import { firstValueFrom, from, lastValueFrom } from 'rxjs';
import type { CheckpointSession } from '../../src/state/checkpoint.js';
import { type Count, Feed, initialCounts, nameOf, pick, touched } from './operators.js';

const settle = (input: Parameters<typeof from>[0]) => lastValueFrom(from(input as never), { defaultValue: undefined });
const openSession = (checkpoint: Checkpoint) => firstValueFrom(from(checkpoint.open()));

/** A directory of its own, removed at the end. */
async function inDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'dstream-bench-'));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function bytesIn(directory: string): number {
  return readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
}

async function save(session: CheckpointSession, feed: Feed): Promise<void> {
  const { time } = feed;
  const changes = feed.registry.takeChanges(time);
  await settle(session.save({ time, zeroTime: 0, interval: 1_000, positions: {}, changes }));
}

/** Bytes that a batch adds to the changelog, for each of the numbers of keys touched. */
export function bytesOfChange(keys: number, touches: readonly number[]): Promise<readonly number[]> {
  return inDirectory(async (directory) => {
    // No snapshot comes in between.
    const session = await openSession(fileCheckpoint(directory, { snapshotBytes: 2 ** 40 }));
    const feed = new Feed(touched(initialCounts(keys)), session);
    feed.next([]);
    await save(session, feed);
    const bytes: number[] = [];
    for (const count of touches) {
      const before = bytesIn(directory);
      feed.next(Array.from({ length: count }, (_, i) => [nameOf(i), 1] as const));
      await save(session, feed);
      bytes.push(bytesIn(directory) - before);
    }
    await settle(session.close());
    return bytes;
  });
}

/** Keys a second, from opening the checkpoint to the first batch having its state. */
export function recovery(keys: number, make: (directory: string) => Checkpoint, rounds: number): Promise<number[]> {
  return inDirectory(async (directory) => {
    const first = await openSession(make(directory));
    const feed = new Feed(touched(initialCounts(keys)), first);
    feed.next([]);
    await save(first, feed);
    await settle(first.close());
    const speeds: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const begun = performance.now();
      const session = await openSession(make(directory));
      new Feed(touched(), session).next([]);
      speeds.push((keys / (performance.now() - begun)) * 1_000);
      await settle(session.close());
    }
    return speeds;
  });
}

/** Delays of the event loop in ms, at the 99th percentile, while batches come and snapshots are written. */
export function snapshotPauses(keys: number, batches: number, snapshotBytes: number): Promise<number> {
  return inDirectory(async (directory) => {
    const session = await openSession(fileCheckpoint(directory, { snapshotBytes }));
    const feed = new Feed(touched(initialCounts(keys)), session);
    feed.next([]);
    await save(session, feed);
    const delays = monitorEventLoopDelay({ resolution: 1 });
    delays.enable();
    for (let i = 0; i < batches; i++) {
      feed.next(pick(keys, 1_000));
      await save(session, feed);
      await sleep(20);
    }
    delays.disable();
    await settle(session.close());
    return delays.percentile(99) / 1e6;
  });
}

/** Ms for a batch of records, dispatched and saved. */
export function batchesOver(
  keys: number,
  make: (directory: string) => Checkpoint,
  batches: readonly Pair<string, number>[][],
): Promise<readonly number[]> {
  return inDirectory(async (directory) => {
    const session = await openSession(make(directory));
    const feed = new Feed(touched(initialCounts(keys)), session);
    feed.next([]);
    await save(session, feed);
    const times: number[] = [];
    for (const records of batches) {
      const begun = performance.now();
      feed.next(records);
      await save(session, feed);
      times.push(performance.now() - begun);
    }
    await settle(session.close());
    return times;
  });
}

/** The same with LMDB alone, as one would write it by hand: read each key, count, write it, one transaction a batch. */
export function batchesOverPlainLmdb(
  keys: number,
  batches: readonly Pair<string, number>[][],
): Promise<readonly number[]> {
  return inDirectory(async (directory) => {
    const db: Database<Count, string> = open<Count, string>(directory, { noSubdir: false });
    await db.batch(() => {
      for (const [key, count] of initialCounts(keys)) void db.put(key, count);
    });
    const times: number[] = [];
    for (const records of batches) {
      const begun = performance.now();
      const changed = new Map<string, Count>();
      for (const [key] of records) {
        const count = changed.get(key) ?? db.get(key) ?? { n: 0 };
        count.n++;
        changed.set(key, count);
      }
      await db.batch(() => {
        for (const [key, count] of changed) void db.put(key, count);
      });
      await db.flushed;
      times.push(performance.now() - begun);
    }
    await db.close();
    return times;
  });
}

export const stores: Readonly<Record<string, (directory: string) => Checkpoint>> = {
  fileCheckpoint: (directory) => fileCheckpoint(directory),
  lmdbCheckpoint: (directory) => lmdbCheckpoint(directory),
  "lmdbCheckpoint with verify: 'pages'": (directory) => lmdbCheckpoint(directory, { verify: 'pages' }),
};
