import { checkOptions } from '../../../options/checkOptions.js';
import type { Checkpoint } from '../../../state/checkpoint.js';
import { newSourcesTask, resolveTaskSources } from '../../tasks/newSourcesTask.js';
import type { SourcesTask, TaskSources } from '../../tasks/sourcesTask.js';
import { checkNotExclusive, type StandbyOptions, standbyChecks, standbySetup } from '../../tasks/standbyOptions.js';
import { type JobTasksOptions, jobTasksChecks, resolveTaskOptions } from '../../tasks/taskOptions.js';
import type { TaskStream } from '../../tasks/taskStream.js';
import { taskStreamOf } from '../../tasks/taskStreamOf.js';
import type { Kafka, KafkaRuntime } from './kafka.js';
import { type KafkaClientOptions, kafkaClientChecks } from './kafkaClientOptions.js';
import { taskClients } from './taskClients.js';

/** What `kafkaTasksFrom` takes beside its sources. */
export type KafkaTasksFromOptions<C extends Checkpoint | undefined = undefined> = JobTasksOptions<C> &
  KafkaClientOptions &
  StandbyOptions;

/**
 * Several sources over Kafka as a job that processes share: as `kafkaTasks`, with a stream for each source. Task `3` has partition 3 of
 * every topic, so records of one key can be joined if all topics are keyed by it and have the same number of partitions. A table among the
 * sources (`kafkaTable`, `logTable`, `tableFrom`) is seen whole by every task, and read once for all tasks of a process.
 *
 * @throws {InvalidOptionError} when there is no source, an option is out of its range, or two sources read a topic without a checkpoint;
 * (as a notification) when the topics have different numbers of partitions
 * @throws {UnsupportedClientError} when `kafka` is not a client of kafkajs 2.2.4
 * @throws {RuntimeClosedError} when `kafka` is a `kafkaRuntime` that is closed
 *
 * @see {@link kafkaTasks} for one source
 * @see {@link batchesFrom} for several sources in one process
 *
 * @example
 * ```ts no-run
 * import { foreachBatch, join, json, mapRecords } from 'dstream';
 * import { kafkaTasksFrom } from 'dstream/kafka';
 * import { Kafka } from 'kafkajs';
 * import { mergeMap } from 'rxjs';
 *
 * const tasks = kafkaTasksFrom(
 *   new Kafka({ brokers: ['localhost:9092'] }),
 *   {
 *     clicks: { topics: ['clicks'], deserialize: json<{ user: string; page: string }>() },
 *     users: { topics: ['users'], deserialize: json<{ user: string; country: string }>() },
 *   },
 *   { groupId: 'clicks-by-country', interval: 1_000 },
 * );
 * tasks
 *   .pipe(
 *     mergeMap(({ streams: { clicks, users } }) =>
 *       clicks.pipe(
 *         mapRecords(({ user, page }) => [user, page] as const),
 *         join(users.pipe(mapRecords(({ user, country }) => [user, country] as const))),
 *         foreachBatch((joined) => console.log(joined)),
 *       ),
 *     ),
 *   )
 *   .subscribe();
 * ```
 */
export function kafkaTasksFrom<const S extends TaskSources, C extends Checkpoint | undefined = undefined>(
  kafka: Kafka | KafkaRuntime,
  sources: S,
  options: KafkaTasksFromOptions<C>,
): TaskStream<SourcesTask<S, C>> {
  checkNotExclusive('kafkaTasksFrom', options);
  checkOptions('kafkaTasksFrom', options, { ...jobTasksChecks, ...kafkaClientChecks, ...standbyChecks });
  const { newClients, setup } = taskClients('kafkaTasksFrom', kafka, options);
  const resolved = resolveTaskSources('kafkaTasksFrom', sources, options);
  const job = resolveTaskOptions<C>('kafkaTasksFrom', options, {
    sources: resolved.given,
    ...setup,
    ...standbySetup('kafkaTasksFrom', options),
  });
  return taskStreamOf(newClients, job, (parts) => newSourcesTask<S, C>(resolved, parts));
}
