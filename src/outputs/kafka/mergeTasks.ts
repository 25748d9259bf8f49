import type { MonoTypeOperatorFunction, Observer, OperatorFunction } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import { perBatchWithState } from '../../operators/base/perBatchWithState.js';
import { holdUntilSettled } from '../../operators/base/settled.js';
import { visitEach } from '../../operators/base/visitEach.js';
import { checkOptions, type OptionChecks, required } from '../../options/checkOptions.js';
import { checkFunction, checkObserver, checkPositiveInteger, checkText } from '../../options/checks.js';
import type { Kafka, KafkaRuntime } from '../../sources/kafka/kafkajs/kafka.js';
import { json } from '../../sources/log/json.js';
import type { RecordView } from '../../sources/log/recordView.js';
import type { SendToKafkaOptions } from './sendToKafka.js';
import {
  type MergedResult,
  messagesOf,
  partialOf,
  type SavedPartial,
  type TaskPartial,
  TaskPartials,
} from './taskPartials.js';
import { transactionalOutput } from './transactionalOutput.js';
import { resolveTransactionOptions, transactionChecks } from './transactionOptions.js';

/** What `mergeTasks` takes. */
export interface MergeTasksOptions<T> {
  /** The topic of partials, of one partition. */
  readonly topic: string;
  /** How many tasks the first job has: the number of partitions of its topics. */
  readonly tasks: number;
  /** Combines what two tasks have for a time. The order of tasks is any: it is commutative and associative, as a sum is. */
  readonly merge: (a: T, b: T) => T;
  /**
   * Receives, for each batch of the second job in which results wait, the oldest time that waits and for which tasks. Only `next` is called; if it
   * throws, the batch fails. Default: nobody is notified.
   */
  readonly waiting?: Partial<Observer<{ readonly time: number; readonly tasks: readonly string[] }>> | undefined;
}

/** What `MergedTasks.write` takes: the group of the first job, and the timeout of its transactions. */
export type MergeWriteOptions = Pick<SendToKafkaOptions, 'groupId' | 'transactionTimeout' | 'id'>;

/** What `MergedTasks.merge` takes. */
export interface MergeOptions {
  /** Name of the state, the same across deployments; required with a checkpoint. */
  readonly id?: string | undefined;
}

/** Both ends of a topic of partials. */
export interface MergedTasks<T> {
  /** The output of the first job. Takes batches whose records are partials, usually one, and passes them on unchanged. */
  write(kafka: Kafka | KafkaRuntime, options: MergeWriteOptions): MonoTypeOperatorFunction<Batch<T>>;
  /** The source of the second job, as options of `kafkaBatches`. */
  readonly source: {
    readonly topics: readonly string[];
    readonly start: 'earliest';
    readonly deserialize: (view: RecordView) => TaskPartial<T>;
  };
  /** The operator of the second job: takes partials, and emits a result for each time that all tasks have reached, in order of time. */
  merge(options?: MergeOptions): OperatorFunction<Batch<TaskPartial<T>>, Batch<MergedResult<T>>>;
}

const optionChecks: OptionChecks<MergeTasksOptions<never>> = {
  topic: required(checkText),
  tasks: required(checkPositiveInteger),
  merge: required(checkFunction),
  waiting: checkObserver,
};

/**
 * Results over all tasks of a job, such as a count of everything or the top ten: each task writes what it has for each batch time, a partial, to
 * a topic of one partition, and a second job merges the partials of a time once all tasks have reached it. A task that is behind
 * delays the results; `waiting` tells which one.
 *
 * The first job writes each partial in a transaction that commits its input, as `sendToKafka` does, and the second one reads committed records:
 * each partial counts once, whatever crashes. A batch without records is written too, for the second job to know how far the task is.
 * Partials are JSON, which has no `Infinity` and no `NaN`. With `dynamicInterval`, each task has batches of its own times: `write` takes results of
 * windows and slides, whose times all tasks have, and refuses those of single batches. A task without a checkpoint that goes to a process whose clock
 * is behind writes times after those of its former owner. Windows of the first job need a checkpoint.
 *
 * The topic is yours to create, with one partition: `retention.ms` bounds how long the second job may be down.
 *
 * Source: the last stage of a reduction over all partitions in Spark, such as `countByWindow`.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 * @throws {InvalidOptionError} (as a notification, of `write`) when results are of a time that only this task has, because of `dynamicInterval`
 * @throws {InvalidRecordError} (as a notification, of `merge`) when a task writes a time again, or there are more tasks than `tasks`
 *
 * @see {@link shuffleTopic} for results by key
 * @see {@link sendToKafka} for the transactions, and for what the source of the first job must have
 *
 * @example
 * ```ts no-run
 * import { countByWindow, foreachBatch, string } from 'dstream';
 * import { kafkaBatches, kafkaTasks, mergeTasks } from 'dstream/kafka';
 * import { fileCheckpoint } from 'dstream/node';
 * import { Kafka } from 'kafkajs';
 * import { mergeMap } from 'rxjs';
 *
 * const kafka = new Kafka({ brokers: ['localhost:9092'] });
 * const clicks = mergeTasks<number>({ topic: 'clicks-by-task', tasks: 8, merge: (a, b) => a + b });
 *
 * kafkaTasks(kafka, {
 *   topics: ['clicks'],
 *   groupId: 'clicks',
 *   commitOffsets: false,
 *   interval: 1_000,
 *   deserialize: string(),
 *   checkpoint: ({ id }) => fileCheckpoint(`clicks/${id}`),
 * })
 *   .pipe(
 *     mergeMap((task) =>
 *       task.pipe(
 *         countByWindow({ window: 60_000, slide: 10_000, id: 'minute' }),
 *         clicks.write(kafka, { groupId: 'clicks' }),
 *       ),
 *     ),
 *   )
 *   .subscribe();
 *
 * kafkaBatches(kafka, { ...clicks.source, interval: 1_000, checkpoint: fileCheckpoint('clicks-of-all') })
 *   .pipe(
 *     clicks.merge({ id: 'all' }),
 *     foreachBatch((minutes) => console.log(minutes)),
 *   )
 *   .subscribe();
 * ```
 */
export function mergeTasks<T>(options: MergeTasksOptions<T>): MergedTasks<T> {
  checkOptions('mergeTasks', options, optionChecks);
  const { topic, tasks, merge, waiting } = options;
  const deserialize = json<TaskPartial<T>>();
  return {
    write(kafka, writeOptions) {
      checkOptions('mergeTasks.write', writeOptions, { ...transactionChecks, id: checkText });
      const output = { operator: 'mergeTasks', id: writeOptions.id };
      return transactionalOutput<T>(output, kafka, resolveTransactionOptions(writeOptions), (batch) =>
        messagesOf(topic, partialOf(batch, merge)),
      );
    },
    source: { topics: [topic], start: 'earliest', deserialize },
    merge({ id } = {}) {
      checkOptions('mergeTasks.merge', { id }, { id: checkText });
      const owner = { operator: 'mergeTasks', id };
      return perBatchWithState<TaskPartial<T>, MergedResult<T>, string | number, SavedPartial<T>>(owner, (kept) => {
        const partials = new TaskPartials(kept, tasks, merge);
        return (batch) => {
          visitEach(batch, owner, (partial) => partials.add(partial));
          const results = partials.take();
          const wait = partials.waitingFor;
          if (wait) holdUntilSettled(batch.context, waiting?.next?.(wait));
          return batch.withRecords(results);
        };
      });
    },
  };
}
