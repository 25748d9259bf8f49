import { InvalidOptionError } from '../batch/errors.js';
import { checkText } from '../options/checks.js';
import type { Checkpoint } from '../state/checkpoint.js';
import { changesOf, checkCheckpoint, knownState, saveChanges, withCheckpoint } from './openedCheckpoint.js';

/**
 * Changes the id of a state in a checkpoint, in one step: for an operator whose `id` has changed in the program. The state passes
 * through memory.
 *
 * @throws {InvalidOptionError} (as a rejection) when the checkpoint has no state with the old id, or has one with the new
 * @throws {CheckpointError} (as a rejection) while a stream owns the checkpoint
 * @throws {CorruptCheckpointError} (as a rejection) when it is damaged
 *
 * @see dropState
 *
 * @example
 * ```ts
 * import { countByWindow, foreachBatch, fromBatches, memoryCheckpoint } from 'dstream';
 * import { inspectCheckpoint, renameState } from 'dstream/node';
 *
 * const checkpoint = memoryCheckpoint();
 * fromBatches([['a']], { interval: 10, checkpoint })
 *   .pipe(countByWindow({ window: 20, id: 'count' }), foreachBatch(() => {}))
 *   .subscribe({
 *     complete: async () => {
 *       await renameState(checkpoint, 'count', 'letters');
 *       console.log((await inspectCheckpoint(checkpoint)).states.map(({ id }) => id));
 *     },
 *   });
 * // => [ 'letters' ]
 * ```
 */
export function renameState(checkpoint: Checkpoint, from: string, to: string): Promise<void> {
  checkCheckpoint('renameState', 'checkpoint', checkpoint);
  checkText('renameState', 'from', from);
  checkText('renameState', 'to', to);
  return withCheckpoint(checkpoint, (session) => {
    const { restored, state } = knownState('renameState', 'from', from, checkpoint, session);
    if (restored.stateIds.includes(to)) {
      throw new InvalidOptionError('renameState', 'to', to, `is a state of ${checkpoint.location} already`);
    }
    const { operator, signature, version } = state;
    const changes = changesOf({ id: to, operator, signature, version }, state.entries());
    return saveChanges(session, restored, changes, [from]);
  });
}
