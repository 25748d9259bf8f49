const blockBytes = 1 << 20;
/** For fewer bytes a call to copy them takes longer than the loop. */
const minCopiedBytes = 32;

/**
 * Copies of many short pieces of bytes, in large blocks: a Buffer of its own for each would take several times as much memory as what is
 * in it. A piece is found by its place, a number.
 */
export class ByteArena {
  readonly #blocks: Buffer[] = [];
  /** Bytes in use of the last block; without one there is no room. */
  #length = Number.POSITIVE_INFINITY;

  /** Copies the bytes from `start` until `end`, and returns their place, which has room for `room` bytes. */
  add(bytes: Buffer, start: number, end: number, room = end - start): number {
    if (this.#length + room > blockBytes) {
      // A longer piece has a block of its own.
      this.#blocks.push(Buffer.allocUnsafeSlow(Math.max(blockBytes, room)));
      this.#length = 0;
    }
    const place = (this.#blocks.length - 1) * blockBytes + this.#length;
    this.#length += room;
    this.set(place, bytes, start, end);
    return place;
  }

  /** Copies other bytes to a place that has room for them. */
  set(place: number, bytes: Buffer, start: number, end: number): void {
    const block = this.blockOf(place);
    const at = this.startOf(place);
    if (end - start >= minCopiedBytes) bytes.copy(block, at, start, end);
    else for (let i = start; i < end; i++) block[at + i - start] = bytes[i] as number;
  }

  /** The bytes among which a piece is, from `startOf` on. */
  blockOf(place: number): Buffer {
    return this.#blocks[Math.floor(place / blockBytes)] as Buffer;
  }

  startOf(place: number): number {
    return place % blockBytes;
  }

  /** Forgets all pieces. */
  clear(): void {
    if (this.#blocks.length === 0) return;
    this.#blocks.length = 1;
    this.#length = 0;
  }
}
