import { batchSize, fieldAt } from './recordBatchHeader.js';

/** A record batch that does not begin where the one before it ended. */
export interface OffsetGap {
  /** Its first byte; that of the batch before it, where the two overlap, as either may be damaged. */
  readonly at: number;
  readonly baseOffset: number;
}

/**
 * The first gap or overlap in the record batches that a fetch from an offset brought; `isBoundary` says that a batch ended there. Compaction
 * and retention leave gaps; a damaged base offset, which no checksum covers, makes one too.
 */
export function firstGap(bytes: Buffer, from: number, isBoundary: boolean): OffsetGap | undefined {
  let previous = 0;
  let expected = from;
  for (let at = 0; at + fieldAt.records <= bytes.length; ) {
    const size = batchSize(bytes, at);
    const baseOffset = Number(bytes.readBigInt64BE(at + fieldAt.baseOffset));
    // The reader of the batch says what is wrong with it.
    if (size < fieldAt.records || !Number.isSafeInteger(baseOffset)) return undefined;
    const isFirst = at === 0;
    const fits = isFirst && !isBoundary ? baseOffset <= from : baseOffset === expected;
    if (!fits) return { at: baseOffset < expected ? previous : at, baseOffset };
    expected = baseOffset + bytes.readInt32BE(at + fieldAt.lastOffsetDelta) + 1;
    previous = at;
    at += size;
  }
  return undefined;
}
