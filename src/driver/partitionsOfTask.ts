import { PartitionsChangedError } from '../batch/errors.js';
import type { KeyedState } from '../batch/keyedState.js';
import type { TaskInfo } from '../batch/taskInfo.js';
import type { RestoredCheckpoint } from '../state/checkpoint.js';
import type { StateRegistry } from '../state/stateRegistry.js';
import { partitionsKey, taskStateId, taskStateOperator } from '../state/taskState.js';

/**
 * Keeps in the checkpoint of a task for how many partitions its states are: with another number, keys are in other partitions.
 *
 * @throws {PartitionsChangedError} when the checkpoint has states of another number
 */
export function partitionsOfTask(
  states: StateRegistry,
  { of }: TaskInfo,
  restored: RestoredCheckpoint | undefined,
  location = 'checkpoint',
): KeyedState<string, number> {
  const kept = states.keyed<string, number>({ id: taskStateId, operator: taskStateOperator });
  const saved = kept.get(partitionsKey);
  if (saved === of) return kept;
  const hasStates = restored?.stateIds.some((id) => id !== taskStateId);
  if (saved !== undefined && hasStates) throw new PartitionsChangedError(location, saved, of);
  kept.set(partitionsKey, of);
  return kept;
}
