/**
 * Draws the parts of a page in turn, one in each frame: the browser then lays out and paints what it has changed. What a canvas costs is known
 * when it is painted, after the code that draws it, so no budget of time says how many parts fit into a frame.
 */
export class DrawQueue {
  readonly #parts: readonly (() => void)[];
  #next = 0;
  #due = 0;
  #waiting = false;

  /** Each part draws what is known when its turn comes. */
  constructor(...parts: readonly (() => void)[]) {
    this.#parts = parts;
  }

  /** Draws every part once more. A part that has not drawn all it has to may ask for it too. */
  request(): void {
    this.#due = this.#parts.length;
    this.#wait();
  }

  #wait(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(this.#frame);
  }

  readonly #frame = (): void => {
    this.#waiting = false;
    const part = this.#parts[this.#next];
    this.#next = (this.#next + 1) % this.#parts.length;
    this.#due--;
    try {
      part?.();
    } finally {
      // Also where a part has thrown: the others are drawn all the same.
      if (this.#due > 0) this.#wait();
    }
  };
}
