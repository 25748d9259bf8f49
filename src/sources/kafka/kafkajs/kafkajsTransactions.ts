import type { Message, Transaction } from 'kafkajs';
import {
  DStreamError,
  ProtocolError,
  RecordTooLargeError,
  UnknownTopicError,
  UnsupportedClientError,
} from '../../../batch/errors.js';
import type { GroupMembership } from '../../../batch/groupMembership.js';
import { messageSize } from '../../../outputs/kafka/messageSize.js';
import {
  type OffsetWithMetadata,
  type ProducerMessage,
  type ProducerPort,
  RequestTooLargeError,
  type TransactionsPort,
} from '../../../outputs/kafka/producerPort.js';
import { within } from '../../../storage/within.js';
import { unknownTopic } from '../protocol/errorCodes.js';
import { groupByTopic } from '../protocol/groupByTopic.js';
import type { RequestResources } from '../protocol/requestResources.js';
import type { GuardedProducer } from './guardedProducer.js';
import type { Kafka } from './kafka.js';
import { kafkaAccess } from './kafkaAccess.js';
import type { PartitionLeader } from './kafkajsPort.js';
import type { KafkaAccess, KafkaRuntime } from './kafkaRuntime.js';
import { MessagePartitioner } from './messagePartitioner.js';
import { nativeCrc32c } from './nativeCrc32c.js';
import { GenerationOverError, offsetsOfMembers } from './offsetsOfMembers.js';
import type { PartitionMessages } from './partitionMessages.js';
import { beginBackOff, isEnding, patientTransactions } from './patientTransactions.js';
import { ProducerEpoch } from './producerEpoch.js';
import { RecordBatchProduce } from './recordBatchProduce.js';
import { topicConfig } from './topicConfig.js';
import { translateError } from './translateError.js';
import { withBackOff } from './withBackOff.js';

/** Pauses while a request for metadata or committed offsets may succeed another time: offsets are unstable while a transaction ends. */
const lookUpBackOff = { firstPauseMs: 10, maxPauseMs: 500 } as const;

/** How long a topic may take to appear, in ms: shorter than a transaction may take. */
const topicTimeoutMs = 10_000;

/**
 * How long what is being written may take when it is closed, and each step of closing: a broker that answers at all is quicker. What a broker
 * that does not makes of a transaction, its successor finds out.
 */
const closeTimeoutMs = 1_000;

/** What a broker answers when a record batch is larger than its topic, or a request than the broker, allows. */
const tooLargeErrors: ReadonlySet<string> = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);

/** What is asked on connections of our own. */
interface LookUps {
  /** Returns the partitions of a topic, fresh from a broker. */
  readonly partitionsOf: (topic: string) => Promise<readonly PartitionLeader[]>;
  /** Finds the coordinator of the transactional id. */
  readonly findCoordinator: () => Promise<void>;
  readonly written: Written;
}

/** Called with the offset after records that were written to a partition, in a transaction that may be aborted yet. */
export type Written = (topic: string, partition: number, end: number) => void;

/** Transactions through kafkajs. `timeoutMs` is the transaction timeout, and bounds the waits for transactions to end. */
export function kafkajsTransactions(
  kafka: Kafka | KafkaRuntime,
  timeoutMs: number,
  written: Written = () => {},
): TransactionsPort {
  const access = kafkaAccess(kafka);
  // kafkajs's own request for committed offsets would not wait for the end of a transaction.
  const port = access.port();
  let connected: Promise<void> | undefined;
  const closing = new AbortController();
  const connect = async () => {
    connected ??= port.connect();
    await connected.catch((error: unknown) => {
      connected = undefined;
      throw error;
    });
  };
  const lookUp = <R>(
    what: string,
    resources: RequestResources,
    request: () => Promise<R>,
    waitMs = timeoutMs,
  ): Promise<R> => {
    const attempt = async () => {
      try {
        await connect();
        return await request();
      } catch (cause) {
        throw translateError(cause, what, resources);
      }
    };
    const isRetriable = (error: unknown) => error instanceof DStreamError && error.retriable;
    return withBackOff(attempt, { ...lookUpBackOff, timeoutMs: waitMs, isRetriable, signal: closing.signal });
  };
  const waitMs = Math.min(topicTimeoutMs, timeoutMs);
  const partitionsOf = (topic: string) =>
    lookUp('Metadata', { topics: [topic] }, () => port.leaders([topic]), waitMs).catch((cause: unknown) => {
      const isUnknown = cause instanceof ProtocolError && cause.kafkaError === unknownTopic;
      throw isUnknown ? new UnknownTopicError(topic, { cause }) : cause;
    });
  const findCoordinator = (transactionalId: string) =>
    lookUp('FindCoordinator', { transactionalId }, () => port.findTransactionCoordinator(transactionalId));
  const producers: KafkajsProducer[] = [];
  return {
    producer: (id) => {
      const made = new KafkajsProducer(access, id, timeoutMs, {
        partitionsOf,
        findCoordinator: () => findCoordinator(id),
        written,
      });
      producers.push(made);
      return made;
    },
    clusterId: () => port.ids().clusterId,
    stableOffsets: async (groupId, partitions) => {
      const found = await lookUp('OffsetFetch', { group: groupId }, () => port.stableOffsetFetch(groupId, partitions));
      return found.filter(({ offset }) => offset >= 0);
    },
    close: async (writing) => {
      await within(Math.min(closeTimeoutMs, ...producers.map(({ patienceMs }) => patienceMs)), writing);
      closing.abort();
      await Promise.all(producers.map((producer) => producer.close()));
      port.disconnect();
    },
  };
}

class KafkajsProducer implements ProducerPort {
  readonly #transactionalId: string;
  readonly #timeoutMs: number;
  readonly #lookUps: LookUps;
  readonly #guarded: GuardedProducer;
  readonly #partitioner: MessagePartitioner;
  readonly #batches = new RecordBatchProduce({ crc32c: nativeCrc32c() });
  readonly #epoch: ProducerEpoch;
  readonly #kafka: Kafka;
  /** Who adds the offsets that are being added, where a member of the group does. */
  #member: (() => GroupMembership | undefined) | undefined;
  #connected: Promise<void> | undefined;
  #open: Transaction | undefined;
  /** Since when an answer is waited for, on the monotonic clock. */
  #askedAt: number | undefined;

  constructor(access: KafkaAccess, transactionalId: string, timeoutMs: number, lookUps: LookUps) {
    this.#kafka = access.kafka;
    this.#transactionalId = transactionalId;
    this.#timeoutMs = timeoutMs;
    this.#lookUps = lookUps;
    // One request at a time: kafkajs numbers records in the order of requests. Those of transactions are numbered anyway.
    const ordered = { maxInFlightRequests: 1, allowAutoTopicCreation: false } as const;
    // All messages of a partition are one message to kafkajs: see `PartitionMessages`.
    const createPartitioner =
      () =>
      ({ message }: { readonly message: Pick<Message, 'partition'> }) =>
        message.partition ?? 0;
    const config = { ...ordered, transactionalId, transactionTimeout: timeoutMs, createPartitioner };
    this.#partitioner = new MessagePartitioner(lookUps.partitionsOf);
    this.#epoch = new ProducerEpoch(transactionalId, timeoutMs);
    this.#guarded = access.producer(config, (broker) => {
      offsetsOfMembers(broker, () => this.#member);
      patientTransactions(broker, timeoutMs);
      this.#epoch.watch(broker);
      this.#batches.adapt(broker);
    });
  }

  async begin(): Promise<void> {
    if (this.#open) return;
    await this.#request('InitProducerId', {}, async () => {
      const { producer } = this.#guarded;
      // kafkajs tries a certificate again for seconds, and takes a missing right on the id for a coordinator that is away.
      this.#connected ??= this.#lookUps.findCoordinator().then(() => producer.connect());
      await this.#connected;
      if (!this.#batches.isUsed) {
        throw new UnsupportedClientError(
          'kafkajs',
          'its `producer` is not called on the client that the library passes as `this`',
        );
      }
      // kafkajs takes the transactional id with the first transaction, and not with the connection.
      this.#open = await producer.transaction();
    });
  }

  async send(topic: string, messages: readonly ProducerMessage[]): Promise<void> {
    const partitions = await this.#partitioner.partition(topic, messages);
    const topicMessages = [{ topic, messages: [...partitions] as Message[] }];
    await this.#request('Produce', { topics: [topic] }, () => this.#transaction.sendBatch({ topicMessages })).catch(
      async (error: unknown) => {
        this.#partitioner.forget(topic);
        const tooLarge = error instanceof ProtocolError && tooLargeErrors.has(error.kafkaError);
        throw tooLarge ? await this.#tooLarge(topic, partitions, error) : error;
      },
    );
    // kafkajs leaves out, without an error, the records of a partition that it does not know (its metadata may be minutes old) or
    // that moved to a broker which had answered before.
    for (const { partition, end } of partitions) if (end !== undefined) this.#lookUps.written(topic, partition, end);
    const missing = partitions.filter(({ isWritten }) => !isWritten);
    if (missing.length === 0) return;
    this.#partitioner.forget(topic);
    const names = missing.map(({ partition }) => `${topic}/${partition}`).join(', ');
    throw new ProtocolError('Produce', `nothing was written to ${names}`, true);
  }

  /**
   * A broker answers EndTxn before it has ended the transaction everywhere, and refuses the next one until then. kafkajs would give
   * up on offsets, and wait 300 ms with records.
   */
  async sendOffsets(
    groupId: string,
    offsets: readonly OffsetWithMetadata[],
    member?: () => GroupMembership | undefined,
  ): Promise<void> {
    this.#member = member;
    const topics = groupByTopic(offsets, ({ partition, offset, metadata }) => {
      return { partition, offset: String(offset), metadata };
    });
    const request = {
      consumerGroupId: groupId,
      topics: topics.map(({ topic, partitions }) => ({ topic, partitions: [...partitions] })),
    };
    const options = { ...beginBackOff, timeoutMs: this.#timeoutMs, isRetriable: maySucceedLater };
    const resources = { group: groupId, topics: request.topics.map(({ topic }) => topic) };
    await this.#request('TxnOffsetCommit', resources, () =>
      withBackOff(() => this.#transaction.sendOffsets(request), options),
    );
  }

  /** Which record is too large, or whether all together are. */
  async #tooLarge(topic: string, partitions: readonly PartitionMessages[], cause: Error): Promise<Error> {
    const limit = await maxMessageBytes(this.#kafka, topic);
    const sizes = partitions.flatMap(({ partition, messages }) =>
      messages.map((message) => ({ partition, size: messageSize(message) })),
    );
    const [largest] = sizes.sort((a, b) => b.size - a.size);
    if (!largest) return cause;
    const { partition, size } = largest;
    if (sizes.length > 1 && (limit === undefined || size <= limit)) return new RequestTooLargeError(limit);
    return new RecordTooLargeError(topic, partition, size, limit, { cause });
  }

  async commit(): Promise<void> {
    await this.#request('EndTxn', {}, () => this.#transaction.commit());
    this.#epoch.ended();
    this.#open = undefined;
  }

  async abort(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    if (open?.isActive()) await open.abort().catch(() => {});
    this.#epoch.ended();
  }

  async close(): Promise<void> {
    // A request under way might reach its broker after the abort, and be of no transaction then. The process that takes the id next aborts it.
    if (this.#askedAt === undefined) {
      await within(closeTimeoutMs, this.abort());
      await within(closeTimeoutMs, this.#guarded.producer.disconnect());
    }
    this.#guarded.close();
  }

  /** For how long to wait yet when it is closed, ms: none where a broker has not answered for as long. */
  get patienceMs(): number {
    const waited = this.#askedAt === undefined ? 0 : performance.now() - this.#askedAt;
    return Math.max(0, closeTimeoutMs - waited);
  }

  get #transaction(): Transaction {
    if (!this.#open) throw new Error('no transaction is open');
    return this.#open;
  }

  /** `about`: what the request is about beside the transactional id. */
  async #request<R>(what: string, about: Exclude<RequestResources, string>, send: () => Promise<R>): Promise<R> {
    this.#askedAt = performance.now();
    try {
      return await send();
    } catch (error) {
      const over = await this.#epoch.whyOver(error, what);
      if (over) throw over;
      throw translateError(error, what, { transactionalId: this.#transactionalId, ...about });
    } finally {
      this.#askedAt = undefined;
    }
  }
}

/** The `max.message.bytes` of a topic; `undefined` where it cannot be read. */
async function maxMessageBytes(kafka: Kafka, topic: string): Promise<number | undefined> {
  const value = Number(await topicConfig(kafka, topic, 'max.message.bytes'));
  return value > 0 ? value : undefined;
}

/** A broker is still ending the previous transaction, or the group has a new generation meanwhile, with this member. */
function maySucceedLater(error: unknown): boolean {
  return error instanceof GenerationOverError || isEnding(error);
}
