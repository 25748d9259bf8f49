import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import { checkOptions } from '../../options/checkOptions.js';
import { checkText } from '../../options/checks.js';
import type { Kafka, KafkaRuntime } from '../../sources/kafka/kafkajs/kafka.js';
import { messagesByTopic } from './messagesByTopic.js';
import type { OutputMessage } from './outputMessage.js';
import { transactionalOutput } from './transactionalOutput.js';
import { resolveTransactionOptions, transactionChecks } from './transactionOptions.js';

/** What `sendToKafka` takes. */
export interface SendToKafkaOptions {
  /**
   * Consumer group under which the transactions commit the offsets of the input. It is also the transactional id, in a job that is divided
   * into tasks `GROUP-TASK`, in a stream that was given `partitions` `GROUP-TOPIC-PARTITION` by the first of them, so each job needs its own.
   * Give the source the same group, with `commitOffsets: false`.
   */
  readonly groupId: string;
  /** Topic for records without a `topic` of their own. Default: none. */
  readonly topic?: string | undefined;
  /**
   * Name of the output for monitors, errors, spans, log lines and the dashboard: it tells two outputs apart. It keeps no state.
   * Default: none.
   */
  readonly id?: string | undefined;
  /**
   * When the broker aborts a transaction that has not ended, in ms. Readers of committed records wait that long for the records after
   * it.
   * @default 60000
   */
  readonly transactionTimeout?: number | undefined;
}

/**
 * Output operation from Kafka to Kafka, exactly once: writes the records of each batch to topics in a transaction that also commits
 * the offsets of the input. Consumers that read with `read_committed` see each record once, whatever crashes.
 *
 * A record is `{ key, value, headers, partition, timestamp }`, as in kafkajs, with a `topic` where it differs from the option.
 *
 * The transaction is the last act of the batch: it begins when the effects of all other outputs have settled, so that the offsets it
 * commits never cover what another output still writes. Several `sendToKafka` with the same group in one stream share one producer
 * and one transaction a batch, and must have the same client. The transactional id is the group, with the id of the task where a job is
 * divided into tasks, or the first of the `partitions` that the stream was given: a process that takes the work over fences the previous
 * owner.
 *
 * Without a checkpoint the stream restarts at the committed offsets. With one, which state needs, a batch is replayed with the same
 * ranges, and what was committed before is not written again. A new subscription of the same group in the same process waits
 * until the previous one is closed.
 *
 * Needs Kafka 2.5. Consumers of committed records may be anything but kafkajs's own consumer (docs/limits.md).
 *
 * Takes batches of messages and passes them on unchanged at once, before they are written: what comes after it is part of the batch
 * too. If it is unsubscribed before they are written, the batch fails.
 *
 * In a job that is a member of the group (`kafkaTasks`, `membership: 'exclusive'`) the offsets are those of the member: a broker refuses them
 * once the group has removed it.
 *
 * Source: Kafka's exactly-once semantics (KIP-98), with a transactional id for each task as before KIP-447, and the member of the group as
 * in it.
 *
 * @throws {InvalidOptionError} when an option is out of its range; (as a notification) when another output of the stream has the same group
 * and another client, or a source of the stream commits under it
 * @throws {UnsupportedClientError} (as a notification) when `kafka` is not a client of kafkajs 2.2.4
 * @throws {FencedError} (as a notification) when another process has taken the transactional id, or one that was killed had asked for it and
 * the broker got to that late: nothing is written then
 * @throws {TimedOutError} (as a notification) when the broker has aborted a transaction after `transactionTimeout`: nothing is written then
 * @throws {RuntimeClosedError} when `kafka` is a runtime that is closed
 * @throws {ForeignClusterError} (as a notification) when the stream reads from another cluster
 * @throws {UnknownTopicError} (as a notification) when a topic to write to does not exist
 * @throws {InvalidRecordError} (as a notification) when a record is no such message, when it has no topic or names a partition that its
 * topic does not have, or when its batch has no offset ranges
 * @throws {RecordTooLargeError} (as a notification) when a record is larger than its topic allows: when its batch is replayed, it is
 * one for `onRecordError`
 * @throws {ProtocolError} (as a notification) when a broker refuses a request, or has not written to a partition
 *
 * @see {@link kafkaBatches} for the source
 * @see {@link shuffleTopic} for records of a job that is divided into tasks under another key
 * @see {@link foreachBatchInTransaction} for exactly-once output to PostgreSQL
 * @see {@link foreachPartitionOnce} for stores without such transactions
 *
 * @example
 * ```ts no-run
 * import { json, mapRecords } from 'dstream';
 * import { kafkaBatches, sendToKafka } from 'dstream/kafka';
 * import { Kafka } from 'kafkajs';
 *
 * const kafka = new Kafka({ brokers: ['localhost:9092'] });
 * kafkaBatches(kafka, {
 *   topics: ['orders'],
 *   groupId: 'invoices',
 *   commitOffsets: false,
 *   start: 'earliest',
 *   interval: 1_000,
 *   deserialize: json<{ id: string; price: number }>(),
 * })
 *   .pipe(
 *     mapRecords(({ id, price }) => ({ key: id, value: JSON.stringify({ id, due: price * 1.19 }) })),
 *     sendToKafka(kafka, { topic: 'invoices', groupId: 'invoices' }),
 *   )
 *   .subscribe();
 * ```
 */
export function sendToKafka<T extends OutputMessage>(
  kafka: Kafka | KafkaRuntime,
  options: SendToKafkaOptions,
): OperatorFunction<Batch<T>, Batch<T>> {
  checkOptions('sendToKafka', options, { ...transactionChecks, topic: checkText, id: checkText });
  const { topic, id } = options;
  const output = { operator: 'sendToKafka', id };
  const messageOf = (record: T) => record;
  return transactionalOutput(output, kafka, resolveTransactionOptions(options), (batch) =>
    messagesByTopic(kafka, batch, { ...output, topic, messageOf }),
  );
}
