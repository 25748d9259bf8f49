import type { Message, Producer, Transaction } from 'kafkajs';
import { DStreamError, FencedError } from '../../../batch/errors.js';
import type { TopicPartition } from '../../../batch/topicPartition.js';
import type {
  OffsetWithMetadata,
  ProducerMessage,
  ProducerPort,
  TransactionsPort,
} from '../../../outputs/kafka/producerPort.js';
import { groupByTopic } from '../protocol/groupByTopic.js';
import type { Kafka } from './kafka.js';
import { kafkajsPort } from './kafkajsPort.js';
import { translateError } from './translateError.js';
import { withBackOff } from './withBackOff.js';

/** Pauses while a transaction is still ending: its offsets are not stable yet. */
const stableOffsetsBackOff = { firstPauseMs: 10, maxPauseMs: 500 } as const;
/** Pauses while the broker refuses a transaction because the previous one of its id is still ending. */
const beginBackOff = { firstPauseMs: 5, maxPauseMs: 100 } as const;

/** Transactions through kafkajs. `timeoutMs` is the transaction timeout, and bounds the waits for transactions to end. */
export function kafkajsTransactions(kafka: Kafka, timeoutMs: number): TransactionsPort {
  // kafkajs's own request for committed offsets would not wait for the end of a transaction.
  const port = kafkajsPort(kafka, 'read_committed');
  let connected: Promise<void> | undefined;
  const ask = async (groupId: string, partitions: readonly TopicPartition[]) => {
    try {
      connected ??= port.connect();
      await connected;
      const found = await port.stableOffsetFetch(groupId, partitions);
      return found.filter(({ offset }) => offset >= 0);
    } catch (cause) {
      throw translateError(cause, 'OffsetFetch', `group "${groupId}"`);
    }
  };
  const isRetriable = (error: unknown) => error instanceof DStreamError && error.retriable;
  return {
    producer: (transactionalId) => new KafkajsProducer(kafka, transactionalId, timeoutMs),
    stableOffsets: (groupId, partitions) =>
      withBackOff(() => ask(groupId, partitions), { ...stableOffsetsBackOff, timeoutMs, isRetriable }),
    close: async () => {
      if (connected) await port.disconnect().catch(() => {});
    },
  };
}

class KafkajsProducer implements ProducerPort {
  readonly #transactionalId: string;
  readonly #timeoutMs: number;
  readonly #producer: Producer;
  #connected: Promise<void> | undefined;
  #open: Transaction | undefined;

  constructor(kafka: Kafka, transactionalId: string, timeoutMs: number) {
    this.#transactionalId = transactionalId;
    this.#timeoutMs = timeoutMs;
    // One request at a time: kafkajs numbers records in the order of requests. Those of transactions are numbered anyway.
    const ordered = { maxInFlightRequests: 1, allowAutoTopicCreation: false } as const;
    this.#producer = kafka.producer({ ...ordered, transactionalId, transactionTimeout: timeoutMs });
  }

  async begin(): Promise<void> {
    if (this.#open) return;
    await this.#request('InitProducerId', async () => {
      this.#connected ??= this.#producer.connect();
      await this.#connected;
      // kafkajs takes the transactional id with the first transaction, and not with the connection.
      this.#open = await this.#producer.transaction();
    });
  }

  async send(topic: string, messages: readonly ProducerMessage[]): Promise<void> {
    const topicMessages = [{ topic, messages: messages as Message[] }];
    await this.#request('Produce', () => this.#transaction.sendBatch({ topicMessages }));
  }

  /**
   * A broker answers EndTxn before it has ended the transaction everywhere, and refuses the next one until then. kafkajs would give
   * up on offsets, and wait 300 ms with records.
   */
  async sendOffsets(groupId: string, offsets: readonly OffsetWithMetadata[]): Promise<void> {
    const topics = groupByTopic(offsets, ({ partition, offset, metadata }) => {
      return { partition, offset: String(offset), metadata };
    });
    const request = {
      consumerGroupId: groupId,
      topics: topics.map(({ topic, partitions }) => ({ topic, partitions: [...partitions] })),
    };
    const options = { ...beginBackOff, timeoutMs: this.#timeoutMs, isRetriable: isStillEnding };
    await this.#request('TxnOffsetCommit', () => withBackOff(() => this.#transaction.sendOffsets(request), options));
  }

  async commit(): Promise<void> {
    await this.#request('EndTxn', () => this.#transaction.commit());
    this.#open = undefined;
  }

  async abort(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    if (open?.isActive()) await open.abort().catch(() => {});
  }

  async close(): Promise<void> {
    await this.abort();
    await this.#producer.disconnect().catch(() => {});
  }

  get #transaction(): Transaction {
    if (!this.#open) throw new Error('no transaction is open');
    return this.#open;
  }

  async #request<R>(what: string, send: () => Promise<R>): Promise<R> {
    try {
      return await send();
    } catch (error) {
      for (let one = error; one instanceof Error; one = one.cause as unknown) {
        const { type = '' } = one as Error & { readonly type?: string };
        // What a broker calls an epoch that is over depends on its version and on the request.
        if (/FENCED|INVALID_PRODUCER_EPOCH|INVALID_PRODUCER_ID_MAPPING/.test(`${type} ${one.message}`)) {
          throw new FencedError(`Kafka transactions of "${this.#transactionalId}"`);
        }
      }
      throw translateError(error, what, `transactional id "${this.#transactionalId}"`);
    }
  }
}

function isStillEnding(error: unknown): boolean {
  return error instanceof Error && 'type' in error && error.type === 'CONCURRENT_TRANSACTIONS';
}
