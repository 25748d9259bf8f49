import type { Checkpoint, PlannedBatch, RestoredCheckpoint } from '../state/checkpoint.js';
import { checkCheckpoint, withCheckpoint } from './openedCheckpoint.js';

/** A state in a checkpoint. */
export interface StateSummary {
  /** The `id` of the operator that saved it. */
  readonly id: string;
  /** The name of that operator. */
  readonly operator: string;
  /** What the state depends on besides the user's functions, such as `window=60000 slide=5000`. */
  readonly signature: string;
  /** The version of the user's state schema. */
  readonly version: number;
  /** Number of keys. */
  readonly keys: number;
}

/** What a checkpoint holds. */
export interface CheckpointSummary {
  /** Where it is, such as a directory or a job. */
  readonly location: string;
  /** Time of the last saved batch, in ms; `undefined` if nothing has been planned or saved. */
  readonly time: number | undefined;
  /** The time that windows are aligned to, in ms. */
  readonly zeroTime: number | undefined;
  /** The batch interval, in ms. */
  readonly interval: number | undefined;
  /** Where each source continues, by its name. */
  readonly positions: RestoredCheckpoint['positions'];
  /** Batches that were planned and not saved, in order of time. */
  readonly planned: readonly PlannedBatch[];
  /** The states, by id. */
  readonly states: readonly StateSummary[];
}

/**
 * Reads what a checkpoint holds: progress, planned batches, and a summary of each state. Every entry of every state is read, so that
 * damage shows.
 *
 * @throws {InvalidOptionError} when `checkpoint` is not a checkpoint
 * @throws {CheckpointError} (as a rejection) while a stream owns the checkpoint
 * @throws {CorruptCheckpointError} (as a rejection) when it is damaged, with file and offset
 *
 * @see exportCheckpoint
 *
 * @example
 * ```ts
 * import { countByWindow, foreachBatch, fromBatches, memoryCheckpoint } from 'dstream';
 * import { inspectCheckpoint } from 'dstream/node';
 *
 * const checkpoint = memoryCheckpoint();
 * fromBatches([['a'], ['b', 'c']], { interval: 10, checkpoint })
 *   .pipe(countByWindow({ window: 20, id: 'count' }), foreachBatch(() => {}))
 *   .subscribe({
 *     complete: async () => {
 *       const { interval, states } = await inspectCheckpoint(checkpoint);
 *       for (const { id, signature, keys } of states) console.log(interval, id, signature, keys);
 *     },
 *   });
 * // => 10 count window=20 slide=interval 4
 * ```
 */
export function inspectCheckpoint(checkpoint: Checkpoint): Promise<CheckpointSummary> {
  checkCheckpoint('inspectCheckpoint', 'checkpoint', checkpoint);
  return withCheckpoint(checkpoint, ({ restored }) => ({
    location: checkpoint.location,
    time: restored?.time,
    zeroTime: restored?.zeroTime,
    interval: restored?.interval,
    positions: restored?.positions ?? {},
    planned: restored?.planned ?? [],
    states: [...(restored?.stateIds ?? [])].sort().flatMap((id) => summaryOf(restored, id)),
  }));
}

function summaryOf(restored: RestoredCheckpoint | undefined, id: string): readonly StateSummary[] {
  const state = restored?.state(id);
  if (!state) return [];
  const { operator, signature, version } = state;
  let keys = 0;
  for (const _ of state.entries()) keys++;
  return [{ id, operator, signature, version, keys }];
}
