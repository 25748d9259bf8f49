import { type DStreamError, MalformedRecordError, UnsupportedCodecError } from '../../../batch/errors.js';
import type { EpochStart, RecordReader } from '../../log/recordReader.js';
import type { RecordView } from '../../log/recordView.js';
import { type AbortedTransaction, AbortedTransactions } from './abortedTransactions.js';
import type { BufferRefCount } from './bufferRefCount.js';
import type { CodecLookup } from './codec.js';
import { crc32c } from './crc32c.js';
import {
  attributeMask,
  batchSize,
  fieldAt,
  hasTooLargeOffset,
  headerFault,
  readBaseOffset,
  recordCount,
  tooLargeOffset,
} from './recordBatchHeader.js';
import { type OpenRecordBatch, RecordCursor } from './recordCursor.js';
import { RetainedSection } from './retainedSection.js';
import { maxUnpackedBytes, unpackedBound } from './unpackedBound.js';

export interface RecordBatchReaderOptions {
  readonly topic: string;
  readonly partition: number;
  /** The offset that was asked for: the first batch may begin before it. */
  readonly from: number;
  /** The aborted transactions in what was fetched, when only committed records are read. */
  readonly aborted: readonly AbortedTransaction[];
  readonly checkCrcs: boolean;
  /** Computes CRC-32C where there is something faster than the code of this room. */
  readonly crc32c?: typeof crc32c | undefined;
  readonly codecOf: CodecLookup;
  /** The end of the log as the response has it. Batches that reach beyond it are damaged, or newer than the response says. */
  readonly latest?: number;
  /** What becomes of a first batch beyond `latest`: left for the next fetch, or malformed. Default: left. */
  readonly refuseBeyondLatest?: boolean;
  /** Counts the readers of the buffer that holds the bytes, where buffers are pooled. */
  readonly refCount?: BufferRefCount | undefined;
}

/** What the headers of record batches say. */
interface Scan {
  /** Where the last whole batch ends. */
  readonly limit: number;
  /** The offset after it. */
  readonly end: number;
  /** How many records there are, about. */
  readonly records: number;
  readonly epochs: readonly EpochStart[];
}

/**
 * Reads the record batches (magic 2) that a fetch brought for one partition.
 *
 * Kafka cuts the last batch where the bytes end; a cut batch is left for the next fetch. Every length is checked against the
 * bytes that are there before it is used.
 *
 * Source: Kafka's message format, https://kafka.apache.org/documentation/#recordbatch
 */
export class RecordBatchReader implements RecordReader {
  readonly end: number;
  readonly recordCount: number;
  /** By the headers, which brokers write: producers leave the epoch open. */
  readonly leaderEpochs: readonly EpochStart[];
  readonly #options: RecordBatchReaderOptions;
  readonly #bytes: Buffer;
  readonly #limit: number;
  readonly #cursor: RecordCursor;
  readonly #aborted: AbortedTransactions;
  /** Reads retained records. */
  #retainedCursor: RecordCursor | undefined;
  /** Where the records of the loaded batch are, and what its header says of all of them. */
  #records: Buffer;
  #newestTimestamp: number | undefined;
  #batch: OpenRecordBatch = { baseOffset: 0, lastOffset: 0, timestamp: 0, appendTime: false };
  #position: number;
  /** Where the next record batch begins. */
  #nextBatch = 0;
  /** Records left in the loaded batch; 0 when none is loaded. */
  #left = 0;
  #batchEnd: number;
  #bytesRead = 0;
  /** Bytes of the loaded batch after decompression, beside those that were fetched. */
  #unpacked = 0;
  #loading: Promise<void> | undefined;
  /** The record under the cursor has been decoded and not yet handed out. */
  #decoded = false;
  #error: DStreamError | undefined;
  #failed: { readonly from: number; readonly until: number } | undefined;

  private constructor(bytes: Buffer, { limit, end, records, epochs }: Scan, options: RecordBatchReaderOptions) {
    this.leaderEpochs = epochs;
    this.#bytes = bytes;
    this.#records = bytes;
    this.#limit = limit;
    this.end = end;
    this.recordCount = Math.round(records);
    this.#options = options;
    this.#cursor = new RecordCursor(options.topic, options.partition);
    this.#aborted = new AbortedTransactions(options.aborted);
    this.#position = options.from;
    this.#batchEnd = options.from;
    options.refCount?.retain();
  }

  /**
   * Scans the headers of the batches in `bytes`; returns `undefined` when there is no batch. When the very first one cannot be read,
   * or ends before the offset that was asked for, the reader fails at its first `load`: a broker sends the first batch whole or
   * not at all (KIP-74), so asking again would return the same bytes for ever.
   */
  static open(bytes: Buffer, options: RecordBatchReaderOptions): RecordBatchReader | undefined {
    let position = 0;
    let end = options.from;
    let records = 0;
    const aborted = new AbortedTransactions(options.aborted);
    // The end of the previous batch: some servers begin with batches that end before the offset that was asked for.
    let previousEnd = 0;
    const epochs: EpochStart[] = [];
    while (position + fieldAt.records <= bytes.length) {
      // What comes before an offset that is too large can be read: the next fetch begins there and fails.
      if (hasTooLargeOffset(bytes, position)) {
        if (position > 0) break;
        return RecordBatchReader.#failing(bytes, tooLargeOffset(bytes, position, options), options);
      }
      const size = batchSize(bytes, position);
      const baseOffset = readBaseOffset(bytes, position, options);
      const lastOffset = baseOffset + bytes.readInt32BE(position + fieldAt.lastOffsetDelta);
      const reason = headerFault(bytes, position, baseOffset, lastOffset, previousEnd);
      if (reason !== undefined) {
        // What comes before it can be read; the next fetch begins here.
        if (position > 0) break;
        return RecordBatchReader.#unreadable(bytes, reason, options);
      }
      if (position + size > bytes.length) break;
      if (lastOffset >= (options.latest ?? Infinity)) {
        // No checksum covers the base offset: reading on from a wrong one would lose the records in between.
        if (position > 0 || !options.refuseBeyondLatest)
          return RecordBatchReader.#upTo(bytes, { limit: position, end, records, epochs }, options);
        const beyond = `its offsets (${baseOffset} to ${lastOffset}) are beyond the end of the log (${options.latest})`;
        return RecordBatchReader.#unreadable(bytes, beyond, options);
      }
      if (!aborted.includes(bytes, position, lastOffset)) {
        // Of a batch that begins before the offset that was asked for, the part from there on.
        const wanted = Math.min(1, (lastOffset + 1 - options.from) / (lastOffset + 1 - baseOffset));
        records += recordCount(bytes, position) * Math.max(wanted, 0);
      }
      position += size;
      previousEnd = lastOffset + 1;
      end = Math.max(end, previousEnd);
      const leaderEpoch = bytes.readInt32BE(position - size + fieldAt.leaderEpoch);
      if (lastOffset >= options.from && leaderEpoch > (epochs.at(-1)?.leaderEpoch ?? -1)) {
        epochs.push({ leaderEpoch, offset: baseOffset });
      }
    }
    if (bytes.length === 0) return undefined;
    if (position === 0)
      return RecordBatchReader.#unreadable(bytes, `it does not end within the ${bytes.length} bytes received`, options);
    if (end === options.from)
      return RecordBatchReader.#unreadable(bytes, 'it ends before the offset that was asked for', options);
    return new RecordBatchReader(bytes, { limit: position, end, records, epochs }, options);
  }

  static #upTo(bytes: Buffer, scan: Scan, options: RecordBatchReaderOptions): RecordBatchReader | undefined {
    return scan.end > options.from ? new RecordBatchReader(bytes, scan, options) : undefined;
  }

  /** Not even the end of the batch is known: `skip` goes to the next offset. */
  static #unreadable(bytes: Buffer, reason: string, options: RecordBatchReaderOptions): RecordBatchReader {
    const { topic, partition, from } = options;
    return RecordBatchReader.#failing(bytes, new MalformedRecordError(topic, partition, from, reason), options);
  }

  static #failing(bytes: Buffer, error: DStreamError, options: RecordBatchReaderOptions): RecordBatchReader {
    const { from } = options;
    const reader = new RecordBatchReader(bytes, { limit: 0, end: from + 1, records: 0, epochs: [] }, options);
    reader.#error = error;
    reader.#failed = { from, until: from + 1 };
    return reader;
  }

  get position(): number {
    return this.#position;
  }

  get newestTimestamp(): number | undefined {
    return this.#newestTimestamp;
  }

  get bytesRead(): number {
    return this.#bytesRead;
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
    // Small batches are read without returning to the caller.
    while (count < max && this.#position < until && this.#ready()) count += this.#readBatch(until, max - count, visit);
    return count;
  }

  retain(until: number, max: number, visit: (view: RecordView) => void): RetainedSection | undefined {
    if (this.#position >= until || !this.#ready()) return undefined;
    const cursor = this.#cursor;
    const position = this.#position;
    const from = this.#decoded ? cursor.begin : cursor.at;
    const count = this.#readBatch(until, max, visit);
    if (count === 0) return undefined;
    const end = this.#decoded ? cursor.begin : cursor.at;
    const section = { bytes: this.#records, from, until: end, batch: this.#batch, position, count };
    this.#retainedCursor ??= new RecordCursor(this.#options.topic, this.#options.partition);
    // Decompressed records have a buffer of their own.
    return new RetainedSection(
      this.#retainedCursor,
      section,
      this.#records === this.#bytes ? this.#options.refCount : undefined,
    );
  }

  /** Whether records can be read at once. */
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
        // It is the first record of the next range; the offsets in between are a gap.
        this.#position = until;
        break;
      }
      this.#decoded = false;
      this.#left--;
      const wanted = offset >= this.#position;
      if (wanted) this.#position = offset + 1;
      if (this.#left === 0) this.#finishBatch();
      if (!wanted) continue;
      this.#bytesRead += cursor.at - cursor.begin;
      count++;
      visit(cursor);
    }
    return count;
  }

  release(): void {
    const { refCount } = this.#options;
    if (this.#cursor.exposed) refCount?.pin();
    refCount?.release();
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

  /** After the last record the position is the end of the batch: offsets at its end may have been compacted away. */
  #finishBatch(): void {
    this.#position = Math.max(this.#position, this.#batchEnd);
  }

  /** The rest of the batch cannot be read. `load` throws the error again until `skip` goes past it. */
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
    const size = batchSize(bytes, batch);
    const baseOffset = readBaseOffset(bytes, batch, this.#options);
    const lastOffset = baseOffset + bytes.readInt32BE(batch + fieldAt.lastOffsetDelta);
    this.#nextBatch = batch + size;
    this.#batchEnd = lastOffset + 1;
    if (lastOffset < this.#position) return;
    this.#checkCrc(batch, batch + size);

    const attributes = bytes.readInt16BE(batch + fieldAt.attributes);
    const control = (attributes & attributeMask.control) !== 0;
    if (this.#aborted.includes(bytes, batch, lastOffset) || control) {
      this.#position = Math.max(this.#position, this.#batchEnd);
      return;
    }
    const count = bytes.readInt32BE(batch + fieldAt.count);
    // Compaction leaves batches without records.
    if (count < 0 || count > lastOffset - baseOffset + 1)
      this.#fail(new Error('its number of records does not fit its offsets'));
    if (count === 0) {
      this.#position = Math.max(this.#position, this.#batchEnd);
      return;
    }
    this.#unpack(batch, batch + size, attributes, { baseOffset, lastOffset, count });
  }

  #checkCrc(from: number, until: number): void {
    if (!this.#options.checkCrcs) return;
    const stored = this.#bytes.readUInt32BE(from + fieldAt.crc);
    const actual = (this.#options.crc32c ?? crc32c)(this.#bytes, from + fieldAt.attributes, until);
    if (stored !== actual) this.#fail(new Error(`its checksum is ${actual}, and its header says ${stored}`));
  }

  #unpack(
    batch: number,
    until: number,
    attributes: number,
    { baseOffset, lastOffset, count }: { baseOffset: number; lastOffset: number; count: number },
  ): void {
    const bytes = this.#bytes;
    const appendTime = (attributes & attributeMask.appendTime) !== 0;
    const timestamp = Number(bytes.readBigInt64BE(batch + (appendTime ? fieldAt.maxTimestamp : fieldAt.baseTimestamp)));
    const newest = Number(bytes.readBigInt64BE(batch + fieldAt.maxTimestamp));
    // A batch without timestamps has -1.
    if (newest >= 0) this.#newestTimestamp = Math.max(newest, this.#newestTimestamp ?? newest);
    const open = (records: Buffer, from: number, to: number): void => {
      this.#records = records;
      this.#batch = { baseOffset, lastOffset, timestamp, appendTime };
      this.#cursor.open(records, from, to, this.#batch);
      this.#left = count;
      this.#unpacked = records === bytes ? 0 : records.length;
    };
    const id = attributes & attributeMask.codec;
    if (id === 0) {
      open(bytes, batch + fieldAt.records, until);
      return;
    }
    const unpacked = this.#decompress(id, bytes.subarray(batch + fieldAt.records, until));
    if (!(unpacked instanceof Promise)) {
      open(unpacked, 0, unpacked.length);
      return;
    }
    this.#loading = unpacked
      .then((records) => open(records, 0, records.length))
      // The next `load` throws it.
      .catch((error: unknown) => {
        this.#failed = { from: this.#position, until: Math.max(this.#batchEnd, this.#position) };
        this.#error = this.#malformed(error);
      })
      .finally(() => {
        this.#loading = undefined;
      });
  }

  #decompress(id: number, packed: Buffer): Buffer | Promise<Buffer> {
    const codec = this.#options.codecOf(id);
    if (!codec) this.#fail(new Error(`its codec number is ${id}, which Kafka does not define`));
    const { topic, partition } = this.#options;
    const { name, packageName, decompress } = codec;
    if (!decompress) throw new UnsupportedCodecError(name, packageName, topic, partition, this.#position);
    try {
      const bound = unpackedBound(name, packed);
      if (bound > maxUnpackedBytes)
        throw new Error(`it may unpack to ${bound} bytes, over the limit of ${maxUnpackedBytes}`);
      return decompress(packed);
    } catch (error) {
      return this.#fail(error);
    }
  }
}
