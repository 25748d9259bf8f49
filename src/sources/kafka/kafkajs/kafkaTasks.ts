import { checkOptions } from '../../../options/checkOptions.js';
import type { Checkpoint } from '../../../state/checkpoint.js';
import { checkNotExclusive, type StandbyOptions, standbyChecks, standbySetup } from '../../tasks/standbyOptions.js';
import { newTask, type Task } from '../../tasks/task.js';
import {
  jobTasksChecks,
  type LogTasksOptions,
  resolveTaskOptions,
  resolveTaskSource,
  taskSourceChecks,
} from '../../tasks/taskOptions.js';
import type { TaskStream } from '../../tasks/taskStream.js';
import { taskStreamOf } from '../../tasks/taskStreamOf.js';
import type { Kafka, KafkaRuntime } from './kafka.js';
import { type KafkaClientOptions, kafkaClientChecks } from './kafkaClientOptions.js';
import { taskClients } from './taskClients.js';

/** What `kafkaTasks` takes. */
export type KafkaTasksOptions<T, C extends Checkpoint | undefined = undefined> = LogTasksOptions<T, C> &
  KafkaClientOptions &
  StandbyOptions;

/**
 * Kafka topics as a job that several processes share: an Observable of the tasks that this process works on. A task is one partition
 * number of the topics, with its own batch times, state, checkpoint and progress; the members of the group share the tasks evenly.
 * When a process joins, some tasks move to it: their open batches are finished, and it goes on with the next one. When a process is gone for
 * `sessionTimeout`, the others go on with its tasks where they were saved.
 *
 * The pipeline of `mergeMap` is built once for each task; `switchMap` would end all but the latest. Operators work within the task: those by key need keys of the records as they are in
 * the topic, so that all records of a key are in one task, and fail with a `ForeignKeyError` otherwise; operators without a key, such as
 * `countByWindow`, have a result for each task.
 *
 * @throws {InvalidOptionError} when an option is out of its range; (as a notification) when the topics have different numbers of
 * partitions
 * @throws {UnsupportedClientError} when `kafka` is not a client of kafkajs 2.2.4
 * @throws {RuntimeClosedError} when `kafka` is a `kafkaRuntime` that is closed
 *
 * @see {@link kafkaTasksFrom} for several sources of one driver, to join them
 * @see {@link kafkaBatches} for all partitions in one process, with others on standby (`membership: 'exclusive'`)
 * @see {@link logTasks} for other logs, and a log in memory
 *
 * @example
 * ```ts no-run
 * import { json, mapRecords, reduceByKeyAndWindow } from 'dstream';
 * import { kafkaTasks } from 'dstream/kafka';
 * import { foreachBatchInTransaction, postgresCheckpoint } from 'dstream/node';
 * import { Kafka } from 'kafkajs';
 * import { Pool } from 'pg';
 * import { mergeMap } from 'rxjs';
 *
 * const pool = new Pool();
 * const tasks = kafkaTasks(new Kafka({ brokers: ['localhost:9092'] }), {
 *   topics: ['flights'],
 *   groupId: 'delays',
 *   interval: 1_000,
 *   deserialize: json<{ origin: string; delay: number }>(),
 *   checkpoint: ({ id }) => postgresCheckpoint(pool, { job: `delays/${id}` }),
 * });
 * tasks
 *   .pipe(
 *     mergeMap((task) =>
 *       task.pipe(
 *         mapRecords(({ origin, delay }) => [origin, delay] as const),
 *         reduceByKeyAndWindow((a, b) => a + b, { window: 60_000, slide: 5_000, id: 'delays' }),
 *         foreachBatchInTransaction(task.checkpoint, (transaction, delays, { time }) =>
 *           transaction.query('insert into delays select $1, * from unnest($2::text[], $3::int[])', [
 *             time,
 *             delays.map(([origin]) => origin),
 *             delays.map(([, delay]) => delay),
 *           ]),
 *         ),
 *       ),
 *     ),
 *   )
 *   .subscribe();
 * process.once('SIGTERM', () => tasks.stop());
 * ```
 */
export function kafkaTasks<T, C extends Checkpoint | undefined = undefined>(
  kafka: Kafka | KafkaRuntime,
  options: KafkaTasksOptions<T, C>,
): TaskStream<Task<T, C>> {
  checkNotExclusive('kafkaTasks', options);
  checkOptions('kafkaTasks', options, {
    ...jobTasksChecks,
    ...taskSourceChecks,
    ...kafkaClientChecks,
    ...standbyChecks,
  });
  const { newClients, setup } = taskClients('kafkaTasks', kafka, options);
  const job = resolveTaskOptions<C>('kafkaTasks', options, {
    sources: [options],
    ...setup,
    ...standbySetup('kafkaTasks', options),
  });
  const source = resolveTaskSource('kafkaTasks', options, options);
  return taskStreamOf(newClients, job, (parts) => newTask('kafka', source, parts));
}
