import { InvalidRecordError } from '../../batch/errors.js';
import { partitionPoint } from '../../collections/partitionPoint.js';

/** What one task has for a batch time. */
export interface TaskPartial<T> {
  /** The id of the task. */
  readonly task: string;
  /** The batch time, in ms. */
  readonly time: number;
  /** Absent where the batch had no record. */
  readonly value?: T;
}

/** What all tasks have for a batch time. */
export interface MergedResult<T> {
  /** The batch time, in ms. */
  readonly time: number;
  /** The partials of all tasks, merged. */
  readonly value: T;
}

/** The partials that wait for those of other tasks: what a checkpoint holds. */
export interface WaitingPartials<T> {
  /** The newest time of each task. */
  readonly latest: Record<string, number>;
  /** In order of time. */
  readonly pending: { readonly time: number; value: T }[];
}

/**
 * Adds a partial, and returns the results that are complete by it: those of all times that every task has reached. A task writes its
 * times in order, so a time that it has passed over has nothing of it.
 *
 * @throws {InvalidRecordError} when its task has written that time before, or there are more tasks than `tasks`
 */
export function addPartial<T>(
  { latest, pending }: WaitingPartials<T>,
  partial: TaskPartial<T>,
  tasks: number,
  merge: (a: T, b: T) => T,
): readonly MergedResult<T>[] {
  const { task, time, value } = partial;
  const known = latest[task];
  if (known !== undefined && time <= known) {
    throw new InvalidRecordError(
      'mergeTasks',
      partial,
      `is of a time that its task has passed: the last one is ${known}`,
    );
  }
  const count = Object.keys(latest).length;
  if (known === undefined && count === tasks) {
    throw new InvalidRecordError(
      'mergeTasks',
      partial,
      `is of one task more than the ${tasks} of the option \`tasks\``,
    );
  }
  if (value !== undefined) addValue(pending, time, value, merge);
  latest[task] = time;
  const heard = Object.values(latest);
  if (heard.length < tasks) return [];
  const reached = Math.min(...heard);
  return pending.splice(0, firstAfter(pending, reached));
}

/** Which tasks the oldest pending time waits for; `undefined` where nothing waits. Tasks are called by their numbers. */
export function waitingFor(
  { latest, pending }: WaitingPartials<unknown>,
  tasks: number,
): { readonly time: number; readonly tasks: readonly string[] } | undefined {
  const [oldest] = pending;
  if (!oldest) return undefined;
  const all = Array.from({ length: tasks }, (_, task) => String(task));
  return { time: oldest.time, tasks: all.filter((task) => (latest[task] ?? -Infinity) < oldest.time) };
}

function addValue<T>(pending: WaitingPartials<T>['pending'], time: number, value: T, merge: (a: T, b: T) => T): void {
  const at = firstAfter(pending, time - 1);
  const present = pending[at];
  if (present?.time === time) present.value = merge(present.value, value);
  else pending.splice(at, 0, { time, value });
}

function firstAfter(pending: WaitingPartials<unknown>['pending'], time: number): number {
  return partitionPoint(pending.length, (i) => (pending[i]?.time ?? 0) <= time);
}
