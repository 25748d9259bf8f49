import { StorageError } from 'dstream/node';
import { describe, expect, it } from 'vitest';
import { type Known, live, nothing, openLog, readEnd, recordsFrom } from '../../../support/loggedBlocks.js';
import { type FileCall, failure, MemoryFiles, type Tail } from '../../../support/memoryFiles.js';
import { settle } from '../../../support/savedBatches.js';

const end = 30;
const segmentBytes = 250;

/** Two lives over one directory, each until it fails. Gives what is known outside, and the errors. */
async function lives(files: MemoryFiles, known: Known = nothing()): Promise<readonly unknown[]> {
  const errors: unknown[] = [];
  for (const until of [end / 2, end]) {
    await live(files, known, until, segmentBytes).catch((error: unknown) => errors.push(error));
  }
  return errors;
}

async function callsOfTheLives(): Promise<readonly FileCall[]> {
  const calls: FileCall[] = [];
  const files = new MemoryFiles();
  files.before = (call) => calls.push(call);
  expect(await lives(files)).toEqual([]);
  return calls;
}

/** Opens the log and goes on: all that was acknowledged is there, and what comes now is too. */
async function goesOn(files: MemoryFiles, known: Known): Promise<void> {
  expect(await readEnd(files, known)).toBeGreaterThanOrEqual(known.stored);
  await live(files, known, end + 5, segmentBytes);
  expect(known.stored).toBe(end + 5);
  expect(await readEnd(files, known)).toBe(end + 5);
}

describe('a write-ahead log on a disk that fails', () => {
  it('makes every kind of call, so that the tests below mean something', async () => {
    const operations = new Set((await callsOfTheLives()).map(({ operation }) => operation));
    expect([...operations].sort()).toEqual(['close', 'link', 'list', 'open', 'read', 'remove', 'sync', 'write']);
  });

  it.each(['EIO', 'ENOSPC'])('fails with a typed error at %s in any call, and has what was stored', async (code) => {
    const calls = await callsOfTheLives();
    let failed = 0;
    for (let at = 0; at < calls.length; at++) {
      for (const lasting of [false, true]) {
        const files = new MemoryFiles();
        const known = nothing();
        let number = 0;
        files.before = ({ operation, name }) => {
          const now = number++;
          if (lasting ? now >= at : now === at) throw failure(code, operation, name);
        };
        for (const error of await lives(files, known)) {
          expect(error).toBeInstanceOf(StorageError);
          expect(error).toMatchObject({ code: 'STORAGE', retriable: true, cause: { code } });
          failed++;
        }
        files.before = () => {};
        await goesOn(files, known);
      }
    }
    expect(failed).toBeGreaterThan(calls.length);
  });

  it('writes nothing more after a failure, though the disk works again, and has nothing that was not synced', async () => {
    const files = new MemoryFiles();
    const session = await openLog(files, nothing());
    await settle(session.append({ from: 0, records: recordsFrom(0, 2) }));
    files.before = ({ operation, name }) => {
      if (operation === 'sync') throw failure('EIO', operation, name);
    };
    await expect(settle(session.append({ from: 2, records: recordsFrom(2, 2) }))).rejects.toThrow(StorageError);
    const before = files.get('segment-1');
    files.before = () => {};
    await expect(settle(session.append({ from: 2, records: recordsFrom(2, 2) }))).rejects.toThrow(StorageError);
    expect(files.get('segment-1')).toEqual(before);
    await settle(session.close());
    expect(await readEnd(files, nothing())).toBe(2);
  });

  it('fails when the disk is full, at whatever byte, and goes on when there is room', async () => {
    let full = 0;
    for (let capacity = 0; capacity < 2_000; capacity += 7) {
      const files = new MemoryFiles();
      const known = nothing();
      files.capacity = capacity;
      for (const error of await lives(files, known)) {
        expect(error).toMatchObject({ code: 'STORAGE', cause: { code: 'ENOSPC' } });
        full++;
      }
      files.capacity = Infinity;
      await goesOn(files, known);
    }
    expect(full).toBeGreaterThan(50);
  });

  it.each<Tail>(['none', 'all', 'half', 'zeros', 'hole'])(
    'has every record that was stored after a power cut at any call (%s)',
    async (tail) => {
      const cuts: { readonly files: MemoryFiles; readonly known: Known }[] = [];
      const files = new MemoryFiles();
      const known = nothing();
      files.before = () => cuts.push({ files: files.afterPowerCut(tail), known: { ...known } });
      expect(await lives(files, known)).toEqual([]);
      expect(cuts.length).toBeGreaterThan(100);
      expect(cuts.some((cut) => cut.known.saved > 10)).toBe(true);
      for (const cut of cuts) await goesOn(cut.files, cut.known);
    },
  );

  it.each<Tail>(['none', 'all', 'half', 'zeros', 'hole'])(
    'has every large record that was stored, which is written in several pieces, after a power cut at any call (%s)',
    async (tail) => {
      const blocks = Array.from({ length: 4 }, (_, n) => [`${n}`.padEnd(50_000, 'x'), `${n}`.padEnd(40_000, 'y')]);
      const files = new MemoryFiles();
      const cuts: { readonly files: MemoryFiles; readonly stored: number }[] = [];
      let stored = 0;
      const session = await openLog(files, nothing(), 150_000);
      files.before = ({ operation }) => {
        if (operation === 'write' || operation === 'sync') cuts.push({ files: files.afterPowerCut(tail), stored });
      };
      for (const records of blocks) {
        await settle(session.append({ from: stored, records }));
        stored += records.length;
      }
      // A head, a payload and a sync for each.
      expect(cuts.length).toBeGreaterThanOrEqual(3 * blocks.length);
      const all = blocks.flat();
      for (const cut of cuts) {
        const recovered = (await openLog(cut.files, nothing())).recovered().flatMap(({ records }) => records);
        expect(recovered.length).toBeGreaterThanOrEqual(cut.stored);
        expect(recovered).toEqual(all.slice(0, recovered.length));
      }
    },
  );
});
