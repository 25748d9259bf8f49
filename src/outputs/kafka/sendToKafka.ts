import type { Kafka } from 'kafkajs';
import { defer, finalize, from, map, type OperatorFunction } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import { InvalidOptionError } from '../../batch/errors.js';
import { heldEffects } from '../../operators/base/heldEffects.js';
import { checkPositiveInteger } from '../../options/checks.js';
import { BatchTransactions, type OutputMessage } from './batchTransactions.js';

export interface SendToKafkaOptions {
  /**
   * The group under which the offsets of the input are committed, in the transactions. It names them too, so each job
   * has its own. The source is to have the same, with `commitOffsets: false`.
   */
  readonly groupId: string;
  /** Where records go that have no topic of their own. */
  readonly topic?: string;
  /**
   * After so long, in ms, the broker aborts a transaction that was not ended: readers of committed records wait as long for
   * what came after it.
   * @default 60000
   */
  readonly transactionTimeout?: number;
}

/**
 * Output operation with an effect that happens exactly once, from Kafka to Kafka: writes the records of each batch to topics in
 * transactions that also commit the offsets of the input. Those who read with `read_committed` see a record once, whatever crashes.
 *
 * A record is a message of kafkajs: `{ key, value, headers, partition, timestamp }`, with a `topic` where it goes elsewhere.
 * Where it is known which records came of which input partition (nothing has mixed partitions: no window, no state), each
 * input partition is a transaction, with a producer whose transactional id is `GROUP-TOPIC-PARTITION`. A process that takes a
 * partition over begins with the same id, which fences the one before: kafkajs does not tell the broker the generation of a
 * group, by which one id for all would do. Otherwise the batch is one transaction, whose id is the group: then let one
 * process do the job.
 *
 * Without a checkpoint the stream starts again at what was committed. With one, which state needs, a batch that is run again
 * is written only as far as it was not: it has the same ranges, and what was committed is asked first, when nobody else can
 * commit any more. A new subscription of the same group in the same process waits until the one before is closed.
 *
 * Needs Kafka 2.5. Readers of committed records may be anything but kafkajs's own consumer (docs/limits.md).
 *
 * Takes batches of messages; passes them on unchanged when they are committed. One batch is written at a time.
 *
 * Source: Kafka's exactly-once semantics (KIP-98), in the layout from before KIP-447.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 * @throws {FencedError} (as a notification) when another process has taken a transactional id, or the broker has aborted a
 * transaction after `transactionTimeout`: nothing is written then
 * @throws {ProtocolError} (as a notification) when a broker refuses
 * @throws {TypeError} (as a notification) when a batch has no offset ranges, or a record no topic
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
  return (source) =>
    defer(() => {
      const transactions = new BatchTransactions(kafka, { groupId, topic, transactionTimeout });
      const write = (batch: Batch<T>) => from(transactions.write(batch)).pipe(map(() => batch));
      return source.pipe(
        heldEffects(write, false, { operator: 'sendToKafka' }),
        finalize(() => transactions.close()),
      );
    });
}
