import type { PlannedBatch, RestoredCheckpoint, SavedBatch } from './checkpoint.js';

/**
 * What a checkpoint holds: a stream goes on from the last saved batch or, when none was saved, from the first planned one.
 * Returns `undefined` when the checkpoint is empty.
 *
 * @param planned batches that were planned and not saved, in order of time
 */
export function restoredCheckpoint(
  last: Omit<SavedBatch, 'changes'> | undefined,
  planned: readonly PlannedBatch[],
  states: Pick<RestoredCheckpoint, 'stateIds' | 'state'>,
): RestoredCheckpoint | undefined {
  const begin = last ?? planned[0];
  if (!begin) return undefined;
  const { zeroTime, interval } = begin;
  return {
    ...states,
    zeroTime,
    interval,
    time: last?.time ?? begin.time - interval,
    positions: last?.positions ?? {},
    planned,
  };
}
