import type { Kafka, Message, Producer, TopicMessages, Transaction } from 'kafkajs';
import { type DStreamError, FencedError } from '../../batch/errors.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import { translateError } from '../../sources/kafka/kafkajs/kafkaErrors.js';
import { byTopic } from '../../sources/kafka/protocol/byTopic.js';
import { metadataOf } from './stableOffsets.js';
import { withBackOff } from './withBackOff.js';

/** What one transaction writes: records by topic, and the offsets that they were made of. */
export interface KafkaWrite {
  readonly messages: ReadonlyMap<string, readonly Message[]>;
  readonly ranges: readonly OffsetRange[];
  /** Kept with the offsets, so that a batch without any progress can be told apart when it comes again. */
  readonly time: number;
}

/** About as many bytes go into one request for a topic: brokers take 1 MiB at least. */
const bytesPerRequest = 512 * 1024;

/** Between two attempts to begin a transaction while the broker still ends the one before, in ms: doubled up to the most. */
const backOff = { first: 5, most: 100 } as const;

/** One producer with a transactional id of its own: whoever takes the id over fences it. */
export class TransactionalProducer {
  readonly #id: string;
  readonly #groupId: string;
  readonly #transactionTimeout: number;
  readonly #producer: Producer;
  #open: Transaction | undefined;

  constructor(kafka: Kafka, id: string, groupId: string, transactionTimeout: number) {
    this.#id = id;
    this.#groupId = groupId;
    this.#transactionTimeout = transactionTimeout;
    // One request at a time: kafkajs numbers records in the order of requests. Those of transactions are numbered anyway.
    const once = { maxInFlightRequests: 1, allowAutoTopicCreation: false } as const;
    this.#producer = kafka.producer({ ...once, transactionalId: id, transactionTimeout });
  }

  /** Ends the transaction of a former owner of the id, and fences it: when it is done, nobody else commits any more. */
  async connect(): Promise<void> {
    try {
      await this.#producer.connect();
      // kafkajs takes the transactional id with the first transaction, and not with the connection.
      this.#open = await this.#producer.transaction();
    } catch (error) {
      await this.close();
      throw this.#translate(error, 'InitProducerId');
    }
  }

  /** @throws {FencedError} when another process has taken the id: nothing was written then */
  async write({ messages, ranges, time }: KafkaWrite): Promise<void> {
    try {
      this.#open ??= await this.#producer.transaction();
      await this.#begin(this.#open, offsetsOf(ranges, time));
      for (const request of requestsOf(messages)) await this.#open.sendBatch({ topicMessages: [request] });
      await this.#open.commit();
      this.#open = undefined;
    } catch (error) {
      await this.#abort();
      throw this.#translate(error, 'EndTxn');
    }
  }

  /**
   * The offsets go first. A broker answers the end of a transaction before it has ended it everywhere, and refuses the next
   * one so long: kafkajs would give up here, and wait 300 ms with records.
   */
  async #begin(transaction: Transaction, topics: ReturnType<typeof offsetsOf>): Promise<void> {
    const options = { ...backOff, timeout: this.#transactionTimeout, mayRetry: isStillEnding };
    await withBackOff(() => transaction.sendOffsets({ consumerGroupId: this.#groupId, topics }), options);
  }

  /** Without it, readers of committed records would wait for an open transaction until it times out. */
  async close(): Promise<void> {
    await this.#abort();
    await this.#producer.disconnect().catch(() => {});
  }

  async #abort(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    if (open?.isActive()) await open.abort().catch(() => {});
  }

  #translate(error: unknown, what: string): DStreamError {
    for (let one = error; one instanceof Error; one = one.cause as unknown) {
      const { type = '' } = one as Error & { readonly type?: string };
      // What a broker says of an epoch that is over depends on its version and on the request.
      if (/FENCED|INVALID_PRODUCER_EPOCH|INVALID_PRODUCER_ID_MAPPING/.test(`${type} ${one.message}`)) {
        return new FencedError(`Kafka transactions of "${this.#id}"`);
      }
    }
    return translateError(error, what, `transactional id "${this.#id}"`);
  }
}

function isStillEnding(error: unknown): boolean {
  return error instanceof Error && 'type' in error && error.type === 'CONCURRENT_TRANSACTIONS';
}

function* requestsOf(messages: KafkaWrite['messages']): Iterable<TopicMessages> {
  for (const [topic, all] of messages) {
    let part: Message[] = [];
    let bytes = 0;
    for (const message of all) {
      const size = sizeOf(message);
      if (part.length > 0 && bytes + size > bytesPerRequest) {
        yield { topic, messages: part };
        part = [];
        bytes = 0;
      }
      part.push(message);
      bytes += size;
    }
    if (part.length > 0) yield { topic, messages: part };
  }
}

function sizeOf({ key, value, headers }: Message): number {
  let size = 70 + bytesOf(key) + bytesOf(value);
  for (const [name, header] of Object.entries(headers ?? {})) {
    for (const one of [header].flat()) size += name.length + bytesOf(one);
  }
  return size;
}

function bytesOf(part: Buffer | string | null | undefined): number {
  return typeof part === 'string' ? Buffer.byteLength(part) : (part?.length ?? 0);
}

function offsetsOf(ranges: readonly OffsetRange[], time: number) {
  const metadata = metadataOf(time);
  const topics = byTopic(ranges, ({ partition, until }) => ({ partition, offset: String(until), metadata }));
  return topics.map(({ topic, partitions }) => ({ topic, partitions: [...partitions] }));
}
