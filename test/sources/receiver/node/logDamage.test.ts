import { CorruptCheckpointError } from 'dstream/node';
import { describe, expect, it } from 'vitest';
import { recoverSegments } from '../../../../src/sources/receiver/node/recoverSegments.js';
import { blockSegmentFormat, blockToBytes } from '../../../../src/sources/receiver/node/segmentRecords.js';
import { Directory } from '../../../../src/storage/directory.js';
import { frame, header } from '../../../../src/storage/recordFrame.js';
import { checkedEnd, type Known, live, nothing, openLog, readEnd } from '../../../support/loggedBlocks.js';
import { MemoryFiles } from '../../../support/memoryFiles.js';

const isSegment = (name: string) => name.startsWith('segment');

/** Segments of two lives, none of which is saved: the last one is of the second. */
async function logOfTwoLives(): Promise<{ readonly files: MemoryFiles; readonly last: string; readonly end: number }> {
  const files = new MemoryFiles();
  const known = nothing();
  await live(files, known, 8, 150);
  await live(files, { ...known, saved: 0 }, 14);
  const names = files.names().filter(isSegment);
  expect(names.length).toBeGreaterThanOrEqual(3);
  return { files, last: names.at(-1) ?? '', end: 14 };
}

/** Reads a damaged log: where it ends, after a check of its records, or what it refuses. */
async function readDamaged(whole: MemoryFiles, name: string, bytes: Uint8Array, known: Known) {
  const files = whole.copy();
  files.set(name, bytes);
  try {
    return checkedEnd((await recoverSegments(new Directory('/files', files), known)).blocks, known);
  } catch (error) {
    if (!(error instanceof CorruptCheckpointError)) throw error;
    expect(error.file).toMatch(new RegExp(`/${name}$`));
    expect(error.offset).toBeLessThanOrEqual(bytes.length);
    return error;
  }
}

describe('a damaged write-ahead log', () => {
  it('ends with a whole block wherever its last segment is cut off; other segments are refused', async () => {
    const { files, last, end } = await logOfTwoLives();
    for (const name of files.names().filter(isSegment)) {
      const bytes = files.get(name);
      let before = 8;
      for (let length = 0; length < bytes.length; length++) {
        const read = await readDamaged(files, name, bytes.subarray(0, length), nothing());
        if (name !== last) expect(read).toBeInstanceOf(CorruptCheckpointError);
        else {
          expect(read).toBeGreaterThanOrEqual(before);
          before = read as number;
        }
      }
      if (name === last) expect(before).toBeLessThan(end);
    }
    expect(await readEnd(files, nothing())).toBe(end);
  });

  it('gives no wrong record, whichever bit is flipped: it is refused, or ends before its last block', async () => {
    const { files, last, end } = await logOfTwoLives();
    for (const name of files.names().filter(isSegment)) {
      const bytes = files.get(name);
      let refused = 0;
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = Buffer.from(bytes);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const read = await readDamaged(files, name, flipped, nothing());
        if (typeof read !== 'number') refused++;
        else {
          // A flip in the last block looks like one that was cut off.
          expect(name).toBe(last);
          expect(read).toBeGreaterThanOrEqual(end - 3);
          expect(read).toBeLessThan(end);
        }
      }
      if (name !== last) expect(refused).toBe(bytes.length * 8);
      expect(refused).toBeGreaterThan(bytes.length * 5);
    }
  });

  it('is refused all the same where a batch was planned with what is missing at its end', async () => {
    const { files, last, end } = await logOfTwoLives();
    const cut = files.get(last).subarray(0, -1);
    const known = { stored: end, planned: end, saved: 0 };
    expect(await readDamaged(files, last, cut, known)).toBeInstanceOf(CorruptCheckpointError);
  });

  it('is refused when a segment is missing, unless all in it is saved', async () => {
    const { files, last } = await logOfTwoLives();
    const [first = '', ...others] = files.names().filter((name) => isSegment(name) && name !== last);
    for (const name of [first, ...others]) {
      const without = files.copy();
      await without.remove(name);
      await expect(openLog(without, nothing()), name).rejects.toThrow('the file is missing');
    }
    await files.remove(first);
    expect(await readEnd(files, { stored: 14, planned: 14, saved: 7 })).toBe(14);
  });

  it('passes over what a process wrote after another had taken over', async () => {
    const files = new MemoryFiles();
    await live(files, nothing(), 8);
    const zombie = files.get('segment-1');
    const known = nothing();
    await live(files, known, 9);
    // Whole, and of the right number: only that the next segment says where this one ended tells that it does not count.
    const more = new MemoryFiles();
    await live(more, nothing(), 20);
    files.set('segment-1', Buffer.concat([zombie, more.get('segment-1').subarray(zombie.length)]));
    expect(await readEnd(files, nothing())).toBe(9);
  });

  it('ends where a block was cut off, also with what another file had at that place before', async () => {
    const { files, last } = await logOfTwoLives();
    const other = new MemoryFiles();
    await live(other, nothing(), 3);
    const stale = other.get('segment-1');
    const bytes = files.get(last);
    for (let length = 40; length < bytes.length; length++) {
      const read = await readDamaged(files, last, Buffer.concat([bytes.subarray(0, length), stale]), nothing());
      if (typeof read === 'number') expect(read).toBeLessThanOrEqual(14);
    }
  });
});

it('opens a log with more unsaved blocks than a call may have arguments', async () => {
  const count = 200_000;
  const begin = blockSegmentFormat.encode({ from: 0, before: [] });
  const blocks = Array.from({ length: count }, (_, i) => blockToBytes({ from: i, records: [i] }));
  const files = new MemoryFiles();
  files.set('segment-1', Buffer.concat([header(), frame([begin, ...blocks], 0)]));
  const read = await recoverSegments(new Directory('/files', files), { saved: 0, planned: 0 });
  expect(read.blocks).toHaveLength(count);
  expect(read.next).toBe(count);
});

it('names the place of a block whose records cannot be read', async () => {
  const begin = blockSegmentFormat.encode({ from: 0, before: [] });
  const block = blockToBytes({ from: 0, records: ['a'] });
  // A tag that V8 does not know, under a checksum that is right.
  block[block.length - 3] = 0x01;
  const files = new MemoryFiles();
  files.set('segment-1', Buffer.concat([header(), frame([begin, block], 0)]));
  const { blocks } = await recoverSegments(new Directory('/files', files), { saved: 0, planned: 0 });
  const read = () => blocks[0]?.records;
  expect(read).toThrow(CorruptCheckpointError);
  expect(read).toThrow('/files/segment-1: damaged at byte');
});
