import type { BatchContext } from '../../batch/batchContext.js';
import type { DeadLetter, DeadLetterObserver } from '../../batch/deadLetters.js';
import { messageOf } from '../../batch/errors/messageOf.js';
import { lastActs } from '../../operators/base/lastActs.js';
import { checkOptions, required } from '../../options/checkOptions.js';
import { checkText } from '../../options/checks.js';
import type { Kafka, KafkaRuntime } from '../../sources/kafka/kafkajs/kafka.js';
import { kafkajsTransactions } from '../../sources/kafka/kafkajs/kafkajsTransactions.js';
import type { ProducerMessage } from './producerPort.js';
import { resolveTransactionOptions, transactionChecks } from './transactionOptions.js';
import { transactionsOfRun } from './transactionsOfRun.js';

/** What `deadLetterTopic` takes. */
export interface DeadLetterTopicOptions {
  /** Topic that the records are written to. */
  readonly topic: string;
  /**
   * Consumer group under which the transaction commits the offsets of the input: a replayed batch is recognized by them. With the
   * group of `sendToKafka` the dead letters are in the same transaction as the results. Each job needs its own.
   */
  readonly groupId: string;
  /**
   * When the broker aborts a transaction that has not ended, in ms.
   * @default 60000
   */
  readonly transactionTimeout?: number | undefined;
}

/**
 * Dead letters in a topic of Kafka, for `onRecordError`: the records that failed in a batch are written in one transaction, with the
 * offsets of the input, as the last act of the batch. A replayed batch does not write them again.
 *
 * A record keeps its key and value, byte by byte, and its headers, where these are known (see `DeadLetter`). Else the value is what the
 * operator received, as JSON. These headers are added: `dstream-operator`, `dstream-id`, `dstream-error`, `dstream-batch-time`, and
 * where they are known `dstream-topic`, `dstream-partition` and `dstream-offset`.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 * @throws {UnsupportedClientError} when `kafka` is not a client of kafkajs 2.2.4
 *
 * @see {@link sendToKafka} for the transactions, and for what the source must have
 *
 * @example
 * ```ts no-run
 * import { foreachBatch, json, mapRecords } from 'dstream';
 * import { deadLetterTopic, kafkaBatches } from 'dstream/kafka';
 * import { Kafka } from 'kafkajs';
 *
 * const kafka = new Kafka({ brokers: ['localhost:9092'] });
 * kafkaBatches(kafka, {
 *   topics: ['orders'],
 *   groupId: 'prices',
 *   interval: 1_000,
 *   deserialize: json<{ lines: { price: number }[] }>(),
 *   onRecordError: deadLetterTopic(kafka, { topic: 'orders-failed', groupId: 'prices-failed' }),
 *   maxErrors: 100,
 * })
 *   .pipe(
 *     mapRecords(({ lines }) => lines.reduce((sum, { price }) => sum + price, 0)),
 *     foreachBatch((prices) => console.log(prices)),
 *   )
 *   .subscribe();
 * ```
 */
export function deadLetterTopic(kafka: Kafka | KafkaRuntime, options: DeadLetterTopicOptions): DeadLetterObserver {
  checkOptions('deadLetterTopic', options, { ...transactionChecks, topic: required(checkText) });
  const { topic } = options;
  const shared = resolveTransactionOptions(options);
  // Fails now if `kafka` is not supported.
  kafkajsTransactions(kafka, shared.transactionTimeout);
  const output = { operator: 'deadLetterTopic', id: undefined };
  const acts = lastActs(output);
  const written = new WeakSet<BatchContext>();
  return {
    open: (run) => transactionsOfRun(run, kafka, shared).connect(),
    next(letter, context) {
      const transactions = transactionsOfRun(context.run, kafka, shared);
      transactions.add(context, output, new Map([[topic, [producerMessage(letter)]]]));
      if (written.has(context)) return;
      written.add(context);
      acts.add(context, () => transactions.write(context));
    },
  };
}

function producerMessage({ operator, id, record, error, time, origin }: DeadLetter): ProducerMessage {
  const facts = {
    operator,
    id,
    error: error instanceof Error ? `${error.name}: ${error.message}` : messageOf(error),
    'batch-time': time,
    topic: origin?.topic,
    partition: origin?.partition,
    offset: origin?.offset,
  };
  const headers: Record<string, Buffer | string | (Buffer | string)[]> = Object.create(null);
  for (const [name, value] of origin?.headers ?? []) {
    const before = headers[name];
    headers[name] = [...(before === undefined ? [] : [before].flat()), Buffer.from(value ?? new Uint8Array())];
  }
  for (const [name, value] of Object.entries(facts)) {
    if (value !== undefined) headers[`dstream-${name}`] = String(value);
  }
  const { key, value } = origin ?? {};
  return {
    key: key ? Buffer.from(key) : null,
    value: value === undefined ? textOf(record) : value && Buffer.from(value),
    headers,
  };
}

/** A record as text; one that is no JSON is described. */
function textOf(record: unknown): string {
  if (typeof record === 'string') return record;
  try {
    return JSON.stringify(record) ?? String(record);
  } catch {
    return String(record);
  }
}
