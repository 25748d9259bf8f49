import { CorruptCheckpointError } from 'dstream/node';
import { describe, expect, it } from 'vitest';
import { openFiles } from '../../../src/state/file/fileCheckpoint.js';
import { recoverFiles } from '../../../src/state/file/fileRecovery.js';
import { Directory } from '../../../src/storage/directory.js';
import { MemoryFiles } from '../../support/memoryFiles.js';
import { checkedBatch, readBack, writeBatches } from '../../support/savedBatches.js';

let openings = 0;
const openIn = (files: MemoryFiles) => (_: string, snapshotBytes?: number) =>
  openFiles(files, `/files/${openings++}`, snapshotBytes ?? 1e9);

/** A snapshot, the changelogs that came after it, and the one of a second opening: the last. */
async function directoryWithAll(): Promise<{ files: MemoryFiles; last: string }> {
  const files = new MemoryFiles();
  await writeBatches(openIn(files), '', 1, 5, 500);
  await writeBatches(openIn(files), '', 5, 8);
  const names = files.names().sort();
  expect(names.length).toBeGreaterThanOrEqual(3);
  expect(names.at(-1)).toMatch(/^snapshot-\d$/);
  return { files, last: names.at(-2) ?? '' };
}

/** Reads a damaged directory: the batch that it ends with, or what it refuses. */
async function readDamaged(whole: MemoryFiles, name: string, bytes: Uint8Array) {
  const files = whole.copy();
  files.set(name, bytes);
  try {
    return checkedBatch((await recoverFiles(new Directory('/files', files))).state.restored());
  } catch (error) {
    if (!(error instanceof CorruptCheckpointError)) throw error;
    expect(error.file).toMatch(new RegExp(`/${name}$`));
    expect(error.offset).toBeLessThanOrEqual(bytes.length);
    return error;
  }
}

describe('damaged checkpoint files', () => {
  it('end with a whole batch wherever the last changelog is cut off; other files are refused', async () => {
    const { files: whole, last: lastName } = await directoryWithAll();
    for (const name of whole.names()) {
      const bytes = whole.get(name);
      let last = 4;
      for (let length = 0; length < bytes.length; length++) {
        const read = await readDamaged(whole, name, bytes.subarray(0, length));
        if (name !== lastName) expect(read).toBeInstanceOf(CorruptCheckpointError);
        else {
          expect(read).toBeGreaterThanOrEqual(last);
          last = read as number;
        }
      }
    }
    expect(await readBack(openIn(whole), '')).toBe(7);
  });

  it('are read right or refused, with file and offset, whichever bit is flipped', async () => {
    const { files: whole, last: lastName } = await directoryWithAll();
    for (const name of whole.names()) {
      const bytes = whole.get(name);
      let refused = 0;
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = Buffer.from(bytes);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const read = await readDamaged(whole, name, flipped);
        if (typeof read !== 'number') refused++;
        // A flip in the last record looks like one that was cut off: the batch before it is a right answer.
        else expect(read).toBeGreaterThanOrEqual(name === lastName ? 6 : 7);
      }
      if (name !== lastName) expect(refused).toBe(bytes.length * 8);
      expect(refused).toBeGreaterThan(bytes.length * 6);
    }
  });

  it('are refused when the header of the last changelog is zeroed, and the first record was synced', async () => {
    const files = new MemoryFiles();
    for (const from of [1, 4]) await writeBatches(openIn(files), '', from, from + 3);
    const name =
      files
        .names()
        .filter((one) => one.startsWith('changelog'))
        .sort()
        .at(-1) ?? '';
    expect(await readDamaged(files, name, Buffer.from(files.get(name)).fill(0, 0, 12))).toBeInstanceOf(
      CorruptCheckpointError,
    );
    // As a power cut may leave one that was begun only: nothing is lost by that.
    expect(await readDamaged(files, name, Buffer.alloc(files.get(name).length))).toBe(3);
  });

  it('are refused when one is missing', async () => {
    const { files: whole, last } = await directoryWithAll();
    for (const name of whole.names().filter((one) => one !== last)) {
      const files = whole.copy();
      await files.remove(name);
      await expect(readBack(openIn(files), ''), name).rejects.toThrow(CorruptCheckpointError);
    }
  });
});
