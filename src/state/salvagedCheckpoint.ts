import type { PlannedBatch, RestoredCheckpoint, SavedBatch } from './checkpoint.js';
import { restoredCheckpoint } from './restoredCheckpoint.js';

/** What is left of a checkpoint: its states are there even if its progress is lost, with a `time` that is no number then. */
export function salvagedCheckpoint(
  last: Omit<SavedBatch, 'changes'> | undefined,
  planned: readonly PlannedBatch[],
  states: Pick<RestoredCheckpoint, 'stateIds' | 'state'>,
): RestoredCheckpoint | undefined {
  const restored = restoredCheckpoint(last, planned, states);
  if (restored || states.stateIds.length === 0) return restored;
  return { ...states, time: Number.NaN, zeroTime: Number.NaN, interval: Number.NaN, positions: {}, planned: [] };
}
