import { checkText } from '../options/checks.js';
import type { Checkpoint } from '../state/checkpoint.js';
import { checkCheckpoint, knownState, saveChanges, withCheckpoint } from './openedCheckpoint.js';

/**
 * Removes a state with all its keys from a checkpoint: that of an operator which the program no longer has. Everything else stays.
 *
 * @throws {InvalidOptionError} (as a rejection) when the checkpoint has no state with this id; the message lists those it has
 * @throws {CheckpointError} (as a rejection) while a stream owns the checkpoint
 * @throws {CorruptCheckpointError} (as a rejection) when it is damaged
 *
 * @see renameState
 *
 * @example
 * ```ts
 * import { countByWindow, foreachBatch, fromBatches, memoryCheckpoint } from 'dstream';
 * import { dropState, inspectCheckpoint } from 'dstream/node';
 *
 * const checkpoint = memoryCheckpoint();
 * fromBatches([['a']], { interval: 10, checkpoint })
 *   .pipe(countByWindow({ window: 20, id: 'count' }), foreachBatch(() => {}))
 *   .subscribe({
 *     complete: async () => {
 *       await dropState(checkpoint, 'count');
 *       console.log((await inspectCheckpoint(checkpoint)).states);
 *     },
 *   });
 * // => []
 * ```
 */
export function dropState(checkpoint: Checkpoint, id: string): Promise<void> {
  checkCheckpoint('dropState', 'checkpoint', checkpoint);
  checkText('dropState', 'id', id);
  return withCheckpoint(checkpoint, (session) => {
    const { restored } = knownState('dropState', 'id', id, checkpoint, session);
    return saveChanges(session, restored, [], [id]);
  });
}
