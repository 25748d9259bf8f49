import type { Batch } from '../../batch/batch.js';
import { InvalidOptionError, InvalidRecordError } from '../../batch/errors.js';
import type { KeyedState } from '../../batch/keyedState.js';
import { partitionPoint } from '../../collections/partitionPoint.js';
import type { TimedMessages } from './batchMessages.js';

/** What one task has for a batch time. */
export interface TaskPartial<T> {
  /** The id of the task. */
  readonly task: string;
  /** The batch time, in ms. */
  readonly time: number;
  /** Absent where the batch had no record. */
  readonly value?: T;
}

/**
 * What the task of a batch has for its time.
 *
 * @throws {InvalidOptionError} when its time is one that only this task may have
 */
export function partialOf<T>({ records, context }: Batch<T>, merge: (a: T, b: T) => T): TaskPartial<T> {
  const { time, maxInterval, task: { id: task } = { id: '0' } } = context;
  if (records.length === 0) return { task, time };
  // Every task has a batch at each multiple of it, and at no other time is that sure.
  if (maxInterval !== undefined && time % maxInterval !== 0) {
    const rule = `is for results of windows and slides only, as each task has batches of its own times: ${time} is no multiple of its maxInterval (${maxInterval})`;
    throw new InvalidOptionError('mergeTasks.write', 'dynamicInterval', undefined, rule);
  }
  return { task, time, value: records.reduce((a, b) => merge(a, b)) };
}

/** What is written of a partial, at its own time or a later one. */
export function messagesOf(topic: string, { task, value: partial }: TaskPartial<unknown>): TimedMessages {
  // Once: it may be large, and what is written is asked for twice.
  const rest = JSON.stringify({ task, value: partial }).slice(1);
  return (time) => {
    const value = `{"time":${time},${rest}`;
    return new Map([[topic, [{ partition: 0, key: task, value, timestamp: String(time) }]]]);
  };
}

/** What all tasks have for a batch time. */
export interface MergedResult<T> {
  /** The batch time, in ms. */
  readonly time: number;
  /** The partials of all tasks, merged. */
  readonly value: T;
}

/** What is saved: the newest time of a task under its id, and what waits under its time. */
export type SavedPartial<T> = { readonly latest: number } | { readonly value: T };

/** The partials that wait for those of other tasks. */
export class TaskPartials<T> {
  readonly #kept: Pick<KeyedState<string | number, SavedPartial<T>>, 'get' | 'set' | 'delete'>;
  readonly #tasks: number;
  readonly #merge: (a: T, b: T) => T;
  readonly #latest = new Map<string, number>();
  /** Those that wait, in order. */
  readonly #times: number[] = [];

  constructor(
    kept: Pick<KeyedState<string | number, SavedPartial<T>>, 'get' | 'set' | 'delete' | 'entries'>,
    tasks: number,
    merge: (a: T, b: T) => T,
  ) {
    this.#kept = kept;
    this.#tasks = tasks;
    this.#merge = merge;
    for (const [key, saved] of kept.entries()) {
      if (typeof key === 'number') this.#times.push(key);
      else if ('latest' in saved) this.#latest.set(key, saved.latest);
    }
    this.#times.sort((a, b) => a - b);
  }

  /** @throws {InvalidRecordError} when its task has written that time before, or there are more tasks than there should be */
  add(partial: TaskPartial<T>): void {
    const { task, time, value } = partial;
    const latest = this.#latest.get(task);
    const count = this.#latest.size + (latest === undefined ? 1 : 0);
    if (count > this.#tasks) {
      const rule = `is of one of ${count} tasks, which are more than the ${this.#tasks} of the option \`tasks\``;
      throw new InvalidRecordError('mergeTasks', partial, rule);
    }
    if (latest !== undefined && time <= latest) {
      throw new InvalidRecordError(
        'mergeTasks',
        partial,
        `is of a time that its task has passed: the last one is ${latest}`,
      );
    }
    if (value !== undefined) this.#addValue(time, value);
    this.#latest.set(task, time);
    this.#kept.set(task, { latest: time });
  }

  /** The results of all times that every task has reached. A task writes its times in order: one that it has passed over has nothing of it. */
  take(): readonly MergedResult<T>[] {
    if (this.#latest.size < this.#tasks) return [];
    const reached = Math.min(...this.#latest.values());
    const complete = this.#times.splice(0, this.#firstAfter(reached));
    return complete.map((time) => {
      const { value } = this.#kept.get(time) as { readonly value: T };
      this.#kept.delete(time);
      return { time, value };
    });
  }

  /** The oldest time that waits, and for which tasks, called by their numbers; `undefined` where nothing waits. */
  get waitingFor(): { readonly time: number; readonly tasks: readonly string[] } | undefined {
    const [time] = this.#times;
    if (time === undefined) return undefined;
    const all = Array.from({ length: this.#tasks }, (_, task) => String(task));
    return { time, tasks: all.filter((task) => (this.#latest.get(task) ?? -Infinity) < time) };
  }

  #addValue(time: number, value: T): void {
    const present = this.#kept.get(time);
    if (present && 'value' in present) {
      this.#kept.set(time, { value: this.#merge(present.value, value) });
      return;
    }
    this.#kept.set(time, { value });
    this.#times.splice(this.#firstAfter(time), 0, time);
  }

  #firstAfter(time: number): number {
    return partitionPoint(this.#times.length, (i) => (this.#times[i] ?? 0) <= time);
  }
}
