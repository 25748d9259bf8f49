import type { TaskInfo } from '../../batch/taskInfo.js';
import { type StreamParts, streamParts } from '../../driver/batchesOf.js';
import { BatchStream } from '../../driver/batchStream.js';
import type { Checkpoint } from '../../state/checkpoint.js';
import type { ResolvedLogSourceOptions } from '../log/resolveLogSourceOptions.js';
import type { TaskParts } from './taskStreamOf.js';

/**
 * One task of a job that is divided among processes, as `kafkaTasks` and `logTasks` emit it when it is assigned to this process: a stream
 * of batches with its own batch times, state and progress. It completes when the task goes to another process, and also when it
 * is lost: another process goes on from what is saved. One subscription at a time works on it.
 *
 * `stop()` ends the work of this process on the task until the group assigns it again; to stop all of them, call `stop()` of the
 * stream of tasks.
 */
export class Task<T, C extends Checkpoint | undefined = undefined> extends BatchStream<T> {
  /** Which task it is. */
  readonly task: TaskInfo;
  /** The checkpoint that the option `checkpoint` has returned for it, as `foreachBatchInTransaction` takes it. */
  readonly checkpoint: C;

  /** @internal `kafkaTasks` and `logTasks` create tasks. */
  constructor(task: TaskInfo, checkpoint: C, parts: StreamParts<T>) {
    super(...parts);
    this.task = task;
    this.checkpoint = checkpoint;
  }
}

/** The task of a job with one source, which `name` names in messages. */
export function newTask<T, C extends Checkpoint | undefined>(
  name: string,
  source: ResolvedLogSourceOptions<T>,
  { info, checkpoint, driver, ownership, source: sourceOf }: TaskParts<C>,
): Task<T, C> {
  return new Task<T, C>(info, checkpoint, streamParts(name, sourceOf(source), driver, ownership));
}
