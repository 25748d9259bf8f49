import { checkOptions } from '../../options/checkOptions.js';
import type { Checkpoint } from '../../state/checkpoint.js';
import { checkLogClient } from '../log/checkLogClient.js';
import type { LogClient } from '../log/logClient.js';
import { checkGroup, type GroupClients, setup } from './logTasks.js';
import { newSourcesTask, resolveTaskSources } from './newSourcesTask.js';
import type { SourcesTask, TaskSources } from './sourcesTask.js';
import { type JobTasksOptions, jobTasksChecks, resolveTaskOptions } from './taskOptions.js';
import type { TaskStream } from './taskStream.js';
import { taskStreamOf } from './taskStreamOf.js';

/**
 * The tasks of a job with several sources over a partitioned log: the counterpart of `kafkaTasksFrom` for any `LogClient` with a group.
 *
 * @throws {InvalidOptionError} when there is no source, an option is out of its range, or two sources read a topic without a checkpoint;
 * (as a notification) when the topics have different numbers of partitions
 *
 * @see {@link kafkaTasksFrom} for Kafka
 *
 * @example
 * ```ts
 * import { foreachBatch, join, logTasksFrom, mapRecords, memoryLog, string } from 'dstream';
 * import { memoryGroup } from 'dstream/testing';
 * import { mergeMap } from 'rxjs';
 *
 * const log = memoryLog({ topics: { clicks: 2, users: 2 } });
 * log.append('clicks', [{ key: 'ann', value: 'ann' }]);
 * log.append('users', [{ key: 'ann', value: 'ann' }]);
 * const source = (topic: string) => ({ topics: [topic], start: 'earliest', deserialize: string() }) as const;
 * const tasks = logTasksFrom(
 *   log,
 *   memoryGroup({ log }),
 *   { clicks: source('clicks'), users: source('users') },
 *   { groupId: 'job', interval: 10 },
 * );
 * tasks
 *   .pipe(
 *     mergeMap(({ streams: { clicks, users } }) =>
 *       clicks.pipe(
 *         mapRecords((name) => [name, 'click'] as const),
 *         join(users.pipe(mapRecords((name) => [name, 'user'] as const))),
 *         foreachBatch((joined) => joined.length > 0 && console.log(joined)),
 *       ),
 *     ),
 *   )
 *   .subscribe(async ({ size }) => {
 *     if (size > 0) await tasks.stop();
 *   });
 * // => [ [ 'ann', [ 'click', 'user' ] ] ]
 * ```
 */
export function logTasksFrom<const S extends TaskSources, C extends Checkpoint | undefined = undefined>(
  client: LogClient,
  group: GroupClients,
  sources: S,
  options: JobTasksOptions<C>,
): TaskStream<SourcesTask<S, C>> {
  checkLogClient('logTasksFrom', 'client', client);
  checkGroup('logTasksFrom', 'group', group);
  checkOptions('logTasksFrom', options, jobTasksChecks);
  const resolved = resolveTaskSources('logTasksFrom', sources, options);
  const job = resolveTaskOptions('logTasksFrom', options, { sources: resolved.given, ...setup });
  return taskStreamOf(
    () => ({ log: client, group: group.client() }),
    job,
    (parts) => newSourcesTask<S, C>(resolved, parts),
  );
}
