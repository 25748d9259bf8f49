import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foreachBatch, fromBatches, type Pair, type StateChange, updateStateByKey } from 'dstream';
import { CheckpointError, CorruptCheckpointError, fileCheckpoint } from 'dstream/node';
import { firstValueFrom, from, lastValueFrom, retry, toArray } from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';

const base = mkdtempSync(join(tmpdir(), 'dstream-checkpoint-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
let count = 0;
const newDirectory = () => join(base, String(count++));

const openIn = (directory: string, snapshotBytes?: number) =>
  firstValueFrom(from(fileCheckpoint(directory, snapshotBytes === undefined ? {} : { snapshotBytes }).open()));
const settle = (input: Parameters<typeof from>[0]) => lastValueFrom(from(input as never), { defaultValue: undefined });

const change = (set: StateChange['set'], deleted: StateChange['deleted'] = []): StateChange => ({
  id: 'counts',
  operator: 'updateStateByKey',
  signature: '',
  version: 0,
  set,
  deleted,
});

/** Batch n, at time 10 n, sets key n mod 5 to n and deletes key (n + 2) mod 5. */
async function writeBatches(directory: string, from: number, until: number, snapshotBytes?: number): Promise<void> {
  const session = await openIn(directory, snapshotBytes);
  for (let n = from; n < until; n++) {
    const time = 10 * n;
    const range = { topic: 't', partition: 0, from: n - 1, until: n };
    await settle(session.plan({ time, zeroTime: 0, interval: 10, ranges: { s: [range] } }));
    const positions = { s: [{ topic: 't', partition: 0, offset: n }] };
    const changes = [session.encode(change([[n % 5, n]], [(n + 2) % 5]))];
    await settle(session.save({ time, zeroTime: 0, interval: 10, positions, changes }));
  }
  await settle(session.close());
}

/** What the state is after batch n. */
function expectedAfter(n: number): ReadonlyMap<number, number> {
  const state = new Map<number, number>();
  for (let i = 1; i <= n; i++) {
    state.set(i % 5, i);
    state.delete((i + 2) % 5);
  }
  return state;
}

/** Reads a directory: which batch it ends with, after checking that state and position are of that batch. */
async function readBack(directory: string): Promise<number> {
  const session = await openIn(directory);
  try {
    const { restored } = session;
    if (!restored) return 0;
    const n = restored.time / 10;
    expect(new Map([...(restored.state('counts')?.entries() ?? [])])).toEqual(expectedAfter(n));
    if (n > 0) expect(restored.positions).toEqual({ s: [{ topic: 't', partition: 0, offset: n }] });
    expect(restored.planned.map(({ time }) => time)).toEqual(restored.planned.length === 0 ? [] : [10 * (n + 1)]);
    return n;
  } finally {
    await settle(session.close());
  }
}

describe('fileCheckpoint', () => {
  it('gives back what was saved, over snapshots too, and keeps few files', async () => {
    for (const snapshotBytes of [undefined, 1_000]) {
      const directory = newDirectory();
      await writeBatches(directory, 1, 60, snapshotBytes);
      expect(await readBack(directory)).toBe(59);
      await writeBatches(directory, 60, 100, snapshotBytes);
      expect(await readBack(directory)).toBe(99);
      expect(readdirSync(directory).length).toBeLessThanOrEqual(snapshotBytes === undefined ? 1 : 4);
    }
  });

  it('carries whatever the structured clone algorithm carries, cut off at once', async () => {
    const directory = newDirectory();
    const values: [string, unknown][] = [
      ['map', new Map([[1, new Set(['a'])]])],
      ['date', new Date(5)],
      ['bigint', 2n ** 70n],
      ['numbers', new Float64Array([Number.NaN, Infinity, -0])],
      ['undefined inside', { a: undefined }],
    ];
    const mutable = { n: 1 };
    const session = await openIn(directory);
    const changes = [session.encode(change([...values, ['mutable', mutable]]))];
    mutable.n = 2;
    await settle(session.save({ time: 10, zeroTime: 0, interval: 10, positions: {}, changes }));
    await settle(session.close());
    const again = await openIn(directory);
    expect([...(again.restored?.state('counts')?.entries() ?? [])]).toEqual([...values, ['mutable', { n: 1 }]]);
    await settle(again.close());
  });

  it('ends with a whole batch wherever the changelog is cut off', { timeout: 120_000 }, async () => {
    const directory = newDirectory();
    await writeBatches(directory, 1, 6);
    const bytes = readFileSync(join(directory, 'changelog-0'));
    let last = 0;
    for (let length = 0; length <= bytes.length; length++) {
      const cut = newDirectory();
      cpSync(directory, cut, { recursive: true });
      writeFileSync(join(cut, 'changelog-0'), bytes.subarray(0, length));
      const n = await readBack(cut);
      expect(n).toBeGreaterThanOrEqual(last);
      last = n;
      rmSync(cut, { recursive: true });
    }
    expect(last).toBe(5);
  });

  it('reads right or refuses, with file and offset, whatever bit is flipped', { timeout: 120_000 }, async () => {
    const directory = newDirectory();
    await writeBatches(directory, 1, 12, 600);
    const files = readdirSync(directory).filter((name) => name !== 'lock');
    expect(files.some((name) => name.startsWith('snapshot'))).toBe(true);
    let refused = 0;
    for (const name of files) {
      const path = join(directory, name);
      const bytes = readFileSync(path);
      for (let bit = 0; bit < bytes.length * 8; bit += 5) {
        const flipped = Buffer.from(bytes);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        writeFileSync(path, flipped);
        try {
          // A flip in the last record looks like one that was cut off: the batch before it is a right answer.
          expect(await readBack(directory)).toBeGreaterThanOrEqual(10);
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptCheckpointError);
          expect((error as CorruptCheckpointError).file).toBe(path);
          refused++;
        }
        writeFileSync(path, bytes);
      }
    }
    expect(refused).toBeGreaterThan(100);
  });

  it('refuses another version with both versions, a missing changelog, and a directory in use', async () => {
    const directory = newDirectory();
    await writeBatches(directory, 1, 20, 600);
    const [log = ''] = readdirSync(directory).filter((name) => name.startsWith('changelog'));
    const bytes = readFileSync(join(directory, log));
    const other = Buffer.from(bytes);
    other.writeUInt32BE(7, 8);
    writeFileSync(join(directory, log), other);
    await expect(openIn(directory)).rejects.toThrow('its format is version 7, this library reads 1');
    rmSync(join(directory, log));
    await expect(openIn(directory)).rejects.toThrow('the file is missing');

    const used = newDirectory();
    const session = await openIn(used);
    await expect(openIn(used)).rejects.toThrow(CheckpointError);
    await expect(openIn(used)).rejects.toThrow('in use by another stream of this process');
    await settle(session.close());
    writeFileSync(join(used, 'lock'), '1');
    await expect(openIn(used)).rejects.toThrow('in use by process 1');
    writeFileSync(join(used, 'lock'), '999999999');
    await settle((await openIn(used)).close());
    expect(() => fileCheckpoint('')).toThrow('fileCheckpoint: directory ("") must be a non-empty path');
  });

  it('writes in proportion to what changes', async () => {
    const directory = newDirectory();
    const session = await openIn(directory, 1e9);
    const save = (time: number, set: StateChange['set']) =>
      settle(session.save({ time, zeroTime: 0, interval: 10, positions: {}, changes: [session.encode(change(set))] }));
    await save(
      10,
      Array.from({ length: 20_000 }, (_, i) => [`key-${i}`, i] as const),
    );
    const full = statSync(join(directory, 'changelog-0')).size;
    await save(20, [['key-1', 2]]);
    expect(statSync(join(directory, 'changelog-0')).size - full).toBeLessThan(1_000);
    await settle(session.close());
  });

  it('gives a pipeline that crashes and is restarted what it gives without', async () => {
    const words = (text: string): Pair<string, number>[] => [...text].map((letter) => [letter, 1] as const);
    const run = async (crashes: number) => {
      let left = crashes;
      const source = fromBatches(['ab', 'a', 'b', '', 'abc'].map(words), {
        interval: 5,
        checkpoint: fileCheckpoint(newDirectory()),
      });
      const counted = source.pipe(
        updateStateByKey<string, number, number>((values, state) => (state ?? 0) + values.length, { id: 'counts' }),
        foreachBatch(() => {
          if (left > 0 && Math.random() < 0.7) {
            left--;
            throw new Error('crash');
          }
        }),
        retry(),
        toArray(),
      );
      return (await lastValueFrom(counted)).map(({ records }) => records);
    };
    expect(await run(4)).toEqual(await run(0));
  });
});
