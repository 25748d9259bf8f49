import { InvalidOptionError, PartitionsChangedError } from '../batch/errors.js';
import type { KeyedState } from '../batch/keyedState.js';
import type { TaskInfo } from '../batch/taskInfo.js';
import type { RestoredCheckpoint } from '../state/checkpoint.js';
import type { StateRegistry } from '../state/stateRegistry.js';
import { partitionsKey, taskStateId, taskStateOperator } from '../state/taskState.js';

/**
 * Keeps in the checkpoint of a task for how many partitions its states are: with another number, keys are in other partitions.
 *
 * @throws {PartitionsChangedError} when the checkpoint has states of another number
 * @throws {InvalidOptionError} when it is the checkpoint of another task, or of a whole job
 */
export function partitionsOfTask(
  states: StateRegistry,
  { of, partition }: TaskInfo,
  restored: RestoredCheckpoint | undefined,
  owner: string,
  location = 'checkpoint',
): KeyedState<string, number> {
  const all = [restored?.positions, ...(restored?.planned ?? []).map(({ ranges }) => ranges)];
  const other = all
    .flatMap((bySource) => Object.values(bySource ?? {}).flat())
    .find((at) => at.partition !== partition);
  if (other) {
    const rule =
      `has a position in partition ${other.partition} of ${other.topic}, and is not that of task ${partition}: ` +
      'each needs its own, and splitCheckpoint divides that of a whole job';
    throw new InvalidOptionError(owner, 'checkpoint', location, rule);
  }
  const kept = states.keyed<string, number>({ id: taskStateId, operator: taskStateOperator });
  const saved = kept.get(partitionsKey);
  if (saved === of) return kept;
  const hasStates = restored?.stateIds.some((id) => id !== taskStateId);
  if (saved !== undefined && hasStates) throw new PartitionsChangedError(location, saved, of);
  kept.set(partitionsKey, of);
  return kept;
}
