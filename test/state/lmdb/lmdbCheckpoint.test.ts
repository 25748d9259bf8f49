import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serialize } from 'node:v8';
import { crc32 } from 'node:zlib';
import { foreachBatch, fromBatches, InvalidOptionError, mapWithState, type Pair, updateStateByKey } from 'dstream';
import {
  CorruptCheckpointError,
  FencedError,
  type LmdbCheckpointOptions,
  lmdbCheckpoint,
  StorageError,
} from 'dstream/node';
import { type CheckpointStore, checkpointContract } from 'dstream/testing';
import { open } from 'lmdb';
import { firstValueFrom, from, lastValueFrom, map, retry, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { StateRequest } from '../../../src/state/checkpoint.js';
import { settle } from '../../support/savedBatches.js';

const newStore = (options?: LmdbCheckpointOptions) => (): CheckpointStore => {
  const directory = mkdtempSync(join(tmpdir(), 'dstream-lmdb-'));
  return {
    connect: () => lmdbCheckpoint(directory, options),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
};

describe('lmdbCheckpoint keeps the contract', () => {
  for (const { name, run } of checkpointContract(newStore())) it(name, run);
});

describe.each([1, 7, 1_000])('with %i hot keys it keeps the contract', (cacheKeys) => {
  for (const { name, run } of checkpointContract(newStore({ cacheKeys }))) it(name, run);
});

describe('lmdbCheckpoint', () => {
  const newDirectory = () => mkdtempSync(join(tmpdir(), 'dstream-lmdb-'));
  const sum = (values: readonly number[], before: number | undefined) => values.reduce((a, b) => a + b, before ?? 0);
  const openIn = (directory: string, options?: LmdbCheckpointOptions) =>
    firstValueFrom(from(lmdbCheckpoint(directory, options).open()));

  it('refuses options that are out of range', () => {
    expect(() => lmdbCheckpoint('')).toThrow(InvalidOptionError);
    expect(() => lmdbCheckpoint('x', { cacheKeys: 0 })).toThrow(InvalidOptionError);
    // @ts-expect-error a number of keys
    expect(() => lmdbCheckpoint('x', { cacheKeys: 'all' })).toThrow(InvalidOptionError);
    // @ts-expect-error 'pages' or nothing
    expect(() => lmdbCheckpoint('x', { verify: true })).toThrow(/verify.*"pages"/);
    // @ts-expect-error not null, as from a configuration
    expect(() => lmdbCheckpoint('x', { verify: null })).toThrow(InvalidOptionError);
  });

  it.each([undefined, 3])('gives operators their state back over failures, with %s hot keys', async (cacheKeys) => {
    const directory = newDirectory();
    const options = cacheKeys === undefined ? {} : { cacheKeys };
    const batches = Array.from({ length: 12 }, (_, i): Pair<string, number>[] => [
      [`key-${i % 5}`, 1],
      [`key-${(i * 2) % 7}`, 1],
    ]);
    const run = (crashAt: readonly number[]) => {
      const crashes = [...crashAt];
      return lastValueFrom(
        fromBatches(batches, { interval: 3, checkpoint: lmdbCheckpoint(directory, options) }).pipe(
          updateStateByKey(sum, { id: 'sums' }),
          mapWithState<string, number, number, readonly [string, number]>(
            (key, value, state) => {
              state.update((state.get() ?? 0) + (value ?? 0));
              return [key, state.get() ?? 0];
            },
            { id: 'again', timeout: 12 },
          ),
          foreachBatch((_, { time, zeroTime }) => {
            if ((time - zeroTime) / 3 !== crashes[0]) return;
            crashes.shift();
            throw new Error('crash');
          }),
          map(({ records }) => records),
          retry({ count: crashAt.length }),
          toArray(),
        ),
      );
    };
    const crashed = await run([2, 2, 7, 12]);
    rmSync(directory, { recursive: true });
    const whole = await run([]);
    expect(crashed).toEqual(whole);
    expect(whole.at(-1)?.find(([key]) => key === 'key-0')?.[1]).toBeGreaterThan(10);
    rmSync(directory, { recursive: true });
  });

  it('writes nothing of a batch of which something cannot be written', async () => {
    const directory = newDirectory();
    const session = await openIn(directory);
    const description = { id: 'sums', operator: 'updateStateByKey', signature: '' };
    const good = session.encode({ ...description, id: 'good', version: 0, set: [['a', 1]], deleted: [] });
    // No version that fits into the bytes of an entry.
    const bad = session.encode({ ...description, version: -1, set: [['a', 1]], deleted: [] });
    const batch = { time: 10, zeroTime: 0, interval: 10, positions: {}, changes: [good, bad] };
    await expect(lastValueFrom(from(session.save(batch)), { defaultValue: undefined })).rejects.toThrow(StorageError);
    await lastValueFrom(from(session.close()), { defaultValue: undefined });
    const again = await openIn(directory);
    expect(again.restored).toBeUndefined();
    await lastValueFrom(from(again.close()), { defaultValue: undefined });
  });

  it.runIf(process.platform === 'linux')('leaves no database open when it refuses a directory', async () => {
    const directory = newDirectory();
    const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;
    const env = open<Buffer, Buffer>(directory, { ...binary, maxDbs: 8, noSubdir: false });
    await env.openDB<Buffer, Buffer>('progress', binary).put(Buffer.from('progress'), Buffer.from('damaged'));
    await env.close();
    await expect(openIn(directory)).rejects.toThrow(CorruptCheckpointError);
    const openFiles = readdirSync('/proc/self/fd').flatMap((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`);
      } catch {
        return [];
      }
    });
    expect(openFiles.filter((path) => path.startsWith(directory))).toEqual([]);
  });

  it('refuses a state whose bytes have changed, a format that it does not know, and a directory that is none', async () => {
    const directory = newDirectory();
    const run = () =>
      lastValueFrom(
        fromBatches([[['a', 1] as const]], { interval: 3, checkpoint: lmdbCheckpoint(directory) }).pipe(
          updateStateByKey(sum, { id: 'sums' }),
          foreachBatch(() => {}),
        ),
      );
    await run();
    const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;
    const env = open<Buffer, Buffer>(directory, { ...binary, maxDbs: 8, noSubdir: false });
    const entries = env.openDB<Buffer, Buffer>('entries', binary);
    const [entry] = [...entries.getRange({})];
    const spoiled = Buffer.from(entry!.value);
    spoiled[spoiled.length - 1] = spoiled.at(-1)! ^ 1;
    await entries.put(entry!.key, spoiled);
    // What is not read at once is checked when it is opened.
    await expect(openIn(directory, { cacheKeys: 5, verify: 'pages' })).rejects.toThrow(CorruptCheckpointError);
    for (const options of [{}, { cacheKeys: 5 }]) {
      const session = await openIn(directory, options);
      const state = session.restored?.state('sums');
      expect(() => [...(state?.entries() ?? [])]).toThrow(CorruptCheckpointError);
      await lastValueFrom(from(session.close()), { defaultValue: undefined });
    }
    const progress = env.openDB<Buffer, Buffer>('progress', binary);
    const seven = serialize(7);
    const checksum = Buffer.alloc(4);
    checksum.writeUInt32BE(crc32(seven, crc32('format')));
    await progress.put(Buffer.from('format'), Buffer.concat([checksum, seven]));
    const refused = await openIn(directory).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(CorruptCheckpointError);
    expect((refused as Error).message).toContain('it has format 7, and only format 1 can be read');
    await env.close();

    const file = join(newDirectory(), 'file');
    writeFileSync(file, '');
    await expect(openIn(file)).rejects.toBeInstanceOf(StorageError);
  });

  it.each([
    ['progress', { verify: 'pages' }, 'the checksum of a value does not fit'],
    ['progress', {}, 'its progress is not whole'],
    ['entries', { cacheKeys: 5, verify: 'pages' }, 'the checksum of a state does not fit'],
    ['order', { cacheKeys: 5, verify: 'pages' }, 'the checksum of a value does not fit'],
  ] as const)('refuses a key of the database %s that has changed, with %o', async (name, options, reason) => {
    const directory = newDirectory();
    const session = await openIn(directory);
    const change = { id: 'sums', operator: 'o', signature: '', version: 0, set: [['a', 1]] as const, deleted: [] };
    const batch = { time: 10, zeroTime: 0, interval: 10, positions: {}, changes: [session.encode(change)] };
    await settle(session.save(batch));
    await settle(session.plan({ time: 20, zeroTime: 0, interval: 10, ranges: {} }));
    await settle(session.close());
    const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;
    const env = open<Buffer, Buffer>(directory, { ...binary, maxDbs: 8, noSubdir: false });
    const database = env.openDB<Buffer, Buffer>(name, binary);
    // In progress the planned batch, which nobody would miss.
    const { key, value } = [...database.getRange({})].find(
      (entry) => !/^(format|progress)$/.test(entry.key.toString()),
    )!;
    const changed = Buffer.from(key);
    changed[changed.length - 1] = changed.at(-1)! ^ 1;
    if (name === 'progress') changed[0] = changed[0]! ^ 1;
    await database.put(changed, value);
    await database.remove(key);
    await env.close();
    const refused = await openIn(directory, options).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(CorruptCheckpointError);
    expect(refused).toMatchObject({ file: join(directory, 'data.mdb'), reason });
  });

  it('names the state of which an entry has changed, when it is read', async () => {
    const directory = newDirectory();
    const session = await openIn(directory);
    const change = { id: 'sums', operator: 'o', signature: '', version: 0, set: [['a', 1]] as const, deleted: [] };
    const changes = [session.encode(change)];
    await settle(session.save({ time: 10, zeroTime: 0, interval: 10, positions: {}, changes }));
    await settle(session.close());
    const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;
    const env = open<Buffer, Buffer>(directory, { ...binary, maxDbs: 8, noSubdir: false });
    const database = env.openDB<Buffer, Buffer>('entries', binary);
    const [{ key, value } = { key: Buffer.of(), value: Buffer.of() }] = [...database.getRange({})];
    const changed = Buffer.from(value);
    changed[0] = changed[0]! ^ 1;
    await database.put(Buffer.from(key), changed);
    await env.close();
    const again = await openIn(directory);
    const read = () => [...(again.restored?.state('sums')?.entries() ?? [])];
    expect(read).toThrow(CorruptCheckpointError);
    expect(read).toThrow(`${directory}, state "sums": damaged`);
    await settle(again.close());
  });

  it.each(['e', 'A', 'z'])('does not take a key for a new one whose bytes have changed, to %s', async (changed) => {
    const directory = newDirectory();
    const description = { id: 'sums', operator: 'o', signature: '', version: 0 };
    const get = async (key: string) => {
      const session = await openIn(directory, { cacheKeys: 5 });
      const request = { ...description, changed: () => {}, closed: () => {} } as unknown as StateRequest<
        string,
        number
      >;
      try {
        return session.openState?.(request).get(key);
      } finally {
        await settle(session.close());
      }
    };
    const first = await openIn(directory);
    const set = ['b', 'd', 'f', 'h'].map((key) => [key, 1] as const);
    const changes = [first.encode({ ...description, set, deleted: [] })];
    await settle(first.save({ time: 10, zeroTime: 0, interval: 10, positions: {}, changes }));
    await settle(first.close());
    const path = join(directory, 'data.mdb');
    const whole = readFileSync(path);
    const found = [await get('a'), await get('b'), await get('c'), await get('d'), await get('h'), await get('i')];
    expect(found).toEqual([undefined, 1, undefined, 1, 1, undefined]);

    const at = whole.indexOf('\0\0\0\0sd', 0, 'latin1');
    expect(whole.indexOf('\0\0\0\0sd', at + 1, 'latin1')).toBe(-1);
    whole.write(changed, at + 5);
    writeFileSync(path, whole);
    await expect(get('d')).rejects.toThrow(CorruptCheckpointError);
  });

  it('fails a stream whose directory another opens', async () => {
    const directory = newDirectory();
    const written: number[] = [];
    const first = lastValueFrom(
      fromBatches(
        Array.from({ length: 50 }, (_, i): Pair<string, number>[] => [['a', i]]),
        { interval: 3, checkpoint: lmdbCheckpoint(directory, { cacheKeys: 1 }) },
      ).pipe(
        updateStateByKey(sum, { id: 'sums' }),
        foreachBatch(async ([[, n] = ['', 0]]) => {
          written.push(n);
          if (written.length === 5) await settle(lmdbCheckpoint(directory, { takeover: 'force' }).open());
        }),
      ),
    );
    await expect(first).rejects.toBeInstanceOf(FencedError);
    expect(written.length).toBeLessThan(8);
  });
});
