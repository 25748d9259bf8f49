import type { GroupMembership } from '../../batch/groupMembership.js';
import { messageSize } from './messageSize.js';
import {
  type OffsetWithMetadata,
  type ProducerMessage,
  type ProducerPort,
  RequestTooLargeError,
} from './producerPort.js';

/** Offsets of a group that go with what is written. */
export interface GroupOffsets {
  readonly groupId: string;
  readonly offsets: readonly OffsetWithMetadata[];
  /** Who commits them, where the stream is a member of the group. */
  readonly member?: (() => GroupMembership | undefined) | undefined;
}

/** What one transaction writes: records by topic, and the offsets of the input that they were made from. */
export interface KafkaWrite {
  readonly messages: ReadonlyMap<string, readonly ProducerMessage[]>;
  /** Default: none. */
  readonly offsets?: GroupOffsets;
}

/** Approximate bound on one request for a topic: brokers accept at least 1 MiB by default. */
const maxRequestBytes = 512 * 1024;

/** Writes one transaction after the other. */
export class TransactionalProducer {
  readonly #producer: ProducerPort;
  /** Bounds on a request, of topics that have refused a larger one. */
  readonly #maxBytes = new Map<string, number>();

  constructor(producer: ProducerPort) {
    this.#producer = producer;
  }

  /** Ends the transaction of a former owner of the transactional id and fences it: once this settles, nobody else commits. */
  async connect(): Promise<void> {
    try {
      await this.#producer.begin();
    } catch (error) {
      await this.#producer.close();
      throw error;
    }
  }

  /**
   * @throws {FencedError} when another process has taken the transactional id: nothing was written then
   * @throws {RecordTooLargeError} when a topic does not allow a record of that size: nothing was written then
   */
  async write(write: KafkaWrite): Promise<void> {
    for (;;) {
      try {
        await this.#attempt(write);
        return;
      } catch (error) {
        await this.#producer.abort();
        if (!(error instanceof RequestTooLargeError)) throw error;
      }
    }
  }

  async #attempt({ messages, offsets }: KafkaWrite): Promise<void> {
    await this.#producer.begin();
    // The offsets go first: they wait until the broker has ended the previous transaction.
    if (offsets) await this.#producer.sendOffsets(offsets.groupId, offsets.offsets, offsets.member);
    for (const [topic, all] of messages) {
      const maxBytes = this.#maxBytes.get(topic) ?? maxRequestBytes;
      for (const request of requestsOf(all, maxBytes)) {
        await this.#producer.send(topic, request).catch((error: unknown) => {
          // Each request is smaller than the one before: in the end each record goes alone.
          if (error instanceof RequestTooLargeError) {
            this.#maxBytes.set(topic, Math.min(error.limit ?? Infinity, Math.floor(maxBytes / 2)));
          }
          throw error;
        });
      }
    }
    await this.#producer.commit();
  }
}

/** At least one record each, else at most `maxBytes` together. */
function* requestsOf(messages: readonly ProducerMessage[], maxBytes: number): Iterable<readonly ProducerMessage[]> {
  let request: ProducerMessage[] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = messageSize(message);
    if (request.length > 0 && bytes + size > maxBytes) {
      yield request;
      request = [];
      bytes = 0;
    }
    request.push(message);
    bytes += size;
  }
  if (request.length > 0) yield request;
}
