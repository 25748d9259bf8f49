/**
 * Counts the readers of a buffer, which is used again when none is left. A reader that forgets to release it costs a buffer that the
 * garbage collector takes, and nothing else.
 */
export class BufferRefCount {
  readonly #recycle: () => void;
  #count = 1;
  #pinned = false;

  /** The creator counts as one. `recycle` is called when the last one has released the buffer, unless it is pinned. */
  constructor(recycle: () => void) {
    this.#recycle = recycle;
  }

  retain(): void {
    this.#count++;
  }

  release(): void {
    this.#count--;
    if (this.#count === 0 && !this.#pinned) this.#recycle();
  }

  /** Bytes of it were handed to code that may keep them: it is never used again. */
  pin(): void {
    this.#pinned = true;
  }
}
