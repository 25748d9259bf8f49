import type { Checkpoint, LogClient, LogTasksOptions, Task, TaskStream } from 'dstream';
import { type GroupClients, setup } from '../../src/sources/tasks/logTasks.js';
import { type StandbyOptions, standbySetup } from '../../src/sources/tasks/standbyOptions.js';
import { newTask } from '../../src/sources/tasks/task.js';
import { resolveTaskOptions, resolveTaskSource } from '../../src/sources/tasks/taskOptions.js';
import { taskStreamOf } from '../../src/sources/tasks/taskStreamOf.js';

/** The tasks of a log in memory with copies on other processes, as `kafkaTasks` has them. */
export function logTasksWithStandbys<T, C extends Checkpoint | undefined>(
  client: LogClient,
  group: GroupClients,
  { standbys, ...options }: LogTasksOptions<T, C> & StandbyOptions,
): TaskStream<Task<T, C>> {
  const job = resolveTaskOptions('logTasks', options, {
    ...{ sources: [options], ...setup },
    ...standbySetup('logTasks', { standbys, checkpoint: options.checkpoint }),
  });
  const source = resolveTaskSource('logTasks', options, options);
  return taskStreamOf(
    () => ({ log: client, group: group.client() }),
    job,
    (parts) => newTask('log', source, parts),
  );
}
