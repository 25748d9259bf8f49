import { FencedError, StorageError } from 'dstream/node';
import { expect, it } from 'vitest';
import { openSegments, resolveFileLogOptions } from '../../../../src/sources/receiver/node/fileWriteAheadLog.js';
import type { FileSystem } from '../../../../src/storage/fileSystem.js';
import { MemoryFiles } from '../../../support/memoryFiles.js';
import { PausedFiles } from '../../../support/pausedFiles.js';
import { settle } from '../../../support/savedBatches.js';

// In MemoryFiles each opening is as if by another process; and the lock of the one before as if that were gone.

let openings = 0;
const segmentBytes = 200;
const openOn = (files: FileSystem, saved: number) =>
  openSegments(files, `/files/${openings++}`, resolveFileLogOptions({ segmentBytes }), { saved, planned: saved });

/** Stores records `who-0`, `who-1`, ... behind what was recovered, with a batch of them saved now and then. */
async function write(
  files: FileSystem,
  who: string,
  saved: number,
  count: number,
  onStored: (until: number) => void,
  onSaved: (until: number) => void,
): Promise<readonly unknown[]> {
  const session = await openOn(files, saved);
  const recovered = session.recovered().flatMap(({ from, records }) => records.slice(Math.max(saved - from, 0)));
  let next = saved + recovered.length;
  try {
    for (let n = 0; n < count; n++) {
      await settle(session.append({ from: next, records: [`${who}-${n}`] }));
      onStored(++next);
      if (n % 4 !== 3) continue;
      // The checkpoint first.
      onSaved(next - 2);
      await settle(session.release(next - 2));
    }
  } finally {
    await settle(session.close()).catch(() => {});
  }
  return recovered;
}

const nobody = () => {};

it('a process that was stopped at any call while another took over is fenced, and nothing it was told stored is lost', async () => {
  const watched = new MemoryFiles();
  const whole = new PausedFiles(watched, -1);
  // What is stopped before it has the lock takes over itself when it goes on.
  let locked = 0;
  watched.before = ({ operation }) => {
    if (operation === 'list') locked = whole.calls;
  };
  // One that is stopped while it leaves may take the lock of the other with it, which fails then, and loses nothing.
  let leaves = 0;
  const stored = () => {
    leaves = whole.calls;
  };
  await write(whole, 'zombie', 0, 16, stored, nobody);
  expect(leaves - locked).toBeGreaterThan(80);
  const errors = new Set<string>();
  for (let at = locked; at < leaves; at++) {
    const files = new MemoryFiles();
    const paused = new PausedFiles(files, at);
    let stored = 0;
    let saved = 0;
    const zombie = write(
      paused,
      'zombie',
      0,
      16,
      (until) => {
        stored = until;
      },
      (until) => {
        saved = until;
      },
    ).catch((error: unknown) => error);
    await paused.paused;

    // Another takes over and runs through, with a few segments; or is at work still when the first goes on.
    const before = saved;
    let own = before;
    const rest = await write(files, 'owner', before, 9, nobody, (until) => {
      own = until;
    });
    const owner = await openOn(files, own);
    paused.continue();
    const end = await zombie;
    if (end instanceof FencedError || end instanceof StorageError) errors.add(end.name);
    else expect(end).toBeInstanceOf(Array);
    // All that it was told was stored was there for the other; of what was in no saved batch each record, in its place.
    expect(rest.length).toBeGreaterThanOrEqual(stored - before);
    expect(rest.every((record) => String(record).startsWith('zombie'))).toBe(true);
    const next = before + rest.length + 9;
    await settle(owner.append({ from: next, records: ['owner-last'] }));
    await settle(owner.close());

    const last = await openOn(files, own);
    const records = last.recovered().flatMap(({ from, records }) => records.slice(Math.max(own - from, 0)));
    const expected = [...rest, ...Array.from({ length: 9 }, (_, n) => `owner-${n}`), 'owner-last'];
    expect(records).toEqual(expected.slice(own - before));
    await settle(last.close());
  }
  expect(errors).toContain('FencedError');
});
