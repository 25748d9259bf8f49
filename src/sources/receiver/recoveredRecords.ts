import type { OffsetRange } from '../../batch/offsetRange.js';
import type { SourceSetup } from '../source.js';
import type { Block } from './block.js';

// What a checkpoint and a write-ahead log say together, after a restart.

/** Where what is saved ends, as the offset of the next record. */
export function savedUntil({ restored = [] }: Pick<SourceSetup, 'restored'>): number {
  return restored.reduce((furthest, { offset }) => Math.max(furthest, offset), 0);
}

/** Where what is saved or planned ends. */
export function plannedUntil({ restored, replay }: Pick<SourceSetup, 'restored' | 'replay'>): number {
  return replay.flat().reduce((furthest, { until }) => Math.max(furthest, until), savedUntil({ restored }));
}

/** The records of a range, of blocks in order: only those that are there. */
export function recordsOf<T>(
  blocks: readonly Block<T>[],
  { from, until }: Pick<OffsetRange, 'from' | 'until'>,
): readonly T[] {
  return blocks.flatMap((block) =>
    block.records.slice(Math.max(from - block.from, 0), Math.max(until - block.from, 0)),
  );
}
