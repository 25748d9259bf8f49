import { defer, finalize, from, map, type OperatorFunction } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import { InvalidOptionError } from '../../batch/errors.js';
import { derivedFrom } from '../../batch/lineage.js';
import { heldEffects } from '../../operators/base/heldEffects.js';
import { checkPositiveInteger } from '../../options/checks.js';
import type { Kafka } from '../../sources/kafka/kafkajs/kafka.js';
import { kafkajsTransactions } from '../../sources/kafka/kafkajs/kafkajsTransactions.js';
import { BatchTransactions, type OutputMessage } from './batchTransactions.js';

/** What `sendToKafka` takes. */
export interface SendToKafkaOptions {
  /**
   * Consumer group under which the transactions commit the offsets of the input. It is also part of the transactional ids, so each job
   * needs its own. Give the source the same group, with `commitOffsets: false`.
   */
  readonly groupId: string;
  /** Topic for records without a `topic` of their own. Default none. */
  readonly topic?: string;
  /**
   * When the broker aborts a transaction that has not ended, in ms. Readers of committed records wait that long for the records after
   * it.
   * @default 60000
   */
  readonly transactionTimeout?: number;
}

/**
 * Output operation from Kafka to Kafka, exactly once: writes the records of each batch to topics in transactions that also commit the
 * offsets of the input. Consumers that read with `read_committed` see each record once, whatever crashes.
 *
 * A record is `{ key, value, headers, partition, timestamp }`, as in kafkajs, with a `topic` where it differs from the option.
 * Where each record is known to come from one input partition (no window and no state has mixed partitions), each input partition
 * has its own transaction and a producer with the transactional id `GROUP-TOPIC-PARTITION`. A process that takes a partition over
 * uses the same id, which fences the previous owner; kafkajs cannot send the generation of the group, which would allow one id
 * for all. Otherwise the batch is one transaction whose id is the group: then only one process may run the job.
 *
 * Without a checkpoint the stream restarts at the committed offsets. With one, which state needs, a batch is replayed with the same
 * ranges, and what was committed before is not written again. A new subscription of the same group in the same process waits
 * until the previous one is closed.
 *
 * Needs Kafka 2.5. Consumers of committed records may be anything but kafkajs's own consumer (docs/limits.md).
 *
 * Takes batches of messages and passes them on unchanged once they are committed. One batch is written at a time.
 *
 * Source: Kafka's exactly-once semantics (KIP-98), in the layout from before KIP-447.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 * @throws {UnsupportedClientError} (as a notification) when `kafka` is not a client of kafkajs 2.2.4
 * @throws {FencedError} (as a notification) when another process has taken a transactional id, or the broker has aborted a
 * transaction after `transactionTimeout`: nothing is written then
 * @throws {InvalidRecordError} (as a notification) when a record names a partition that its topic does not have
 * @throws {ProtocolError} (as a notification) when a broker refuses a request, or has not written to a partition
 * @throws {TypeError} (as a notification) when a batch with records has no offset ranges, or a record has no topic
 *
 * @see {@link kafkaBatches} for the source
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
  kafka: Kafka,
  options: SendToKafkaOptions,
): OperatorFunction<Batch<T>, Batch<T>> {
  const { groupId, topic, transactionTimeout = 60_000 } = options;
  for (const [option, value] of Object.entries({ groupId, ...(topic !== undefined && { topic }) })) {
    if (typeof value === 'string' && value !== '') continue;
    throw new InvalidOptionError('sendToKafka', option, value, 'must be a non-empty string');
  }
  checkPositiveInteger('sendToKafka', 'transactionTimeout', transactionTimeout);
  return (source) => {
    const written = defer(() => {
      const port = kafkajsTransactions(kafka, transactionTimeout);
      const transactions = new BatchTransactions(port, { groupId, topic });
      const write = (batch: Batch<T>) => from(transactions.write(batch)).pipe(map(() => batch));
      return source.pipe(
        heldEffects(write, false, { operator: 'sendToKafka' }),
        finalize(() => transactions.close()),
      );
    });
    return derivedFrom(written, source);
  };
}
