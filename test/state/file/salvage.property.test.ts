import type { RestoredCheckpoint } from 'dstream';
import { CorruptCheckpointError } from 'dstream/node';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Damage } from '../../../src/state/damage.js';
import { recoverFiles } from '../../../src/state/file/fileRecovery.js';
import { salvageFiles } from '../../../src/state/file/salvageFiles.js';
import { Directory } from '../../../src/storage/directory.js';
import { readRecords } from '../../../src/storage/readRecords.js';
import { propertySettings } from '../../property/settings.js';
import { type KnownFiles, knownFiles, positionsAt } from '../../support/damagedFiles.js';
import type { MemoryFiles } from '../../support/memoryFiles.js';

const known: KnownFiles[] = [];
beforeAll(async () => {
  for (const [seed, batches] of [
    [1, 14],
    [2, 30],
    [3, 41],
    [4, 22],
  ] as const) {
    known.push(await knownFiles(seed, { batches, keys: 700 }));
  }
}, 60_000);

type Bytes = { readonly from: number; readonly until: number };

/** What happens to a file: bytes of it change, or are gone. */
const damages: Record<string, (bytes: Buffer, range: Bytes, value: number) => Buffer> = {
  bit: (bytes, { from }, value) => withByte(bytes, from, (byte) => byte ^ (1 << (value & 7))),
  byte: (bytes, { from }, value) => withByte(bytes, from, (byte) => byte ^ Math.max(value, 4)),
  zeros: (bytes, { from, until }) => Buffer.from(bytes).fill(0, from, until),
  cut: (bytes, { from, until }) => Buffer.concat([bytes.subarray(0, from), bytes.subarray(until)]),
  end: (bytes, { from }) => bytes.subarray(0, from),
};

function withByte(bytes: Buffer, at: number, change: (byte: number) => number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at] = change(changed[at] as number);
  return changed;
}

async function salvaged(files: MemoryFiles, past: boolean) {
  const found: Damage[] = [];
  const restored = await salvageFiles(new Directory('/files', files), {
    past,
    damaged: (damage) => void found.push(damage),
  });
  return { restored, found };
}

/** Which entries of a checkpoint are gone; all others must be as they were after the batch that it says. */
function missingOf({ after }: KnownFiles, restored: RestoredCheckpoint): ReadonlySet<string> {
  const truth = after.get(restored.time);
  expect(truth, `there was a batch of time ${restored.time}`).toBeDefined();
  expect(restored.positions).toEqual(positionsAt(restored.time));
  const missing = new Set<string>();
  const seen = new Set<unknown>();
  for (const id of restored.stateIds) {
    for (const [key, state] of restored.state(id)?.entries() ?? []) {
      expect([id, key, state]).toEqual([id, key, truth?.get(id)?.get(key)]);
      seen.add(key);
    }
  }
  for (const entries of truth?.values() ?? []) {
    for (const key of entries.keys()) if (!seen.has(key)) missing.add(String(key));
  }
  return missing;
}

/** Keys that are in records which the damage touches. */
async function touchedKeys(files: MemoryFiles, name: string, { from, until }: Bytes): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  const starts: { at: number; payload: Buffer }[] = [];
  await readRecords(files, `/files/${name}`, {}, (payload, at) => starts.push({ at, payload }));
  for (const { at, payload } of starts) {
    if (at + 16 + payload.length < from || at > until) continue;
    for (const [key] of payload.toString('latin1').matchAll(/(?:large|small|other)\d+/g)) keys.add(key);
  }
  return keys;
}

describe('what is left of a damaged checkpoint in files', () => {
  it('is all of one that is whole', async () => {
    for (const { files, after, time } of known) {
      const { restored, found } = await salvaged(files, false);
      expect(found).toEqual([]);
      expect(restored?.time).toBe(time);
      expect(missingOf({ files, after, time }, restored as RestoredCheckpoint)).toEqual(new Set());
    }
  });

  it('has no value that was not there at its batch, and lacks nothing that is not listed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.nat(),
        fc.constantFrom(...Object.keys(damages)),
        fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        fc.nat(2_000),
        fc.nat(255),
        fc.boolean(),
        async (which, file, kind, place, length, value, past) => {
          const whole = known[which % known.length] as KnownFiles;
          const names = whole.files.names().filter((one) => /^(changelog|snapshot)/.test(one));
          const name = names[file % names.length] as string;
          const bytes = whole.files.get(name);
          const from = Math.floor(place * bytes.length);
          const until = Math.min(from + 1 + (kind === 'bit' || kind === 'byte' ? 0 : length), bytes.length);
          const range = { from, until: kind === 'end' ? bytes.length : until };
          const files = whole.files.copy();
          files.set(name, (damages[kind] as (typeof damages)['bit'])(bytes, range, value));

          const { restored, found } = await salvaged(files, past);
          const listed = new Set(found.map(({ key }) => key));
          if (!restored) {
            if (found.length === 0) expect(await opens(files)).toBeUndefined();
            return;
          }
          const missing = missingOf(whole, restored);
          // As of the batch before the only gap, nothing depends on it.
          const isBefore = found.some(({ reason }) => reason.startsWith('it is as of'));
          const isApart = isBefore && name.startsWith('changelog') && found.length === 2;
          const touched = isApart ? new Set<string>() : await touchedKeys(whole.files, name, range);
          for (const key of missing) expect([key, listed.has(key) || touched.has(key)]).toEqual([key, true]);
          if (!past && restored.time < whole.time && found.length > 0) {
            const reasons = found.map(({ reason }) => reason).join();
            expect(reasons).toMatch(
              /it is as of the batch of time \d+|its changelogs end before the batch of time \d+/,
            );
          }
          // What is refused is listed; what opens is read in the same way.
          const opened = await opens(files);
          if (opened) expect([restored.time, [...missing]]).toEqual([opened.time, []]);
          else expect(found.length).toBeGreaterThan(0);
        },
      ),
      propertySettings(300),
    );
  }, 120_000);
});

/** As a stream opens it; `undefined` where it is refused. */
async function opens(files: MemoryFiles): Promise<RestoredCheckpoint | undefined> {
  try {
    return (await recoverFiles(new Directory('/files', files))).state.restored();
  } catch (error) {
    if (error instanceof CorruptCheckpointError) return undefined;
    throw error;
  }
}
