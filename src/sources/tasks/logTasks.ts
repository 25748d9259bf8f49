import { checkOptions } from '../../options/checkOptions.js';
import { withMethods } from '../../options/checks.js';
import type { Checkpoint } from '../../state/checkpoint.js';
import type { GroupClient } from '../group/groupClient.js';
import { checkLogClient } from '../log/checkLogClient.js';
import type { LogClient } from '../log/logClient.js';
import { newTask, type Task } from './task.js';
import {
  jobTasksChecks,
  type LogTasksOptions,
  resolveTaskOptions,
  resolveTaskSource,
  taskSourceChecks,
} from './taskOptions.js';
import type { TaskStream } from './taskStream.js';
import { taskStreamOf } from './taskStreamOf.js';

/** Of a member of a group that needs no process to name it. */
export const setup = { retryTimeout: 60_000, processId: 'logTasks' } as const;

export const checkGroup = withMethods('client');

/** A group whose members have a client each. */
export interface GroupClients {
  /** Makes the client of one more member. */
  client(): GroupClient;
}

/**
 * The tasks of a job over a partitioned log that this process works on: the counterpart of `kafkaTasks` for any `LogClient` with a
 * group, such as `memoryLog()` with `memoryGroup()`.
 *
 * @throws {InvalidOptionError} when an option is out of its range; (as a notification) when the topics have different numbers of
 * partitions
 *
 * @see {@link kafkaTasks} for Kafka, and for what a task is
 * @see {@link logTasksFrom} for several sources of one driver
 *
 * @example
 * ```ts
 * import { foreachBatch, logTasks, memoryLog, string } from 'dstream';
 * import { memoryGroup } from 'dstream/testing';
 * import { mergeMap } from 'rxjs';
 *
 * const log = memoryLog({ topics: { words: 2 } });
 * log.append('words', [{ value: 'one', partition: 0 }, { value: 'two', partition: 1 }]);
 * const group = memoryGroup({ log });
 * const tasks = logTasks(log, group, {
 *   topics: ['words'],
 *   groupId: 'job',
 *   start: 'earliest',
 *   interval: 10,
 *   deserialize: string(),
 * });
 * let left = 2;
 * tasks
 *   .pipe(mergeMap((task) => task.pipe(foreachBatch((words) => words.length > 0 && console.log(task.task.id, words)))))
 *   .subscribe(async ({ size }) => {
 *     left -= size;
 *     if (left === 0) await tasks.stop();
 *   });
 * // => 0 [ 'one' ]
 * // => 1 [ 'two' ]
 * ```
 */
export function logTasks<T, C extends Checkpoint | undefined = undefined>(
  client: LogClient,
  group: GroupClients,
  options: LogTasksOptions<T, C>,
): TaskStream<Task<T, C>> {
  checkLogClient('logTasks', 'client', client);
  checkGroup('logTasks', 'group', group);
  checkOptions('logTasks', options, { ...jobTasksChecks, ...taskSourceChecks });
  const job = resolveTaskOptions('logTasks', options, { sources: [options], ...setup });
  const source = resolveTaskSource('logTasks', options, options);
  return taskStreamOf(
    () => ({ log: client, group: group.client() }),
    job,
    (parts) => newTask('log', source, parts),
  );
}
