import type { RestoredCheckpoint } from 'dstream';
import { CorruptCheckpointError } from 'dstream/node';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Damage } from '../../../src/state/damage.js';
import { recordToBytes } from '../../../src/state/file/checkpointRecord.js';
import { openFiles } from '../../../src/state/file/fileCheckpoint.js';
import { recoverFiles } from '../../../src/state/file/fileRecovery.js';
import { salvageFiles } from '../../../src/state/file/salvageFiles.js';
import { Directory } from '../../../src/storage/directory.js';
import { readRecords } from '../../../src/storage/readRecords.js';
import { frame } from '../../../src/storage/recordFrame.js';
import { propertySettings } from '../../property/settings.js';
import { type KnownFiles, knownFiles, positionsAt } from '../../support/damagedFiles.js';
import type { MemoryFiles } from '../../support/memoryFiles.js';
import { settle } from '../../support/savedBatches.js';

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

/** Files as they were before a changelog was begun behind that of the newest snapshot; `undefined` where there is no snapshot. */
async function withOneChangelog({ files: all }: KnownFiles) {
  const files = all.copy();
  const number = Math.max(0, ...files.names().map((name) => Number(/^snapshot-(\d+)$/.exec(name)?.[1] ?? 0)));
  if (number === 0) return undefined;
  const [snapshot, changelog] = [`snapshot-${number}`, `changelog-${number}`];
  for (const name of files.names()) {
    if (/^(changelog|snapshot)/.test(name) && name !== snapshot && name !== changelog)
      await files.remove(`/files/${name}`);
  }
  return { files, snapshot, changelog };
}

/** Where the records of a file begin, and where the last one ends. */
async function bordersOf(files: MemoryFiles, name: string): Promise<readonly number[]> {
  const borders: number[] = [];
  const end = await readRecords(files, `/files/${name}`, {}, (_, at) => borders.push(at));
  return [...borders, end];
}

describe('a snapshot whose only changelog does not cover it', () => {
  it('is not passed as whole where the changelog has no record at all', async () => {
    let cases = 0;
    for (const whole of known) {
      const one = await withOneChangelog(whole);
      if (!one) continue;
      const { snapshot, changelog } = one;
      const borders = await bordersOf(one.files, snapshot);
      const bytes = one.files.get(changelog);
      const [header = 0, second = 0] = await bordersOf(one.files, changelog);
      for (const isOld of [false, true]) {
        const files = one.files.copy();
        if (isOld) {
          const end = frame([recordToBytes({ kind: 'end' })], borders.length - 2);
          files.set(snapshot, Buffer.concat([files.get(snapshot).subarray(0, borders.at(-2)), end]));
          expect((await salvaged(files, false)).found).toEqual([]);
        }
        for (const left of [
          Buffer.alloc(0),
          Buffer.alloc(bytes.length),
          bytes.subarray(0, header),
          bytes.subarray(0, second - 1),
        ]) {
          files.set(changelog, left);
          expect(await opens(files)).toBeUndefined();
          for (const past of [false, true]) {
            const { restored, found } = await salvaged(files, past);
            missingOf(whole, restored as RestoredCheckpoint);
            const lost = found.filter(({ place }) => place.endsWith(changelog)).map(({ reason }) => reason);
            expect(lost).toEqual([expect.stringMatching(/records are lost$/)]);
            cases++;
          }
        }
      }
    }
    expect(cases).toBeGreaterThan(0);
  });

  it('has no value of a later batch where its last record is lost too', async () => {
    let cases = 0;
    let kept = 0;
    for (const whole of known) {
      const one = await withOneChangelog(whole);
      if (!one) continue;
      const { files, snapshot, changelog } = one;
      const bytes = files.get(snapshot);
      const last = (await bordersOf(files, snapshot)).at(-2) as number;
      const log = files.get(changelog);
      const [, ...ends] = await bordersOf(files, changelog);
      for (const damaged of [withByte(bytes, bytes.length - 3, (byte) => byte ^ 1), bytes.subarray(0, last)]) {
        files.set(snapshot, damaged);
        for (const end of ends) {
          files.set(changelog, log.subarray(0, end));
          const { restored, found } = await salvaged(files, false);
          missingOf(whole, restored as RestoredCheckpoint);
          const reasons = found.map(({ reason }) => reason).join();
          expect(reasons).toContain('its entries may be of later batches than the checkpoint');
          cases++;
        }
        // What the changelog sets is known.
        const { restored } = await salvaged(files, false);
        for (const id of restored?.stateIds ?? []) kept += [...(restored?.state(id)?.entries() ?? [])].length;
      }
    }
    expect(kept).toBeGreaterThan(0);
    expect(cases).toBeGreaterThan(0);
  });

  it('has all of its values where a later changelog shows that they are covered', async () => {
    let cases = 0;
    for (const whole of known) {
      const one = await withOneChangelog(whole);
      if (!one) continue;
      const session = await openFiles(one.files, '/files', 4_000);
      await settle(session.close());
      const bytes = one.files.get(one.snapshot);
      one.files.set(
        one.snapshot,
        withByte(bytes, bytes.length - 3, (byte) => byte ^ 1),
      );
      const { restored, found } = await salvaged(one.files, false);
      expect(found).toHaveLength(1);
      expect(missingOf(whole, restored as RestoredCheckpoint)).toEqual(new Set());
      cases++;
    }
    expect(cases).toBeGreaterThan(0);
  });
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
