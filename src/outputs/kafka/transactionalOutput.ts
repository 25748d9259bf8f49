import { defer, type MonoTypeOperatorFunction, type Observable } from 'rxjs';
import { announceOpening } from '../../batch/announcements.js';
import type { Batch } from '../../batch/batch.js';
import type { BatchRun } from '../../batch/batchContext.js';
import { lastActs } from '../../operators/base/lastActs.js';
import { type Owner, perBatch } from '../../operators/base/perBatch.js';
import type { Kafka, KafkaRuntime } from '../../sources/kafka/kafkajs/kafka.js';
import { kafkajsTransactions } from '../../sources/kafka/kafkajs/kafkajsTransactions.js';
import type { MessagesByTopic, TimedMessages } from './batchMessages.js';
import { type TransactionOptions, transactionsOfRun } from './transactionsOfRun.js';

/**
 * Makes an output that writes messages in the transactions of its run: batches pass on at once, and are written as their last act.
 * `messagesOf` returns what is to be written of a batch.
 *
 * @throws {UnsupportedClientError} when `kafka` is not a client of kafkajs 2.2.4
 */
export function transactionalOutput<T>(
  output: Owner,
  kafka: Kafka | KafkaRuntime,
  options: TransactionOptions,
  messagesOf: (batch: Batch<T>) => MessagesByTopic | TimedMessages,
): MonoTypeOperatorFunction<Batch<T>> {
  // Fails now if `kafka` is not supported.
  kafkajsTransactions(kafka, options.transactionTimeout);
  const create = (source: Observable<Batch<T>>) => {
    const connect = (run: BatchRun) => defer(() => transactionsOfRun(run, kafka, options).connect());
    const withdraw = announceOpening(source, connect);
    const acts = lastActs(output);
    return {
      next(batch: Batch<T>) {
        const { context } = batch;
        const transactions = transactionsOfRun(context.run, kafka, options);
        transactions.add(context, output, messagesOf(batch));
        acts.add(context, () => transactions.write(context));
        return batch;
      },
      close() {
        withdraw();
        acts.close();
      },
    };
  };
  return perBatch(output.operator, create, output.id);
}
