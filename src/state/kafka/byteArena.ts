const blockBytes = 1 << 20;
/** For fewer bytes a call to copy them takes longer than the loop. */
const minCopiedBytes = 32;

/**
 * Copies of many short pieces of bytes, in large blocks: a Buffer of its own for each would take several times as much memory as what is
 * in it.
 */
export class ByteArena {
  /** That of the piece that was added last. */
  block = Buffer.alloc(0);
  #length = 0;

  /** Copies the bytes from `start` until `end`, and returns where they begin in `block`. */
  add(bytes: Buffer, start: number, end: number): number {
    const length = end - start;
    if (this.#length + length > this.block.length) {
      this.block = Buffer.allocUnsafeSlow(Math.max(blockBytes, length));
      this.#length = 0;
    }
    const { block } = this;
    const at = this.#length;
    if (length < minCopiedBytes) for (let i = 0; i < length; i++) block[at + i] = bytes[start + i] as number;
    else bytes.copy(block, at, start, end);
    this.#length += length;
    return at;
  }
}
