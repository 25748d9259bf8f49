import { foreachBatch, fromBatches, type Pair, updateStateByKey } from 'dstream';
import { StorageError } from 'dstream/node';
import { catchError, from, lastValueFrom, map, type Observable, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { openFiles } from '../../../src/state/file/fileCheckpoint.js';
import { type FileCall, failure, MemoryFiles, type Tail } from '../../support/memoryFiles.js';
import { readBack, settle, writeBatches } from '../../support/savedBatches.js';

let openings = 0;
const open = (files: MemoryFiles, snapshotBytes = 1e9) => openFiles(files, `/files/${openings++}`, snapshotBytes);
const openIn = (files: MemoryFiles) => (_: string, snapshotBytes?: number) => open(files, snapshotBytes);

/** Writes batches until one fails. Gives the last that was acknowledged, and the error. */
async function write(files: MemoryFiles, first: number, until: number) {
  let saved = first - 1;
  let error: unknown;
  try {
    await writeBatches(openIn(files), '', first, until, 500, (n) => {
      saved = n;
    });
  } catch (caught) {
    error = caught;
  }
  return { saved, error };
}

/** Every call of a run that changes something, or reads the lock. */
async function callsOfARun(): Promise<readonly FileCall[]> {
  const calls: FileCall[] = [];
  const files = new MemoryFiles();
  files.before = (call) => calls.push(call);
  await write(files, 1, 8);
  return calls;
}

describe('a checkpoint on a disk that fails', () => {
  it('makes every kind of call, so that the tests below mean something', async () => {
    const operations = new Set((await callsOfARun()).map(({ operation }) => operation));
    expect([...operations].sort()).toEqual([
      'close',
      'link',
      'list',
      'open',
      'read',
      'remove',
      'rename',
      'sync',
      'write',
    ]);
  });

  it.each(['EIO', 'ENOSPC'])(
    'fails with a typed error at %s in any call, is not damaged, and goes on later',
    async (code) => {
      const calls = await callsOfARun();
      let failed = 0;
      for (let at = 0; at < calls.length; at++) {
        for (const lasting of [false, true]) {
          const files = new MemoryFiles();
          let number = 0;
          files.before = ({ operation, name }) => {
            const now = number++;
            if (lasting ? now >= at : now === at) throw failure(code, operation, name);
          };
          const { saved, error } = await write(files, 1, 8);
          if (error) {
            expect(error).toBeInstanceOf(StorageError);
            expect(error).toMatchObject({ code: 'STORAGE', retriable: true, cause: { code } });
            failed++;
          } else expect(saved).toBe(7);

          files.before = () => {};
          const recovered = await readBack(openIn(files), '');
          // What failed may be on the disk all the same: it was not acknowledged, and is whole.
          expect(recovered - saved).toBeGreaterThanOrEqual(0);
          expect(recovered - saved).toBeLessThanOrEqual(1);
          expect(await write(files, recovered + 1, 12)).toEqual({ saved: 11, error: undefined });
          expect(await readBack(openIn(files), '')).toBe(11);
        }
      }
      // Only snapshots, which are tried again, and what is deleted may fail in silence.
      expect(failed).toBeGreaterThan(calls.length);
    },
  );

  it('writes nothing more after a failure, though the disk works again', async () => {
    const files = new MemoryFiles();
    const session = await open(files);
    files.before = ({ operation, name }) => {
      if (operation === 'sync') throw failure('EIO', operation, name);
    };
    const plan = { time: 10, zeroTime: 0, interval: 10, ranges: {} };
    await expect(settle(session.plan(plan))).rejects.toThrow(StorageError);
    const before = files.get('changelog-1');
    files.before = () => {};
    await expect(settle(session.plan(plan))).rejects.toThrow(StorageError);
    expect(files.get('changelog-1')).toEqual(before);
    await settle(session.close());
    expect((await open(files)).restored).toBeUndefined();
  });

  it.each<Tail>(['none', 'all', 'half', 'zeros'])(
    'has every acknowledged batch after a power cut (%s)',
    async (tail) => {
      const cuts: { readonly files: MemoryFiles; readonly saved: number }[] = [];
      for (let snapshotBytes = 200; snapshotBytes < 1_000; snapshotBytes += 200) {
        const files = new MemoryFiles();
        let saved = 0;
        files.before = () => cuts.push({ files: files.afterPowerCut(tail), saved });
        await writeBatches(openIn(files), '', 1, 10 + (snapshotBytes % 7), snapshotBytes, (n) => {
          saved = n;
        });
      }
      expect(cuts.some((cut) => cut.files.names().some((name) => /^snapshot-\d+$/.test(name)))).toBe(true);
      for (const [i, cut] of cuts.entries()) {
        const recovered = await readBack(openIn(cut.files), '');
        expect(recovered).toBeGreaterThanOrEqual(cut.saved);
        expect(recovered).toBeLessThanOrEqual(cut.saved + 1);
        if (i % 9 > 0) continue;
        expect(await write(cut.files, recovered + 1, 20)).toEqual({ saved: 19, error: undefined });
        expect(await readBack(openIn(cut.files), '')).toBe(19);
      }
    },
  );

  it('stops a stream when the disk is full, at whatever byte, and lets it go on when there is room', async () => {
    const days = Array.from({ length: 8 }, (_, i): Pair<string, number>[] => [[`key-${i % 3}`, i]]);
    const counts = (files: MemoryFiles): Observable<string> =>
      fromBatches(days, { interval: 2, checkpoint: { location: 'memory', open: () => from(open(files, 500)) } }).pipe(
        updateStateByKey<string, number, number>((values, sum) => values.reduce((a, b) => a + b, sum ?? 0), {
          id: 'sums',
        }),
        foreachBatch(() => {}),
        map(({ records }) => JSON.stringify(records)),
      );
    const whole = await lastValueFrom(counts(new MemoryFiles()));

    let full = 0;
    for (let capacity = 0; capacity < 6_000; capacity += 137) {
      const files = new MemoryFiles();
      files.capacity = capacity;
      const caught: unknown[] = [];
      const stream = counts(files);
      const again = catchError((error: unknown) => {
        caught.push(error);
        files.capacity = Infinity;
        return stream;
      });
      expect((await lastValueFrom(stream.pipe(again, toArray()))).at(-1)).toBe(whole);
      for (const error of caught) expect(error).toMatchObject({ code: 'STORAGE', cause: { code: 'ENOSPC' } });
      full += caught.length;
    }
    expect(full).toBeGreaterThan(10);
  });
});
