import type { MonoTypeOperatorFunction } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import { RecordTooLargeError } from '../../batch/errors.js';
import { lastActs } from '../../operators/base/lastActs.js';
import { perBatch } from '../../operators/base/perBatch.js';
import { checkOptions, type OptionChecks } from '../../options/checkOptions.js';
import { checkText, withMethods } from '../../options/checks.js';
import type { KafkaCheckpoint } from '../../sources/kafka/kafkajs/kafkaCheckpoint.js';
import { messagesByTopic } from './messagesByTopic.js';
import type { OutputMessage } from './outputMessage.js';
import { noteRefusal } from './topicLimits.js';

const operator = 'sendInTransaction';

/** What `sendInTransaction` takes. */
export interface SendInTransactionOptions {
  /** Topic for records without a `topic` of their own. Default: none. */
  readonly topic?: string | undefined;
  /**
   * Name of the output for monitors, errors, spans, log lines and the dashboard: it tells two outputs apart. It keeps no state.
   * Default: none.
   */
  readonly id?: string | undefined;
}

const optionChecks: OptionChecks<SendInTransactionOptions> = { topic: checkText, id: checkText };

/**
 * Output operation from Kafka to Kafka, exactly once, with the state: writes the records of each batch in the transaction in which
 * `kafkaCheckpoint` saves the progress and the state of the batch. Whatever crashes, results, state and progress are all there or all missing.
 *
 * `checkpoint` is the one that the stream uses. A record is `{ key, value, headers, partition, timestamp }`, as in kafkajs, with a `topic`
 * where it differs from the option. Several of these operations in one stream share the transaction of the batch.
 *
 * `sendToKafka` needs another transaction a batch, and works with any checkpoint.
 *
 * Takes batches of messages and passes them on unchanged at once: they are written when the batch is complete. If it is unsubscribed before,
 * the batch fails.
 *
 * Source: exactly-once processing of Kafka Streams (KIP-129).
 *
 * @throws {InvalidOptionError} when an option is out of its range; as a notification, when the checkpoint is not the one of the stream
 * @throws {InvalidRecordError} (as a notification) when a record is no such message, has no topic, or its batch has no offset ranges
 * @throws {FencedError} (as a notification) when another process has opened the checkpoint: nothing of the batch has been written then
 * @throws {RecordTooLargeError} (as a notification) when a record is larger than its topic allows
 *
 * @example
 * ```ts no-run
 * import { json, mapRecords } from 'dstream';
 * import { kafkaBatches, kafkaCheckpoint, sendInTransaction } from 'dstream/kafka';
 * import { Kafka } from 'kafkajs';
 *
 * const kafka = new Kafka({ brokers: ['localhost:9092'] });
 * const checkpoint = kafkaCheckpoint(kafka, { topic: 'invoices-state' });
 * kafkaBatches(kafka, {
 *   topics: ['orders'],
 *   start: 'earliest',
 *   interval: 1_000,
 *   deserialize: json<{ id: string; price: number }>(),
 *   checkpoint,
 * })
 *   .pipe(
 *     mapRecords(({ id, price }) => ({ key: id, value: JSON.stringify({ id, due: price * 1.19 }) })),
 *     sendInTransaction(checkpoint, { topic: 'invoices' }),
 *   )
 *   .subscribe();
 * ```
 *
 * @see {@link kafkaCheckpoint}
 * @see {@link sendToKafka}
 */
export function sendInTransaction<T extends OutputMessage>(
  checkpoint: KafkaCheckpoint,
  options: SendInTransactionOptions = {},
): MonoTypeOperatorFunction<Batch<T>> {
  withMethods('inTransaction')(operator, 'checkpoint', checkpoint);
  checkOptions(operator, options, optionChecks);
  const { topic, id } = options;
  const { client } = checkpoint;
  const messageOf = (record: T) => record;
  const create = () => {
    const acts = lastActs({ operator, id });
    return {
      next(batch: Batch<T>) {
        const { context } = batch;
        const messages = messagesByTopic(client, batch, { operator, id, topic, messageOf });
        acts.add(context, async () => {
          const { state, time, effects } = context;
          const sending = [...messages].map(([to, { length }]) => {
            return effects?.sending({ operator, id, system: 'kafka', topic: to, records: length });
          });
          checkpoint.inTransaction(state.session, time, {
            messages,
            settled: (failure) => {
              for (const sent of sending) sent?.(failure);
              if (failure?.error instanceof RecordTooLargeError) noteRefusal(client, failure.error);
            },
          });
        });
        return batch;
      },
      close: () => acts.close(),
    };
  };
  return perBatch(operator, create, id);
}
