import type { WriteAheadLogSession } from 'dstream';
import { expect } from 'vitest';
import {
  type FileWriteAheadLogOptions,
  openSegments,
  resolveFileLogOptions,
} from '../../src/sources/receiver/node/fileWriteAheadLog.js';
import type { MemoryFiles } from './memoryFiles.js';
import { settle } from './savedBatches.js';

// Records that say by themselves whether what is read back is right: each is made of its offset.

const recordAt = (offset: number) => ({ offset, text: 'x'.repeat(offset % 7) });
export const recordsFrom = (from: number, count: number) => Array.from({ length: count }, (_, i) => recordAt(from + i));

/** What is known of a log outside of it, as a checkpoint does. Offsets of the next record. */
export interface Known {
  stored: number;
  planned: number;
  saved: number;
}

export const nothing = (): Known => ({ stored: 0, planned: 0, saved: 0 });

let openings = 0;
/** Each opening has a name of its own for the directory, as if in another process. */
export function openLog(
  files: MemoryFiles,
  known: Known & { readonly now?: () => number },
  segmentBytes = 1e9,
  options: FileWriteAheadLogOptions = {},
): Promise<WriteAheadLogSession> {
  const settings = resolveFileLogOptions({ segmentBytes, ...options });
  return openSegments(files, `/files/${openings++}`, settings, known);
}

/** Where recovered blocks end, after checking that they have every record once from `known.saved` on, and in order. */
export function checkedEnd(recovered: ReturnType<WriteAheadLogSession['recovered']>, known: Known): number {
  let next = recovered[0]?.from ?? known.planned;
  expect(next).toBeLessThanOrEqual(recovered.length > 0 ? known.saved : known.planned);
  for (const { from, records } of recovered) {
    expect(from).toBe(next);
    expect(records).toEqual(recordsFrom(from, records.length));
    next = from + records.length;
  }
  return next;
}

/**
 * One life: opens, checks what is there, and stores records up to `until`, now and then planning and saving what it has
 * stored. What is known is noted as soon as it is.
 */
export async function live(files: MemoryFiles, known: Known, until: number, segmentBytes?: number): Promise<void> {
  const session = await openLog(files, known, segmentBytes);
  try {
    let next = checkedEnd(session.recovered(), known);
    expect(next).toBeGreaterThanOrEqual(known.stored);
    while (next < until) {
      const count = Math.min(1 + (next % 3), until - next);
      await settle(session.append({ from: next, records: recordsFrom(next, count) }));
      next += count;
      known.stored = next;
      known.planned = next - (next % 2);
      if (next % 3 !== 0 || next < 6) continue;
      known.saved = next - 4;
      await settle(session.release(known.saved));
    }
  } finally {
    await settle(session.close());
  }
}

/** Opens the log and gives where it ends. */
export async function readEnd(files: MemoryFiles, known: Known): Promise<number> {
  const session = await openLog(files, known);
  try {
    return checkedEnd(session.recovered(), known);
  } finally {
    await settle(session.close());
  }
}
