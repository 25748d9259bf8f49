import type { Codec } from './codec.js';
import { crc32c as plainCrc32c } from './crc32c.js';
import { attributeMask, fieldAt } from './recordBatchHeader.js';

/** A header of a record to write. */
export type HeaderToWrite = readonly [name: string, value: Uint8Array | string | null];

/** A record to write. Text is written as UTF-8. */
export interface RecordToWrite {
  readonly key: Uint8Array | string | null;
  /** `null` is a tombstone. */
  readonly value: Uint8Array | string | null;
  readonly headers: readonly HeaderToWrite[];
  /** Milliseconds since the epoch. */
  readonly timestamp: number;
}

/** Of an idempotent or transactional producer: by it the broker takes a batch once, in its place. */
export interface BatchProducer {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  /** The number of the first record among those that the producer has written to the partition. */
  readonly baseSequence: number;
  readonly isTransactional: boolean;
}

export interface RecordBatchWriterOptions {
  /** Compresses the records; its number goes into the batch. Default: not compressed. */
  readonly codec?: { readonly id: number; readonly compress: NonNullable<Codec['compress']> } | undefined;
  /** Computes CRC-32C where there is something faster than the code of this room. */
  readonly crc32c?: typeof plainCrc32c | undefined;
}

/** The size of a batch of no records, and where its first record begins. */
const headerBytes = fieldAt.records;
/** What the length field of a batch does not count: itself, and the base offset. */
const uncountedBytes = 12;
const firstBytes = 16 * 1024;
const producerEpochAt = fieldAt.producerId + 8;
const baseSequenceAt = producerEpochAt + 2;
const magic = 2;
const noLeaderEpoch = -1;
/** More bytes than the numbers of a record take: six varints of a length, a time or a count, and the attributes. */
const maxNumberBytes = 40;
/** Longer texts are faster written by Node than character by character. */
const maxShortText = 24;

/**
 * Writes the records of one partition as a record batch (magic 2), each once into the buffer that is sent: no object and no copy is made
 * for a record. The counterpart of `RecordBatchReader`.
 *
 *     length attributes timestampDelta offsetDelta keyLength key valueLength value headerCount (key value)*
 *     varint int8       varlong        varint      varint        varint            varint
 *
 * Source: Kafka's message format, https://kafka.apache.org/documentation/#recordbatch
 */
export class RecordBatchWriter {
  readonly #options: RecordBatchWriterOptions;
  #buffer = Buffer.allocUnsafe(firstBytes);
  #at = headerBytes;
  #count = 0;
  #baseTimestamp = 0;
  #maxTimestamp = 0;

  constructor(options: RecordBatchWriterOptions = {}) {
    this.#options = options;
  }

  /** The number of records. */
  get count(): number {
    return this.#count;
  }

  /** The size of the batch in bytes, before it is compressed. */
  get size(): number {
    return this.#at;
  }

  add({ key, value, headers, timestamp }: RecordToWrite): void {
    if (this.#count === 0) {
      this.#baseTimestamp = timestamp;
      this.#maxTimestamp = timestamp;
    } else if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp;
    const timestampDelta = zigzag(timestamp - this.#baseTimestamp);
    const offsetDelta = 2 * this.#count;
    const [keyLength, valueLength] = [lengthOf(key), lengthOf(value)];
    let length = 1 + sizeOfUvarint(timestampDelta) + sizeOfUvarint(offsetDelta) + sizeOfPart(keyLength);
    length += sizeOfPart(valueLength) + sizeOfUvarint(2 * headers.length);
    for (const [name, header] of headers) length += sizeOfPart(lengthOf(name)) + sizeOfPart(lengthOf(header));
    this.#reserve(length + maxNumberBytes);
    this.#uvarint(2 * length);
    this.#buffer[this.#at++] = 0;
    this.#uvarint(timestampDelta);
    this.#uvarint(offsetDelta);
    this.#part(key, keyLength);
    this.#part(value, valueLength);
    this.#uvarint(2 * headers.length);
    for (const [name, header] of headers) {
      this.#part(name, lengthOf(name));
      this.#part(header, lengthOf(header));
    }
    this.#count++;
  }

  /** The batch, at once where the codec answers at once. Afterwards the writer is empty; the bytes are the caller's. */
  finish(producer?: BatchProducer): Buffer | Promise<Buffer> {
    const { codec } = this.#options;
    const batch = this.#buffer.subarray(0, this.#at);
    const fields = { count: this.#count, base: this.#baseTimestamp, max: this.#maxTimestamp };
    this.#buffer = Buffer.allocUnsafe(Math.max(firstBytes, this.#at));
    this.#at = headerBytes;
    this.#count = 0;
    if (!codec) return this.#sealed(batch, fields, producer);
    const packed = codec.compress(batch.subarray(headerBytes));
    const seal = (records: Buffer) => {
      return this.#sealed(Buffer.concat([batch.subarray(0, headerBytes), records]), fields, producer);
    };
    return 'then' in packed ? packed.then(seal) : seal(packed);
  }

  #sealed(
    batch: Buffer,
    { count, base, max }: { readonly count: number; readonly base: number; readonly max: number },
    producer: BatchProducer | undefined,
  ): Buffer {
    const { codec, crc32c = plainCrc32c } = this.#options;
    const attributes = (codec?.id ?? 0) | (producer?.isTransactional ? attributeMask.transactional : 0);
    batch.writeBigInt64BE(0n, fieldAt.baseOffset);
    batch.writeInt32BE(batch.length - uncountedBytes, fieldAt.length);
    batch.writeInt32BE(noLeaderEpoch, fieldAt.leaderEpoch);
    batch.writeInt8(magic, fieldAt.magic);
    batch.writeInt16BE(attributes, fieldAt.attributes);
    batch.writeInt32BE(count - 1, fieldAt.lastOffsetDelta);
    batch.writeBigInt64BE(BigInt(base), fieldAt.baseTimestamp);
    batch.writeBigInt64BE(BigInt(max), fieldAt.maxTimestamp);
    batch.writeBigInt64BE(producer?.producerId ?? -1n, fieldAt.producerId);
    batch.writeInt16BE(producer?.producerEpoch ?? -1, producerEpochAt);
    batch.writeInt32BE(producer?.baseSequence ?? -1, baseSequenceAt);
    batch.writeInt32BE(count, fieldAt.count);
    batch.writeUInt32BE(crc32c(batch, fieldAt.attributes, batch.length), fieldAt.crc);
    return batch;
  }

  /** A key, a value, or one of a header, with its length. */
  #part(part: Uint8Array | string | null, length: number): void {
    if (part === null) {
      this.#buffer[this.#at++] = 1;
      return;
    }
    this.#uvarint(2 * length);
    if (typeof part !== 'string') this.#buffer.set(part, this.#at);
    else if (length === part.length && length <= maxShortText) {
      // As many bytes as characters: all are ASCII.
      const [buffer, at] = [this.#buffer, this.#at];
      for (let i = 0; i < length; i++) buffer[at + i] = part.charCodeAt(i);
    } else this.#buffer.write(part, this.#at, 'utf8');
    this.#at += length;
  }

  #uvarint(value: number): void {
    let rest = value;
    const buffer = this.#buffer;
    // Bitwise operators take 32 bits.
    for (; rest > 0x7fffffff; rest = Math.floor(rest / 128)) buffer[this.#at++] = (rest % 128) | 0x80;
    for (; rest > 0x7f; rest >>>= 7) buffer[this.#at++] = (rest & 0x7f) | 0x80;
    buffer[this.#at++] = rest;
  }

  /** Makes room for `length` more bytes. */
  #reserve(length: number): void {
    const needed = this.#at + length;
    if (needed <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#buffer.length));
    this.#buffer.copy(grown, 0, 0, this.#at);
    this.#buffer = grown;
  }
}

/** A signed number as one without a sign, small where it is close to zero. */
function zigzag(value: number): number {
  return value >= 0 ? 2 * value : -2 * value - 1;
}

function lengthOf(part: Uint8Array | string | null): number {
  if (part === null) return -1;
  return typeof part === 'string' ? Buffer.byteLength(part) : part.length;
}

/** With its length before it; -1 is absent. */
function sizeOfPart(length: number): number {
  return length < 0 ? 1 : sizeOfUvarint(2 * length) + length;
}

function sizeOfUvarint(value: number): number {
  let size = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 128)) size++;
  return size;
}
