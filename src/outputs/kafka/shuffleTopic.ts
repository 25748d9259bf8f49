import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import { InvalidRecordError } from '../../batch/errors.js';
import type { Key } from '../../batch/key.js';
import { checkOptions, type OptionChecks, required } from '../../options/checkOptions.js';
import { checkFunction, checkText } from '../../options/checks.js';
import type { Kafka, KafkaRuntime } from '../../sources/kafka/kafkajs/kafka.js';
import { json } from '../../sources/log/json.js';
import type { RecordView } from '../../sources/log/recordView.js';
import { messagesByTopic } from './messagesByTopic.js';
import type { OutputMessage } from './outputMessage.js';
import type { SendToKafkaOptions } from './sendToKafka.js';
import { transactionalOutput } from './transactionalOutput.js';
import { resolveTransactionOptions, transactionChecks } from './transactionOptions.js';

/** What `shuffleTopic` takes. */
export interface ShuffleTopicOptions<T> {
  /** The topic between the two jobs. It has as many partitions as the second job is to have tasks. */
  readonly topic: string;
  /** The key under which the second job groups: called for each record. */
  readonly key: (record: T) => Key;
  /**
   * The bytes of a record.
   * @default JSON.stringify
   */
  readonly serialize?: ((record: T) => string | Buffer) | undefined;
  /**
   * The record of the bytes, in the second job.
   * @default json()
   */
  readonly deserialize?: ((view: RecordView) => T) | undefined;
}

/** What `ShuffleTopic.write` takes: the group of the first job, and the timeout of its transactions. */
export type ShuffleWriteOptions = Pick<SendToKafkaOptions, 'groupId' | 'transactionTimeout' | 'id'>;

/** Both ends of a topic that puts records under another key. */
export interface ShuffleTopic<T> {
  /** The output of the first job. Takes batches of records and passes them on unchanged. */
  write(kafka: Kafka | KafkaRuntime, options: ShuffleWriteOptions): MonoTypeOperatorFunction<Batch<T>>;
  /** The source of the second job, as options of `kafkaTasks`, `kafkaBatches` or a source of `kafkaTasksFrom`. */
  readonly source: {
    readonly topics: readonly string[];
    readonly start: 'earliest';
    readonly deserialize: (view: RecordView) => T;
  };
}

const optionChecks: OptionChecks<ShuffleTopicOptions<unknown>> = {
  topic: required(checkText),
  key: required(checkFunction),
  serialize: checkFunction,
  deserialize: checkFunction,
};

/**
 * Puts records under another key, for a job that is divided into tasks: a first job writes them to a topic under that key, and a second one, with
 * a group of its own, reads it there. All records of a key are then in one task.
 *
 * The first job writes each batch in a transaction that commits its input, as `sendToKafka` does, and the second one reads committed
 * records: each record comes once, whatever crashes. Records of a key that come from one task keep their order; the timestamp of a
 * record is its batch time. Keys are written as their text, so `1` and `'1'` are one key.
 *
 * The topic is yours to create: `retention.ms` bounds how long the second job may be down.
 *
 * Source: Spark's shuffle, Kafka Streams' repartition topic.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 * @throws {InvalidRecordError} (as a notification, of `write`) when a record has no key, or one that is an object
 *
 * @see {@link sendToKafka} for the transactions, and for what the source of the first job must have
 * @see {@link kafkaTasks}
 *
 * @example
 * ```ts no-run
 * import { foreachBatch, json, mapRecords, updateStateByKey } from 'dstream';
 * import { kafkaTasks, shuffleTopic } from 'dstream/kafka';
 * import { fileCheckpoint } from 'dstream/node';
 * import { Kafka } from 'kafkajs';
 * import { mergeMap } from 'rxjs';
 *
 * interface Flight { carrier: string; origin: string; delay: number }
 *
 * const kafka = new Kafka({ brokers: ['localhost:9092'] });
 * const byOrigin = shuffleTopic<Flight>({ topic: 'flights-by-origin', key: ({ origin }) => origin });
 *
 * // The topic `flights` is keyed by carrier.
 * kafkaTasks(kafka, {
 *   topics: ['flights'],
 *   groupId: 'flights-by-origin',
 *   commitOffsets: false,
 *   interval: 1_000,
 *   deserialize: json<Flight>(),
 * })
 *   .pipe(mergeMap((task) => task.pipe(byOrigin.write(kafka, { groupId: 'flights-by-origin' }))))
 *   .subscribe();
 *
 * kafkaTasks(kafka, {
 *   ...byOrigin.source,
 *   groupId: 'flights-per-origin',
 *   interval: 1_000,
 *   checkpoint: ({ id }) => fileCheckpoint(`state/${id}`),
 * })
 *   .pipe(
 *     mergeMap((task) =>
 *       task.pipe(
 *         mapRecords(({ origin, delay }) => [origin, delay]),
 *         updateStateByKey((delays, sum: number | undefined) => delays.reduce((a, b) => a + b, sum ?? 0), { id: 'delays' }),
 *         foreachBatch((delays) => console.log(delays)),
 *       ),
 *     ),
 *   )
 *   .subscribe();
 * ```
 */
export function shuffleTopic<T>(options: ShuffleTopicOptions<T>): ShuffleTopic<T> {
  checkOptions('shuffleTopic', options, optionChecks);
  const { topic, key, serialize = JSON.stringify as (record: T) => string, deserialize = json<T>() } = options;
  return {
    write(kafka, writeOptions) {
      checkOptions('shuffleTopic.write', writeOptions, { ...transactionChecks, id: checkText });
      const output = { operator: 'shuffleTopic', id: writeOptions.id };
      return transactionalOutput(output, kafka, resolveTransactionOptions(writeOptions), (batch) => {
        const timestamp = String(batch.context.time);
        const messageOf = (record: T) => {
          const place = placeOf(key(record));
          if (place.key !== undefined) return { ...place, value: serialize(record), timestamp };
          throw new InvalidRecordError(
            'shuffleTopic',
            record,
            'has no key: `key` returns undefined, and null is a key',
          );
        };
        return messagesByTopic(kafka, batch, { ...output, topic, messageOf });
      });
    },
    source: { topics: [topic], start: 'earliest', deserialize },
  };
}

/** A record without a key would go anywhere: tasks look for it in the first partition, as `kafkaPartitioner` does. */
function placeOf(key: Key): Pick<OutputMessage, 'key' | 'partition'> {
  return key === null ? { key, partition: 0 } : { key: textOf(key) };
}

/** An object is no key: it stays what it is, and is refused. */
function textOf(key: Exclude<Key, null>): string {
  return typeof key === 'object' || key === undefined ? key : String(key);
}
