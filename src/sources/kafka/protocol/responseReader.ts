/** A response is its length (4 bytes), the number of its request (4), which counts, and its body. */
const headerLength = 8;
const idLength = 4;
const stagingLength = 64 * 1_024;

export interface Response {
  readonly correlationId: number;
  readonly body: Buffer;
}

/**
 * Puts the responses of one connection together: each body is copied once at most, into a buffer of its own that is as long
 * as the response says; or not at all, where the socket is read into `room`.
 */
export class ResponseReader {
  readonly #take: (length: number) => Buffer;
  readonly #next: (response: Response) => void;
  #staging: Buffer | undefined;
  readonly #header = Buffer.alloc(headerLength);
  #headerBytes = 0;
  #body: Buffer | undefined;
  #bodyBytes = 0;

  constructor(take: (length: number) => Buffer, next: (response: Response) => void) {
    this.#take = take;
    this.#next = next;
  }

  /** Where the next bytes of the socket should go: never empty. `came` is to be told of them. */
  get room(): Buffer {
    if (this.#body) return this.#body.subarray(this.#bodyBytes);
    this.#staging ??= Buffer.allocUnsafeSlow(stagingLength);
    return this.#staging;
  }

  /** So many bytes have come into `room`. @throws {RangeError} when they are no response */
  came(length: number): void {
    if (this.#body) this.#fill(length);
    else this.push((this.#staging as Buffer).subarray(0, length));
  }

  /** These bytes have come, somewhere else. @throws {RangeError} when they are no response */
  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#body) {
        const copied = bytes.copy(this.#body, this.#bodyBytes, at);
        at += copied;
        this.#fill(copied);
        continue;
      }
      const copied = bytes.copy(this.#header, this.#headerBytes, at);
      at += copied;
      this.#headerBytes += copied;
      if (this.#headerBytes === headerLength) this.#begin();
    }
  }

  #begin(): void {
    this.#headerBytes = 0;
    const length = this.#header.readInt32BE(0) - idLength;
    if (length < 0) throw new RangeError(`a response has ${length} bytes`);
    this.#body = this.#take(length);
    this.#bodyBytes = 0;
    this.#fill(0);
  }

  #fill(length: number): void {
    const body = this.#body as Buffer;
    this.#bodyBytes += length;
    if (this.#bodyBytes < body.length) return;
    this.#body = undefined;
    this.#next({ correlationId: this.#header.readInt32BE(idLength), body });
  }
}
