import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { foreachBatch, fromBatches, type Pair, type StateChange, updateStateByKey } from 'dstream';
import { CheckpointError, fileCheckpoint } from 'dstream/node';
import { firstValueFrom, from, lastValueFrom, retry, toArray } from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';
import { change, readBack, settle, writeBatches } from '../../support/savedBatches.js';

const base = mkdtempSync(join(tmpdir(), 'dstream-checkpoint-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));
let count = 0;
const newDirectory = () => join(base, String(count++));

const openIn = (directory: string, snapshotBytes?: number) =>
  firstValueFrom(from(fileCheckpoint(directory, snapshotBytes === undefined ? {} : { snapshotBytes }).open()));
describe('fileCheckpoint', () => {
  it('gives back what was saved, over snapshots too, and keeps few files', async () => {
    for (const snapshotBytes of [undefined, 1_000]) {
      const directory = newDirectory();
      await writeBatches(openIn, directory, 1, 60, snapshotBytes);
      expect(await readBack(openIn, directory)).toBe(59);
      await writeBatches(openIn, directory, 60, 100, snapshotBytes);
      expect(await readBack(openIn, directory)).toBe(99);
      expect(readdirSync(directory).length).toBeLessThanOrEqual(6);
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

  it('refuses another version with both versions, a missing changelog, and a directory in use', async () => {
    const directory = newDirectory();
    await writeBatches(openIn, directory, 1, 20, 600);
    const [log = ''] = readdirSync(directory).filter((name) => name.startsWith('changelog'));
    const bytes = readFileSync(join(directory, log));
    const other = Buffer.from(bytes);
    other.writeUInt32BE(7, 8);
    writeFileSync(join(directory, log), other);
    await expect(openIn(directory)).rejects.toThrow('its format is version 7, this library reads 1');
    writeFileSync(join(directory, log), bytes);
    await settle((await openIn(directory)).close());
    rmSync(join(directory, log));
    await expect(openIn(directory)).rejects.toThrow('the file is missing');

    const used = newDirectory();
    const session = await openIn(used);
    await expect(openIn(used)).rejects.toThrow(CheckpointError);
    await expect(openIn(used)).rejects.toThrow('in use by another stream of this process');
    await settle(session.close());
    const lockOf = (host: string, pid: number) => JSON.stringify({ token: 'other', host, pid, started: null });
    writeFileSync(join(used, 'lock'), lockOf(hostname(), 1));
    const refusing = fileCheckpoint(used, { takeover: 'refuse' });
    await expect(firstValueFrom(from(refusing.open()))).rejects.toThrow('in use by process 1');
    expect(() => fileCheckpoint(used, { takeover: 'steal' as 'force' })).toThrow('takeover ("steal") must be one of');
    expect(() => fileCheckpoint(used, { leaseTime: 0 })).toThrow('leaseTime (0) must be a positive integer');
    for (const left of [lockOf(hostname(), 999_999_999), lockOf('another', 1), lockOf(hostname(), process.pid), '']) {
      writeFileSync(join(used, 'lock'), left);
      await settle((await openIn(used)).close());
      expect(readdirSync(used)).not.toContain('lock');
    }
    expect(() => fileCheckpoint('')).toThrow('fileCheckpoint: directory ("") must be a non-empty string');
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
    const full = statSync(join(directory, 'changelog-1')).size;
    await save(20, [['key-1', 2]]);
    expect(statSync(join(directory, 'changelog-1')).size - full).toBeLessThan(1_000);
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

  it('can be subscribed to again in the turn of a failure: the second stream waits for the first to leave', async () => {
    let left = 3;
    const batches = fromBatches([[['a', 1]], [['a', 1]]] as Pair<string, number>[][], {
      interval: 5,
      checkpoint: fileCheckpoint(newDirectory()),
    });
    const counted = batches.pipe(
      updateStateByKey<string, number, number>(
        (values, count) => {
          if (left-- > 0) throw new Error('crash');
          return (count ?? 0) + values.length;
        },
        { id: 'counts' },
      ),
      foreachBatch(() => {}),
      retry(3),
      toArray(),
    );
    expect((await lastValueFrom(counted)).map(({ records }) => records)).toEqual([[['a', 1]], [['a', 2]]]);
  });
});
