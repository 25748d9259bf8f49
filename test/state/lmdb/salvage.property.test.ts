import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Key } from 'dstream';
import { CorruptCheckpointError, lmdbCheckpoint } from 'dstream/node';
import fc from 'fast-check';
import { firstValueFrom, from } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Damage } from '../../../src/state/damage.js';
import { salvageLmdb } from '../../../src/state/lmdb/salvageLmdb.js';
import { randomOf } from '../../crash/records.js';
import { propertySettings } from '../../property/settings.js';
import { MemoryFiles } from '../../support/memoryFiles.js';
import { settle } from '../../support/savedBatches.js';

type States = ReadonlyMap<string, ReadonlyMap<Key, unknown>>;

const directory = mkdtempSync(join(tmpdir(), 'dstream-salvage-lmdb-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const after = new Map<number, States>();
let whole: Buffer;
let time = 0;

// States that grow and shrink, so that free pages have old copies of entries; some values take pages of their own.
beforeAll(async () => {
  const draw = randomOf(7);
  const below = (n: number) => Math.floor(draw() * n);
  const session = await firstValueFrom(from(lmdbCheckpoint(directory).open()));
  const states = new Map(['counts', 'texts'].map((id) => [id, new Map<Key, unknown>()]));
  for (let n = 1; n <= 24; n++) {
    time = 10 * n;
    const changes = [...states].map(([id, state]) => {
      const set = new Map<Key, unknown>();
      const deleted = new Set<Key>();
      for (let i = n < 4 ? 150 : 12; i > 0; i--) {
        const key = `${id}-${below(400)}`;
        if (below(4) === 0) deleted.add(key);
        else set.set(key, { n, text: 'x'.repeat(below(40) === 0 ? 9_000 : below(60)) });
      }
      for (const key of set.keys()) deleted.delete(key);
      for (const [key, value] of set) state.set(key, value);
      for (const key of deleted) state.delete(key);
      return session.encode({ id, operator: 'o', signature: '', version: 0, set: [...set], deleted: [...deleted] });
    });
    const positions = { s: [{ topic: 't', partition: 0, offset: n }] };
    await settle(session.save({ time, zeroTime: 0, interval: 10, positions, changes }));
    after.set(time, new Map([...states].map(([id, state]) => [id, new Map(state)])));
  }
  await settle(session.close());
  whole = readFileSync(join(directory, 'data.mdb'));
}, 60_000);

async function salvaged(bytes: Buffer) {
  const files = new MemoryFiles();
  files.set('data.mdb', bytes);
  const found: Damage[] = [];
  const salvage = { past: false, damaged: (damage: Damage) => void found.push(damage) };
  return { restored: await salvageLmdb('/files', salvage, files), found };
}

/** Every entry must be as it was; returns how many each state lacks. */
function lacking(restored: NonNullable<Awaited<ReturnType<typeof salvaged>>['restored']>): Map<string, number> {
  // Without a progress nothing says which batch it is: it is the last one.
  const at = Number.isNaN(restored.time) ? time : restored.time;
  const truth = after.get(at) as States;
  expect(truth).toBeDefined();
  if (!Number.isNaN(restored.time)) expect(restored.positions.s?.[0]?.offset).toBe(at / 10);
  const lacks = new Map([...truth].map(([id, entries]) => [id, entries.size]));
  for (const id of restored.stateIds) {
    for (const [key, state] of restored.state(id)?.entries() ?? []) {
      expect([id, key, state]).toEqual([id, key, truth.get(id)?.get(key)]);
      lacks.set(id, (lacks.get(id) ?? 0) - 1);
    }
  }
  return lacks;
}

describe('what is left of a damaged file of LMDB', () => {
  it('is all of one that is whole, oldest key first', async () => {
    const { restored, found } = await salvaged(whole);
    expect(found).toEqual([]);
    expect(restored?.time).toBe(time);
    const truth = after.get(time) as States;
    for (const [id, entries] of truth) expect([...(restored?.state(id)?.entries() ?? [])]).toEqual([...entries]);
  });

  it('has no entry that was not there, and lacks nothing that is not listed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('bit', 'bit', 'byte', 'zeros', 'cut', 'end'),
        fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        fc.nat(6_000),
        fc.nat(255),
        async (kind, place, length, value) => {
          const at = Math.floor(place * whole.length);
          let bytes = Buffer.from(whole);
          if (kind === 'bit') bytes[at] = (bytes[at] as number) ^ (1 << (value & 7));
          else if (kind === 'byte') bytes[at] = (bytes[at] as number) ^ Math.max(value, 1);
          else if (kind === 'zeros') bytes.fill(0, at, Math.min(at + 1 + length, bytes.length));
          else if (kind === 'cut') bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + length)]);
          else bytes = bytes.subarray(0, at);

          let read: Awaited<ReturnType<typeof salvaged>>;
          try {
            read = await salvaged(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(CorruptCheckpointError);
            // Both meta pages, or what they lead to, must be damaged.
            expect(kind === 'zeros' || kind === 'cut' || kind === 'end').toBe(true);
            return;
          }
          const { restored, found } = read;
          if (!restored) {
            expect(found.length).toBeGreaterThan(0);
            return;
          }
          if (restored.time !== time) expect(found.length).toBeGreaterThan(0);
          for (const [id, count] of lacking(restored)) {
            expect(count).toBeGreaterThanOrEqual(0);
            if (count > 0) expect([id, found.length > 0]).toEqual([id, true]);
            if (count > 0 && restored.stateIds.includes(id)) {
              const listed = found.some(({ state, reason }) => state === id && reason.startsWith(`${count} of its `));
              expect([id, count, listed]).toEqual([id, count, true]);
            }
          }
        },
      ),
      propertySettings(300),
    );
  }, 120_000);
});
