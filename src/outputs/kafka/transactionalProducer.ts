import type { OffsetRange } from '../../batch/offsetRange.js';
import { metadataOf } from './batchMetadata.js';
import type { ProducerMessage, ProducerPort } from './producerPort.js';

/** What one transaction writes: records by topic, and the offsets of the input that they were made from. */
export interface KafkaWrite {
  readonly messages: ReadonlyMap<string, readonly ProducerMessage[]>;
  readonly ranges: readonly OffsetRange[];
  /** Committed with the offsets, so that a batch whose offsets did not move is recognized when it is replayed. */
  readonly time: number;
}

/** Approximate bound on one request for a topic: brokers accept at least 1 MiB by default. */
const maxRequestBytes = 512 * 1024;
/** Approximate bytes of a record beside its key, value and headers. */
const recordOverheadBytes = 70;

/** Writes batches, one transaction each. */
export class TransactionalProducer {
  readonly #producer: ProducerPort;
  readonly #groupId: string;

  constructor(producer: ProducerPort, groupId: string) {
    this.#producer = producer;
    this.#groupId = groupId;
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

  /** @throws {FencedError} when another process has taken the transactional id: nothing was written then */
  async write({ messages, ranges, time }: KafkaWrite): Promise<void> {
    const metadata = metadataOf(time);
    const offsets = ranges.map(({ topic, partition, until }) => ({ topic, partition, offset: until, metadata }));
    try {
      await this.#producer.begin();
      // The offsets go first: they wait until the broker has ended the previous transaction.
      await this.#producer.sendOffsets(this.#groupId, offsets);
      for (const [topic, all] of messages) {
        for (const request of requestsOf(all)) await this.#producer.send(topic, request);
      }
      await this.#producer.commit();
    } catch (error) {
      await this.#producer.abort();
      throw error;
    }
  }

  /** Readers of committed records would otherwise wait for an open transaction until it times out. */
  async close(): Promise<void> {
    await this.#producer.close();
  }
}

function* requestsOf(messages: readonly ProducerMessage[]): Iterable<readonly ProducerMessage[]> {
  let request: ProducerMessage[] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = sizeOf(message);
    if (request.length > 0 && bytes + size > maxRequestBytes) {
      yield request;
      request = [];
      bytes = 0;
    }
    request.push(message);
    bytes += size;
  }
  if (request.length > 0) yield request;
}

function sizeOf({ key, value, headers }: ProducerMessage): number {
  let size = recordOverheadBytes + bytesOf(key) + bytesOf(value);
  for (const [name, header] of Object.entries(headers ?? {})) {
    for (const one of [header].flat()) size += name.length + bytesOf(one);
  }
  return size;
}

function bytesOf(part: Buffer | string | null | undefined): number {
  return typeof part === 'string' ? Buffer.byteLength(part) : (part?.length ?? 0);
}
