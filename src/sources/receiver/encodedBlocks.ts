import type { BlockRange } from './blockGenerator.js';
import type { SizeOf } from './recordSize.js';
import type { Block, StoredBlock, WriteAheadLogSession } from './writeAheadLog.js';

/** Records that came back from a log, and are decoded when their batch reads them. */
export interface EncodedBlock<T> extends StoredBlock {
  readonly read: () => readonly T[];
}

/** What a log has recovered; a log that knows how large its blocks are decodes their records later. */
export function encodedBlocks<T>(log: WriteAheadLogSession, sizeOf: SizeOf<T>): readonly EncodedBlock<T>[] {
  const recovered = log.recovered() as readonly Block<T>[];
  const stored = log.stored?.() ?? [];
  if (stored.length === recovered.length) {
    return stored.map((place, i) => ({ ...place, read: () => (recovered[i] as Block<T>).records }));
  }
  return recovered.map(({ from, records, time, positions }) => {
    const bytes = records.reduce((sum, record) => sum + sizeOf(record), 0);
    return { from, until: from + records.length, bytes, time, positions, read: () => records };
  });
}

export function recordsWithin<T>({ from, read }: EncodedBlock<T>, range: BlockRange): readonly T[] {
  return read().slice(Math.max(range.from - from, 0), range.until - from);
}

/** About the bytes of a part of a block; all parts have together those of the block. */
export function bytesWithin({ from, until, bytes }: StoredBlock, range: BlockRange): number {
  const before = (offset: number) =>
    Math.floor((bytes * Math.min(Math.max(offset - from, 0), until - from)) / (until - from));
  return before(range.until) - before(range.from);
}
