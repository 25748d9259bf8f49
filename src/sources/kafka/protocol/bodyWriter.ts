/** Writes Kafka's primitive types, big-endian, into a buffer that grows: the counterpart of `BodyReader`. */
export class BodyWriter {
  #buffer = Buffer.alloc(256);
  #length = 0;

  /** What was written so far. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  int8(value: number): this {
    const at = this.#reserve(1);
    this.#buffer.writeInt8(value, at);
    return this;
  }

  int16(value: number): this {
    const at = this.#reserve(2);
    this.#buffer.writeInt16BE(value, at);
    return this;
  }

  int32(value: number): this {
    const at = this.#reserve(4);
    this.#buffer.writeInt32BE(value, at);
    return this;
  }

  int64(value: number | bigint): this {
    const at = this.#reserve(8);
    this.#buffer.writeBigInt64BE(BigInt(value), at);
    return this;
  }

  /** Length (2 bytes) and UTF-8 text. */
  string(text: string): this {
    return this.int16(Buffer.byteLength(text)).#utf8(text);
  }

  /** A text that may be absent: length -1 then. */
  nullableString(text: string | undefined): this {
    return text === undefined ? this.int16(-1) : this.string(text);
  }

  /** Length (4 bytes) and bytes. */
  sized(bytes: Buffer): this {
    return this.int32(bytes.length).raw(bytes);
  }

  raw(bytes: Buffer): this {
    const at = this.#reserve(bytes.length);
    bytes.copy(this.#buffer, at);
    return this;
  }

  uvarint(value: number): this {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 128)) this.#byte((rest % 128) + 0x80);
    return this.#byte(rest);
  }

  /** The length of an array in newer versions of requests: one more than it is, because 0 means null. */
  compactCount(count: number): this {
    return this.uvarint(count + 1);
  }

  compactString(text: string): this {
    return this.compactCount(Buffer.byteLength(text)).#utf8(text);
  }

  /** A text that may be absent: 0 then. */
  compactNullableString(text: string | undefined): this {
    return text === undefined ? this.uvarint(0) : this.compactString(text);
  }

  #utf8(text: string): this {
    const at = this.#reserve(Buffer.byteLength(text));
    this.#buffer.write(text, at, 'utf8');
    return this;
  }

  #byte(value: number): this {
    const at = this.#reserve(1);
    this.#buffer.writeUInt8(value, at);
    return this;
  }

  /** Makes room for `length` more bytes, in another buffer if need be, and returns where they go. */
  #reserve(length: number): number {
    const at = this.#length;
    this.#length += length;
    if (this.#length > this.#buffer.length) {
      const grown = Buffer.alloc(Math.max(this.#length, 2 * this.#buffer.length));
      this.#buffer.copy(grown, 0, 0, at);
      this.#buffer = grown;
    }
    return at;
  }
}
