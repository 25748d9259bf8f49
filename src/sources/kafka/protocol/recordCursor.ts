import { MalformedRecordError } from '../../../batch/errors.js';
import type { RecordHeader, RecordView } from '../../log/recordView.js';
import { decodeUtf8, TextCache } from './textCache.js';

/** What the header of a record batch says of all its records. With append time, `timestamp` holds for each of them. */
export interface OpenRecordBatch {
  readonly baseOffset: number;
  readonly lastOffset: number;
  readonly timestamp: number;
  readonly appendTime: boolean;
}

/** What a cursor points into until it is opened. */
const noBytes = Buffer.alloc(0);
const noView = new DataView(noBytes.buffer, 0, 0);

/** Shared by all cursors: the keys of a topic are spread over its partitions and fetches. */
const keys = new TextCache();

/**
 * The records of one record batch (magic 2), one after the other, decoded in place: a record is a few numbers that point
 * into the fetched buffer. One cursor serves all records of a reader.
 *
 *     length attributes timestampDelta offsetDelta keyLength key valueLength value headerCount (key value)*
 *     varint int8       varlong        varint      varint        varint            varint
 */
export class RecordCursor implements RecordView {
  readonly topic: string;
  readonly partition: number;
  offset = 0;
  timestamp = 0;
  keyLength = -1;
  valueLength = -1;
  #bytes: Buffer = noBytes;
  #view: DataView = noView;
  #at = 0;
  #end = 0;
  #baseOffset = 0;
  #lastOffset = 0;
  #baseTimestamp = 0;
  #appendTime = false;
  #keyAt = 0;
  #valueAt = 0;
  #headersAt = 0;
  #recordEnd = 0;
  /** Where the record begins. */
  begin = 0;
  /** Whether views of the bytes were ever handed out: the receiver may keep them. */
  exposed = false;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  /** Goes to the records at [`from`, `until`) of the buffer. */
  open(bytes: Buffer, from: number, until: number, batch: OpenRecordBatch): void {
    // One buffer holds many small record batches: the view is kept.
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    this.#at = from;
    this.#end = until;
    this.#baseOffset = batch.baseOffset;
    this.#lastOffset = batch.lastOffset;
    this.#baseTimestamp = batch.timestamp;
    this.#appendTime = batch.appendTime;
    this.offset = batch.baseOffset;
  }

  /** Moves to the next record. Everything but the headers is checked to lie within the record. */
  next(): void {
    const bytes = this.#bytes;
    this.begin = this.#at;
    const length = this.#varint();
    const end = this.#at + length;
    if (length < 0 || end > this.#end) this.fail('its length runs past the record batch');
    this.#at++; // attributes: unused
    const timestampDelta = this.#varlong();
    const offset = this.#baseOffset + this.#varint();
    if (offset < this.#baseOffset || offset > this.#lastOffset) this.fail('its offset is outside the record batch');
    this.offset = offset;
    this.timestamp = this.#appendTime ? this.#baseTimestamp : this.#baseTimestamp + timestampDelta;

    this.keyLength = this.#varint();
    this.#keyAt = this.#at;
    if (this.keyLength > 0) this.#at += this.keyLength;
    if (this.keyLength < -1 || this.#at > end) this.fail('its key runs past the record');

    this.valueLength = this.#varint();
    this.#valueAt = this.#at;
    if (this.valueLength > 0) this.#at += this.valueLength;
    if (this.valueLength < -1 || this.#at >= end) this.fail('its value runs past the record');

    this.#headersAt = this.#at;
    this.#recordEnd = end;
    if (bytes[this.#at] !== 0) this.#checkHeaders();
    else if (this.#at + 1 !== end) this.fail('bytes are left over after its headers');
    this.#at = end;
  }

  /** Where the next record begins. */
  get at(): number {
    return this.#at;
  }

  /** Whether all bytes of the batch have been read. */
  get atEnd(): boolean {
    return this.#at === this.#end;
  }

  get key(): Uint8Array | null {
    this.exposed = true;
    return this.keyLength < 0 ? null : this.#bytes.subarray(this.#keyAt, this.#keyAt + this.keyLength);
  }

  get value(): Uint8Array | null {
    this.exposed = true;
    return this.valueLength < 0 ? null : this.#bytes.subarray(this.#valueAt, this.#valueAt + this.valueLength);
  }

  get headers(): readonly RecordHeader[] {
    this.exposed = true;
    const at = this.#at;
    this.#at = this.#headersAt;
    const headers: RecordHeader[] = [];
    const count = this.#varint();
    for (let i = 0; i < count; i++) {
      const key = this.#take(this.#varint()).toString('utf8');
      const length = this.#varint();
      headers.push([key, length < 0 ? null : this.#take(length)]);
    }
    this.#at = at;
    return headers;
  }

  keyText(): string | null {
    return this.keyLength < 0 ? null : keys.decode(this.#bytes, this.#view, this.#keyAt, this.#keyAt + this.keyLength);
  }

  valueText(): string | null {
    return this.valueLength < 0 ? null : decodeUtf8(this.#bytes, this.#valueAt, this.#valueAt + this.valueLength);
  }

  fail(reason: string): never {
    throw new MalformedRecordError(this.topic, this.partition, this.offset, reason);
  }

  #take(length: number): Buffer {
    const from = this.#at;
    this.#at += length;
    return this.#bytes.subarray(from, this.#at);
  }

  /** Headers are decoded on demand, so their lengths are checked before the record is handed out. */
  #checkHeaders(): void {
    const end = this.#recordEnd;
    const count = this.#varint();
    // A header takes at least two bytes: a larger count is damage, and no loop runs on it.
    if (count < 0 || count > (end - this.#at) / 2) this.fail('its number of headers does not fit the record');
    for (let i = 0; i < count; i++) {
      const keyLength = this.#varint();
      this.#at += keyLength;
      if (keyLength < 0 || this.#at >= end) this.fail('the key of a header runs past the record');
      const valueLength = this.#varint();
      if (valueLength > 0) this.#at += valueLength;
      if (valueLength < -1 || this.#at > end) this.fail('the value of a header runs past the record');
    }
    if (this.#at !== end) this.fail('bytes are left over after its headers');
  }

  /** A zig-zag varint of at most five bytes. */
  #varint(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.#at++]!;
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 0x7f;
    for (let shift = 7; shift < 35; shift += 7) {
      byte = bytes[this.#at++]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
    }
    return this.fail('a varint in it does not end');
  }

  /** A zig-zag varint of at most ten bytes, as a number: exact up to 2^53, beyond any real difference of times. */
  #varlong(): number {
    const bytes = this.#bytes;
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      const byte = bytes[this.#at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      scale *= 128;
    }
    return this.fail('a varint in it does not end');
  }
}
