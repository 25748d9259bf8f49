import { MalformedRecordError, OffsetTooLargeError, UnsupportedCodecError } from '../../../batch/errors.js';
import type { RecordReader } from '../../log/recordReader.js';
import type { RecordView } from '../../log/recordView.js';
import { codecOf } from '../kafkajs/codecs.js';
import type { BufferLoan } from './bufferLoan.js';
import { crc32c } from './crc32c.js';
import { KeptSection } from './keptSection.js';
import { type OpenRecordBatch, RecordCursor } from './recordCursor.js';

/** A transaction that was aborted: its producer's records from `firstOffset` to its next control record do not count. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: number;
}

export interface RecordBatchReaderOptions {
  readonly topic: string;
  readonly partition: number;
  /** The offset that was asked for: the first batch may begin before it. */
  readonly from: number;
  /** Those that end in what was fetched, when only committed records are read. */
  readonly aborted: readonly AbortedTransaction[];
  readonly checkCrcs: boolean;
  /** Of the buffer that the bytes are in, if it is to be used again. */
  readonly loan?: BufferLoan | undefined;
}

// Where the fields of a record batch are, after its base offset and length.
const at = {
  length: 8,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  count: 57,
  records: 61,
} as const;
const attribute = { codec: 0x07, appendTime: 0x08, transactional: 0x10, control: 0x20 } as const;
/** Bytes of base offset and length, which the length does not count. */
const lead = 12;

/**
 * Reads the record batches (magic 2) that a fetch brought for one partition.
 *
 * Kafka cuts the last batch off where the bytes end; a cut-off batch is left for the next fetch. Lengths are checked
 * against what is there before anything is done by them.
 *
 * Source: Kafka's message format, https://kafka.apache.org/documentation/#recordbatch
 */
export class RecordBatchReader implements RecordReader {
  readonly end: number;
  readonly #options: RecordBatchReaderOptions;
  readonly #bytes: Buffer;
  readonly #limit: number;
  readonly #cursor: RecordCursor;
  readonly #aborted: AbortedTransaction[];
  readonly #abortedProducers = new Set<bigint>();
  /** For those who go through the records again. */
  #again: RecordCursor | undefined;
  /** Where the records of the loaded batch are, and what is said of all of them. */
  #records: Buffer;
  #batch: OpenRecordBatch = { baseOffset: 0, lastOffset: 0, timestamp: 0, appendTime: false };
  #position: number;
  /** Where the next record batch begins. */
  #nextBatch = 0;
  /** Records left in the loaded batch; 0 when none is loaded. */
  #left = 0;
  #batchEnd: number;
  /** Bytes of the loaded batch beside those that were fetched, when it had to be unpacked. */
  #unpacked = 0;
  #loading: Promise<void> | undefined;
  /** The record under the cursor has been decoded and not been given out. */
  #decoded = false;
  #error: MalformedRecordError | undefined;
  #failed: { readonly from: number; readonly until: number } | undefined;

  private constructor(bytes: Buffer, limit: number, end: number, options: RecordBatchReaderOptions) {
    this.#bytes = bytes;
    this.#records = bytes;
    this.#limit = limit;
    this.end = end;
    this.#options = options;
    this.#cursor = new RecordCursor(options.topic, options.partition);
    this.#aborted = [...options.aborted].sort((a, b) => b.firstOffset - a.firstOffset);
    this.#position = options.from;
    this.#batchEnd = options.from;
    options.loan?.hold();
  }

  /**
   * Looks over the batches in `bytes`. Gives `undefined` when there are none. When the very first one cannot be read, or
   * would not lead past the offset that was asked for, the reader fails at its first `load`: a broker sends the first batch
   * whole or not at all (KIP-74), so asking again would bring the same bytes for ever.
   */
  static open(bytes: Buffer, options: RecordBatchReaderOptions): RecordBatchReader | undefined {
    let position = 0;
    let end = options.from;
    // Where the batch before ends: some servers begin with batches that end before the offset that was asked for.
    let previousEnd = 0;
    while (position + at.records <= bytes.length) {
      // What stands before an offset that is too large can be read: the next fetch begins there, and tells.
      if (position > 0 && isTooLarge(bytes.readBigInt64BE(position))) break;
      const size = lead + bytes.readInt32BE(position + at.length);
      const baseOffset = readOffset(bytes, position, options);
      const lastOffset = baseOffset + bytes.readInt32BE(position + at.lastOffsetDelta);
      const reason = wrongHeader(size, bytes.readInt8(position + at.magic), baseOffset, lastOffset, previousEnd);
      if (reason !== undefined) {
        // What stands before it can be read; the next fetch begins here.
        if (position > 0) break;
        return RecordBatchReader.#unreadable(bytes, reason, options);
      }
      if (position + size > bytes.length) break;
      position += size;
      previousEnd = lastOffset + 1;
      end = Math.max(end, previousEnd);
    }
    if (bytes.length === 0) return undefined;
    if (position === 0)
      return RecordBatchReader.#unreadable(
        bytes,
        `it does not end within the ${bytes.length} bytes that came`,
        options,
      );
    if (end === options.from)
      return RecordBatchReader.#unreadable(bytes, 'it ends before the offset that was asked for', options);
    return new RecordBatchReader(bytes, position, end, options);
  }

  /** Nothing is known of the batch, not even where it ends: going past it means trying the next offset. */
  static #unreadable(bytes: Buffer, reason: string, options: RecordBatchReaderOptions): RecordBatchReader {
    const { topic, partition, from } = options;
    const reader = new RecordBatchReader(bytes, 0, from + 1, options);
    reader.#error = new MalformedRecordError(topic, partition, from, reason);
    reader.#failed = { from, until: from + 1 };
    return reader;
  }

  get position(): number {
    return this.#position;
  }

  get done(): boolean {
    return this.#left === 0 && this.#nextBatch === this.#limit && !this.#loading && !this.#failed;
  }

  get bytesLeft(): number {
    return this.done ? 0 : this.#bytes.length + this.#unpacked;
  }

  load(): Promise<void> | undefined {
    if (this.#error) throw this.#error;
    while (this.#left === 0 && !this.#loading && this.#nextBatch < this.#limit) this.#loadBatch();
    return this.#loading;
  }

  read(until: number, max: number, visit: (view: RecordView) => void): number {
    let count = 0;
    // Small batches are gone through without going back to the caller.
    while (count < max && this.#position < until && this.#ready()) count += this.#readBatch(until, max - count, visit);
    return count;
  }

  keep(until: number, max: number, visit: (view: RecordView) => void): KeptSection | undefined {
    if (this.#position >= until || !this.#ready()) return undefined;
    const cursor = this.#cursor;
    const position = this.#position;
    const from = this.#decoded ? cursor.begin : cursor.at;
    const count = this.#readBatch(until, max, visit);
    if (count === 0) return undefined;
    const end = this.#decoded ? cursor.begin : cursor.at;
    const section = { bytes: this.#records, from, until: end, batch: this.#batch, position, count };
    this.#again ??= new RecordCursor(this.#options.topic, this.#options.partition);
    // What was unpacked is in a buffer of its own.
    return new KeptSection(this.#again, section, this.#records === this.#bytes ? this.#options.loan : undefined);
  }

  /** Whether records can be read without anything to wait for. */
  #ready(): boolean {
    return this.#left > 0 || !(this.done || this.load() || this.#left === 0);
  }

  /** Reads on in the loaded batch. */
  #readBatch(until: number, max: number, visit: (view: RecordView) => void): number {
    const cursor = this.#cursor;
    let count = 0;
    while (count < max && this.#left > 0 && this.#position < until) {
      if (!this.#decoded) this.#decode(cursor);
      const { offset } = cursor;
      if (offset >= until) {
        // It is the first of the next range; what lies between is a gap.
        this.#position = until;
        break;
      }
      this.#decoded = false;
      this.#left--;
      const wanted = offset >= this.#position;
      if (wanted) this.#position = offset + 1;
      if (this.#left === 0) this.#finishBatch();
      if (!wanted) continue;
      count++;
      visit(cursor);
    }
    return count;
  }

  release(): void {
    const { loan } = this.#options;
    if (this.#cursor.shown) loan?.show();
    loan?.letGo();
  }

  skip(): { readonly from: number; readonly until: number } {
    const skipped = this.#failed ?? { from: this.#position, until: this.#position };
    this.#failed = undefined;
    this.#error = undefined;
    this.#left = 0;
    this.#decoded = false;
    this.#position = Math.max(this.#position, skipped.until);
    return skipped;
  }

  #decode(cursor: RecordCursor): void {
    try {
      cursor.next();
      if (this.#left === 1 && !cursor.atEnd) cursor.fail('bytes are left over after the last record of the batch');
      this.#decoded = true;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** After the last record of a batch the position is where the batch ends: offsets at its end may have been compacted. */
  #finishBatch(): void {
    this.#position = Math.max(this.#position, this.#batchEnd);
  }

  /** The rest of the batch cannot be read. The error is thrown again until `skip` goes past it. */
  #fail(error: unknown): never {
    this.#failed = { from: this.#position, until: Math.max(this.#batchEnd, this.#position) };
    this.#left = 0;
    this.#decoded = false;
    this.#error = this.#malformed(error);
    throw this.#error;
  }

  #malformed(error: unknown): MalformedRecordError {
    if (error instanceof MalformedRecordError) return error;
    const { topic, partition } = this.#options;
    const reason = error instanceof Error ? error.message : String(error);
    return new MalformedRecordError(topic, partition, this.#position, reason, { cause: error });
  }

  #loadBatch(): void {
    const bytes = this.#bytes;
    const batch = this.#nextBatch;
    const size = lead + bytes.readInt32BE(batch + at.length);
    const baseOffset = readOffset(bytes, batch, this.#options);
    const lastOffset = baseOffset + bytes.readInt32BE(batch + at.lastOffsetDelta);
    this.#nextBatch = batch + size;
    this.#batchEnd = lastOffset + 1;
    if (lastOffset < this.#position) return;
    this.#checkCrc(batch, batch + size);

    const attributes = bytes.readInt16BE(batch + at.attributes);
    const control = (attributes & attribute.control) !== 0;
    if (this.#isAborted(batch, attributes, lastOffset, control) || control) {
      this.#position = Math.max(this.#position, this.#batchEnd);
      return;
    }
    const count = bytes.readInt32BE(batch + at.count);
    // Every record takes seven bytes at least, and compaction leaves batches without any.
    if (count < 0 || count > lastOffset - baseOffset + 1) this.#fail(new Error('its number of records cannot be'));
    if (count === 0) {
      this.#position = Math.max(this.#position, this.#batchEnd);
      return;
    }
    this.#unpack(batch, batch + size, attributes, { baseOffset, lastOffset, count });
  }

  #checkCrc(from: number, until: number): void {
    if (!this.#options.checkCrcs) return;
    const stored = this.#bytes.readUInt32BE(from + at.crc);
    const actual = crc32c(this.#bytes, from + at.attributes, until);
    if (stored !== actual) this.#fail(new Error(`its checksum is ${actual}, not ${stored} as it says`));
  }

  /** Follows the transactions: which producers' records are aborted at this batch. */
  #isAborted(batch: number, attributes: number, lastOffset: number, control: boolean): boolean {
    if ((attributes & attribute.transactional) === 0) return false;
    while ((this.#aborted.at(-1)?.firstOffset ?? Infinity) <= lastOffset) {
      const { producerId } = this.#aborted.pop() as AbortedTransaction;
      this.#abortedProducers.add(producerId);
    }
    if (this.#abortedProducers.size === 0) return false;
    const producerId = this.#bytes.readBigInt64BE(batch + at.producerId);
    // A control record ends the transaction of its producer, aborted or committed.
    return control ? this.#abortedProducers.delete(producerId) : this.#abortedProducers.has(producerId);
  }

  #unpack(
    batch: number,
    until: number,
    attributes: number,
    { baseOffset, lastOffset, count }: { baseOffset: number; lastOffset: number; count: number },
  ): void {
    const bytes = this.#bytes;
    const appendTime = (attributes & attribute.appendTime) !== 0;
    const timestamp = Number(bytes.readBigInt64BE(batch + (appendTime ? at.maxTimestamp : at.baseTimestamp)));
    const open = (records: Buffer, from: number, to: number): void => {
      this.#records = records;
      this.#batch = { baseOffset, lastOffset, timestamp, appendTime };
      this.#cursor.open(records, from, to, this.#batch);
      this.#left = count;
      this.#unpacked = records === bytes ? 0 : records.length;
    };
    const id = attributes & attribute.codec;
    if (id === 0) {
      open(bytes, batch + at.records, until);
      return;
    }
    const unpacked = this.#decompress(id, bytes.subarray(batch + at.records, until));
    if (!(unpacked instanceof Promise)) {
      open(unpacked, 0, unpacked.length);
      return;
    }
    this.#loading = unpacked
      .then((records) => open(records, 0, records.length))
      // Kept for the next `load`, which throws it like any other.
      .catch((error: unknown) => {
        this.#failed = { from: this.#position, until: Math.max(this.#batchEnd, this.#position) };
        this.#error = this.#malformed(error);
      })
      .finally(() => {
        this.#loading = undefined;
      });
  }

  #decompress(id: number, packed: Buffer): Buffer | Promise<Buffer> {
    const codec = codecOf(id);
    if (!codec) this.#fail(new Error(`its codec has the number ${id}, which no codec has`));
    const { topic, partition } = this.#options;
    const { name, packageName, decompress } = codec;
    if (!decompress) throw new UnsupportedCodecError(name, packageName, topic, partition, this.#position);
    try {
      return decompress(packed);
    } catch (error) {
      return this.#fail(error);
    }
  }
}

function readOffset(bytes: Buffer, batch: number, { topic, partition }: RecordBatchReaderOptions): number {
  const offset = bytes.readBigInt64BE(batch);
  if (isTooLarge(offset)) throw new OffsetTooLargeError(topic, partition, String(offset));
  return Number(offset);
}

function isTooLarge(offset: bigint): boolean {
  return offset > BigInt(Number.MAX_SAFE_INTEGER);
}

/** What is wrong with the header of a batch, if anything. Batches come in order of their offsets. */
function wrongHeader(
  size: number,
  magic: number,
  baseOffset: number,
  lastOffset: number,
  previousEnd: number,
): string | undefined {
  if (magic !== 2) return `its format (magic ${magic}) is not a record batch of version 2`;
  if (size < at.records) return `its length (${size}) is less than a header`;
  if (baseOffset < previousEnd || lastOffset < baseOffset)
    return `its offsets (${baseOffset} to ${lastOffset}) cannot be`;
  return undefined;
}
