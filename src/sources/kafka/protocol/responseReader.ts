/** A response is its length (4 bytes), its correlation id (4 bytes), which the length includes, and its body. */
const headerBytes = 8;
const correlationIdBytes = 4;
const stagingBytes = 64 * 1_024;
/** A longer response is damage: a request asks for a few megabytes, and no record batch of this length could be read. */
const maxBodyBytes = 512 * 1_024 * 1_024;

export interface Response {
  readonly correlationId: number;
  readonly body: Buffer;
}

/**
 * Assembles the responses of one connection. Each body is copied at most once, into a buffer of the length that the response
 * announces; where the socket reads into `target`, it is not copied at all.
 */
export class ResponseReader {
  readonly #allocate: (length: number) => Buffer;
  readonly #next: (response: Response) => void;
  #staging: Buffer | undefined;
  readonly #header = Buffer.alloc(headerBytes);
  #headerLength = 0;
  #body: Buffer | undefined;
  #bodyBytes = 0;

  /** `allocate` returns a buffer for the body of a response; `next` is called with each complete response. */
  constructor(allocate: (length: number) => Buffer, next: (response: Response) => void) {
    this.#allocate = allocate;
    this.#next = next;
  }

  /** Where the next bytes of the socket should go: never empty. Call `received` after bytes have arrived there. */
  get target(): Buffer {
    if (this.#body) return this.#body.subarray(this.#bodyBytes);
    this.#staging ??= Buffer.allocUnsafeSlow(stagingBytes);
    return this.#staging;
  }

  /**
   * Takes note of `length` bytes that the socket has put into `target`.
   *
   * @throws {RangeError} when the bytes are not a response
   */
  received(length: number): void {
    if (this.#body) this.#fill(length);
    else this.push((this.#staging as Buffer).subarray(0, length));
  }

  /**
   * Copies bytes that arrived in another buffer.
   *
   * @throws {RangeError} when the bytes are not a response
   */
  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#body) {
        const copied = bytes.copy(this.#body, this.#bodyBytes, at);
        at += copied;
        this.#fill(copied);
        continue;
      }
      const copied = bytes.copy(this.#header, this.#headerLength, at);
      at += copied;
      this.#headerLength += copied;
      if (this.#headerLength === headerBytes) this.#begin();
    }
  }

  #begin(): void {
    this.#headerLength = 0;
    const length = this.#header.readInt32BE(0) - correlationIdBytes;
    if (length < 0 || length > maxBodyBytes) throw new RangeError(`a response announces a body of ${length} bytes`);
    this.#body = this.#allocate(length);
    this.#bodyBytes = 0;
    this.#fill(0);
  }

  #fill(length: number): void {
    const body = this.#body as Buffer;
    this.#bodyBytes += length;
    if (this.#bodyBytes < body.length) return;
    this.#body = undefined;
    this.#next({ correlationId: this.#header.readInt32BE(correlationIdBytes), body });
  }
}
