/** The weight of the last of five groups of seven bits. */
const maxUvarintPower = 128 ** 4;

/** Reads Kafka's primitive types, big-endian. Reading past the end throws a `RangeError`, whatever a length in the bytes says. */
export class BodyReader {
  readonly #body: Buffer;
  #at = 0;

  constructor(body: Buffer) {
    this.#body = body;
  }

  int8(): number {
    return this.#body.readInt8(this.#at++);
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

  /** An offset of a log, -1 for none. */
  offset(): number {
    const offset = Number(this.int64());
    if (offset < -1 || offset > Number.MAX_SAFE_INTEGER) throw new RangeError(`no log has the offset ${offset}`);
    return offset;
  }

  /** The length of an array, 0 for null. Every element takes at least one byte. */
  count(): number {
    const count = this.int32();
    if (count > this.#body.length - this.#at) throw new RangeError(`an array of ${count} does not fit the response`);
    return Math.max(count, 0);
  }

  string(): string {
    const length = this.int16();
    return this.#slice(length).toString('utf8');
  }

  /** A text that may be absent, as `''`. */
  nullableString(): string {
    return this.#slice(Math.max(this.int16(), 0)).toString('utf8');
  }

  /** An id of sixteen bytes, as hexadecimal digits. */
  uuid(): string {
    return this.#slice(16).toString('hex');
  }

  uvarint(): number {
    let value = 0;
    for (let power = 1; power <= maxUvarintPower; power *= 128) {
      const byte = this.#body.readUInt8(this.#at++);
      value += (byte & 0x7f) * power;
      if (byte < 0x80) return value;
    }
    throw new RangeError('a varint does not end');
  }

  /** The length of an array in newer versions of responses: one more than it is, because 0 means null. */
  compactCount(): number {
    return Math.max(this.uvarint() - 1, 0);
  }

  compactString(): string {
    return this.#slice(this.compactCount()).toString('utf8');
  }

  /** Fields that a later broker may add to a version. */
  skipTags(): void {
    for (let tags = this.uvarint(); tags > 0; tags--) {
      this.uvarint();
      this.#slice(this.uvarint());
    }
  }

  /** Bytes in newer versions of responses. */
  compactBytes(): Buffer {
    return this.#slice(this.compactCount());
  }

  /** How many bytes were not read yet. */
  get left(): number {
    return this.#body.length - this.#at;
  }

  /** @throws {RangeError} when bytes are left over: what was read is not what was sent */
  end(): void {
    if (this.left !== 0) throw new RangeError(`${this.left} bytes are left over at the end of the response`);
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
