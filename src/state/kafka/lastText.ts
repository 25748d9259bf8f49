/** Decodes a text that is mostly the same as the one before. */
export class LastText {
  #bytes = Buffer.alloc(0);
  #text = '';

  /** The bytes from `start` until `end` as UTF-8. */
  textOf(bytes: Buffer, start: number, end: number): string {
    if (!this.#isSame(bytes, start, end)) {
      this.#bytes = Buffer.from(bytes.subarray(start, end));
      this.#text = this.#bytes.toString('utf8');
    }
    return this.#text;
  }

  #isSame(bytes: Buffer, start: number, end: number): boolean {
    const before = this.#bytes;
    if (before.length !== end - start) return false;
    for (let i = 0; i < before.length; i++) if (before[i] !== bytes[start + i]) return false;
    return true;
  }
}
