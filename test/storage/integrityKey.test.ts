import { copyFileSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import * as v8 from 'node:v8';
import { type DStreamError, InvalidOptionError } from 'dstream';
import { CorruptCheckpointError, fileBlockStore, fileCheckpoint, fileWriteAheadLog } from 'dstream/node';
import { firstValueFrom, from } from 'rxjs';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { frame, frameBytes, headAt, headerBytes } from '../../src/storage/recordFrame.js';
import { runCommand } from '../support/runCommand.js';
import { readBack, settle, writeBatches } from '../support/savedBatches.js';

vi.mock('node:v8', async (original) => {
  const module = await original<typeof v8>();
  return { ...module, deserialize: vi.fn(module.deserialize) };
});

const root = mkdtempSync(join(tmpdir(), 'dstream-integrity-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const newDirectory = () => mkdtempSync(join(root, 'store-'));

const key = 'a secret of more than sixteen bytes';
const otherKey = Buffer.alloc(16, 7);
type Key = string | Uint8Array | undefined;

const openCheckpoint = (integrityKey: Key) => (directory: string, snapshotBytes?: number) =>
  firstValueFrom(from(fileCheckpoint(directory, { snapshotBytes, integrityKey }).open()));

/** A snapshot, and changelogs of two openings. */
async function writeCheckpoint(directory: string, integrityKey: Key): Promise<void> {
  await writeBatches(openCheckpoint(integrityKey), directory, 1, 5, 500);
  await writeBatches(openCheckpoint(integrityKey), directory, 5, 8);
  expect(await readBack(openCheckpoint(integrityKey), directory)).toBe(7);
}

const openLog = (integrityKey: Key, directory: string, lazy = false) =>
  firstValueFrom(from(fileWriteAheadLog(directory, { integrityKey }).open({ saved: 0, planned: 0, lazy })));

/** Segments of two openings: `Map`s, so that V8 writes them. */
async function writeLog(directory: string, integrityKey: Key): Promise<void> {
  for (const first of [0, 2]) {
    const session = await openLog(integrityKey, directory);
    await settle(session.append({ from: first, records: [new Map([[first, 'a']]), 'b'] }));
    await settle(session.close());
  }
  expect(await readLog(directory, integrityKey)).toBe(4);
}

async function readLog(directory: string, integrityKey: Key): Promise<number> {
  const session = await openLog(integrityKey, directory);
  try {
    return session.recovered().reduce((count, { records }) => count + records.length, 0);
  } finally {
    await settle(session.close());
  }
}

const stores = [
  {
    name: 'fileCheckpoint',
    write: writeCheckpoint,
    read: (directory: string, integrityKey: Key) => readBack(openCheckpoint(integrityKey), directory),
    changelog: 'changelog',
    whole: 7,
  },
  { name: 'fileWriteAheadLog', write: writeLog, read: readLog, changelog: 'segment', whole: 4 },
] as const;

const dataFiles = (directory: string) => readdirSync(directory).filter((name) => /^[a-z]+-\d+$/.test(name));
const placesIn = (bytes: Buffer) => {
  const places: { at: number; length: number; sequence: number }[] = [];
  for (let at = headerBytes; at < bytes.length; ) {
    const head = headAt(bytes, at);
    if (!head) throw new Error(`no head at ${at}`);
    places.push({ at, length: head.length, sequence: head.sequence });
    at += frameBytes + head.length;
  }
  return places;
};

/** The file with a byte of a record changed, and its checksum computed again, as somebody who can write it would. */
function forged(bytes: Buffer, { at, length, sequence }: ReturnType<typeof placesIn>[number], place: number): Buffer {
  const payload = Buffer.from(bytes.subarray(at + frameBytes, at + frameBytes + length));
  payload[place] = (payload[place] as number) ^ 1;
  return Buffer.concat([bytes.subarray(0, at), frame([payload], sequence), bytes.subarray(at + frameBytes + length)]);
}

const copyOf = (directory: string) => {
  const copy = newDirectory();
  for (const name of dataFiles(directory)) copyFileSync(join(directory, name), join(copy, name));
  return copy;
};

const failureOf = (work: Promise<unknown>) =>
  work.then(
    (value) => expect.unreachable(`it was read: ${String(value)}`),
    (error: DStreamError) => {
      expect(error).toBeInstanceOf(CorruptCheckpointError);
      for (const text of [error.message, inspect(error), JSON.stringify(error)]) {
        expect(text).not.toContain(key);
        expect(text).not.toContain(Buffer.from(key).toString('hex'));
      }
      return error as CorruptCheckpointError;
    },
  );

describe.each(stores)('$name with an integrityKey', ({ write, read, changelog, whole }) => {
  let directory = '';
  beforeEach(async () => {
    directory = newDirectory();
    await write(directory, key);
    vi.mocked(v8.deserialize).mockClear();
  });

  it('reads what was written with the same key, as text or as bytes', async () => {
    expect(await read(directory, Buffer.from(key))).toBe(whole);
    expect(v8.deserialize).toHaveBeenCalled();
  });

  it('refuses a record that was changed together with its checksum, before anything of it is decoded', async () => {
    let refused = 0;
    for (const name of dataFiles(directory)) {
      const bytes = readFileSync(join(directory, name));
      for (const place of placesIn(bytes)) {
        // In the code, and in what it authenticates.
        for (const changed of place.sequence === 0 ? [0, place.length - 1] : [place.length - 1]) {
          const copy = copyOf(directory);
          const forgery = forged(bytes, place, changed);
          writeFileSync(join(copy, name), forgery);
          vi.mocked(v8.deserialize).mockClear();
          const error = await failureOf(read(copy, key));
          expect(error.file).toBe(join(copy, name));
          expect(error.offset).toBe(place.at);
          expect(error.message).toContain('integrityKey');
          const payload = forgery.subarray(place.at + frameBytes, place.at + frameBytes + place.length);
          for (const [decoded] of vi.mocked(v8.deserialize).mock.calls) {
            const view = decoded as Uint8Array;
            expect(Buffer.from(view.buffer, view.byteOffset, view.byteLength).includes(payload.subarray(16))).toBe(
              false,
            );
          }
          refused++;
        }
      }
    }
    expect(refused).toBeGreaterThan(5);
  });

  it('refuses a file in the place of another', async () => {
    const names = dataFiles(directory).filter((name) => name.startsWith(changelog));
    const last = names.at(-1) as string;
    const next = `${changelog}-${Number(last.slice(changelog.length + 1)) + 1}`;
    const copy = copyOf(directory);
    renameSync(join(copy, last), join(copy, next));
    const error = await failureOf(read(copy, key));
    expect([error.file, error.offset]).toEqual([join(copy, next), headerBytes]);
    expect(error.message).toContain('integrityKey');
  });

  it('refuses what was written without a key, or with another one, and says which option is missing', async () => {
    expect((await failureOf(read(directory, otherKey))).message).toContain('not written with this integrityKey');
    const missing = await failureOf(read(directory, undefined));
    expect(missing.message).toContain('with the option integrityKey, which is missing');
    expect(missing.message).toContain(directory);
    expect(v8.deserialize).not.toHaveBeenCalled();

    const plain = newDirectory();
    await write(plain, undefined);
    vi.mocked(v8.deserialize).mockClear();
    expect((await failureOf(read(plain, key))).message).toContain('without the option integrityKey');
    expect(v8.deserialize).not.toHaveBeenCalled();
    expect(await read(plain, undefined)).toBe(whole);
  });

  it('ends with the last whole record where a crash has cut the last file off', async () => {
    const last = dataFiles(directory)
      .filter((name) => name.startsWith(changelog))
      .at(-1) as string;
    const bytes = readFileSync(join(directory, last));
    const results = new Set<number>();
    for (let length = 0; length < bytes.length; length += 53) {
      const copy = copyOf(directory);
      writeFileSync(join(copy, last), bytes.subarray(0, length));
      results.add(await read(copy, key));
    }
    expect(Math.max(...results)).toBeLessThanOrEqual(whole);
  });
});

describe('fileBlockStore with an integrityKey', () => {
  it('reads its blocks, and refuses one that was changed together with its checksum', async () => {
    const directory = newDirectory();
    const store = fileBlockStore(directory, { integrityKey: key });
    const session = await firstValueFrom(from(store.open({ saved: 0, planned: 0, lazy: true })));
    await settle(session.append({ from: 0, records: [new Map([[1, 'a']])] }));
    await settle(session.append({ from: 1, records: ['b'] }));
    expect((await session.read?.(0))?.block.records).toEqual([new Map([[1, 'a']])]);
    const path = join(directory, dataFiles(directory)[0] as string);
    const bytes = readFileSync(path);
    const [, first, second] = placesIn(bytes);
    if (!first || !second) return expect.unreachable('two blocks');
    writeFileSync(path, forged(bytes, first, first.length - 1));
    vi.mocked(v8.deserialize).mockClear();
    expect((await failureOf(Promise.resolve(session.read?.(0)))).message).toContain('integrityKey');
    expect(v8.deserialize).not.toHaveBeenCalled();
    expect((await session.read?.(1))?.block.records).toEqual(['b']);
    await settle(session.close());
  });

  it('writes segments that a write-ahead log with the same key refuses', async () => {
    const [blocks, log] = [newDirectory(), newDirectory()];
    const store = fileBlockStore(blocks, { integrityKey: key });
    const session = await firstValueFrom(from(store.open({ saved: 0, planned: 0, lazy: true })));
    await settle(session.append({ from: 0, records: ['a'] }));
    for (const name of dataFiles(blocks)) copyFileSync(join(blocks, name), join(log, name));
    await settle(session.close());
    expect((await failureOf(readLog(log, key))).message).toContain('integrityKey');
  });
});

describe('an integrityKey', () => {
  it.each([fileCheckpoint, fileWriteAheadLog, fileBlockStore])('must be 16 bytes, and is not shown', (make) => {
    for (const integrityKey of ['too short', Buffer.from('too short'), '', 5 as never]) {
      const refused = () => make(root, { integrityKey });
      expect(refused).toThrow(InvalidOptionError);
      expect(refused).toThrow(/integrityKey \("not shown"\) must be text or bytes, at least 16 bytes/);
    }
    const misspelt = { integrityKeys: key } as never;
    expect(() => make(root, misspelt)).toThrow(/integrityKeys \("not shown"\) is not an option: did you mean/);
    expect(inspect(make(root, { integrityKey: key }), { depth: 10, showHidden: true })).not.toContain(key);
  });

  describe('in DSTREAM_INTEGRITY_KEY', () => {
    afterEach(() => vi.unstubAllEnvs());

    it('is that of `dstream checkpoint`, which moves a checkpoint from one key to another', async () => {
      const [plain, keyed] = [newDirectory(), newDirectory()];
      await writeCheckpoint(plain, undefined);
      const exported = await runCommand(['checkpoint', plain, 'export']);
      vi.stubEnv('DSTREAM_INTEGRITY_KEY', key);
      expect((await runCommand(['checkpoint', plain, 'inspect'])).err).toContain('without the option integrityKey');
      expect(await runCommand(['checkpoint', keyed, 'import'], exported.out)).toMatchObject({ code: 0, err: '' });
      expect((await runCommand(['checkpoint', keyed, 'export'])).out).toBe(exported.out);
      vi.unstubAllEnvs();
      const refused = await runCommand(['checkpoint', keyed, 'inspect']);
      expect(refused.code).toBe(1);
      expect(refused.err).toContain('DSTREAM_INTEGRITY_KEY');
      expect(refused.err).not.toContain(key);
      expect(await readBack(openCheckpoint(key), keyed)).toBe(7);
    });
  });
});
