import type { AbortedTransaction } from './recordBatchReader.js';

/** One partition of a Fetch request. */
export interface FetchPartition {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly maxBytes: number;
}

/** One partition of a Fetch response. Offsets are as sent; `records` points into the received bytes. */
export interface FetchResponsePartition {
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: bigint;
  readonly lastStableOffset: bigint;
  readonly logStartOffset: bigint;
  readonly aborted: readonly AbortedTransaction[];
  readonly records: Buffer;
}

export interface FetchResponse {
  readonly throttleTime: number;
  readonly errorCode: number;
  readonly partitions: readonly FetchResponsePartition[];
}

/** Reads the body of a Fetch response, version 11, without copying the records. */
export function readFetchResponse(body: Buffer): FetchResponse {
  const reader = new BodyReader(body);
  const throttleTime = reader.int32();
  const errorCode = reader.int16();
  reader.int32(); // session id: no fetch session is used
  const partitions: FetchResponsePartition[] = [];
  for (let topics = reader.count(); topics > 0; topics--) {
    const topic = reader.string();
    for (let count = reader.count(); count > 0; count--) partitions.push(readPartition(reader, topic));
  }
  return { throttleTime, errorCode, partitions };
}

function readPartition(reader: BodyReader, topic: string): FetchResponsePartition {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = reader.int64();
  const lastStableOffset = reader.int64();
  const logStartOffset = reader.int64();
  const aborted: AbortedTransaction[] = [];
  for (let count = reader.count(); count > 0; count--) {
    aborted.push({ producerId: reader.int64(), firstOffset: Number(reader.int64()) });
  }
  reader.int32(); // preferred read replica: reading goes to the leader
  const records = reader.bytes();
  return { topic, partition, errorCode, highWatermark, lastStableOffset, logStartOffset, aborted, records };
}

/** Kafka's primitive types, big-endian. Reading past the end throws a RangeError, whatever a length says. */
class BodyReader {
  readonly #body: Buffer;
  #at = 0;

  constructor(body: Buffer) {
    this.#body = body;
  }

  int16(): number {
    this.#at += 2;
    return this.#body.readInt16BE(this.#at - 2);
  }

  int32(): number {
    this.#at += 4;
    return this.#body.readInt32BE(this.#at - 4);
  }

  int64(): bigint {
    this.#at += 8;
    return this.#body.readBigInt64BE(this.#at - 8);
  }

  /** The length of an array; a null array has none. Every element takes a byte at least. */
  count(): number {
    const count = this.int32();
    if (count > this.#body.length - this.#at) throw new RangeError(`an array of ${count} does not fit the response`);
    return Math.max(count, 0);
  }

  string(): string {
    const length = this.int16();
    return this.#slice(length).toString('utf8');
  }

  bytes(): Buffer {
    return this.#slice(Math.max(this.int32(), 0));
  }

  #slice(length: number): Buffer {
    if (length < 0 || this.#at + length > this.#body.length) {
      throw new RangeError(`${length} bytes do not fit the response`);
    }
    this.#at += length;
    return this.#body.subarray(this.#at - length, this.#at);
  }
}
