/** For the drawing code in a frame: the browser then lays out and paints what it has changed. */
const frameBudgetMs = 4;

/**
 * Draws the parts of a page in turn, in each frame as many as there is time for, and at least one. The time counts from when the frame was
 * due: a page that is late already draws one part.
 */
export class DrawQueue {
  readonly #parts: readonly (() => void)[];
  #next = 0;
  #due = 0;

  /** Each part draws what is known when its turn comes. */
  constructor(...parts: readonly (() => void)[]) {
    this.#parts = parts;
  }

  /** Draws every part once more. */
  request(): void {
    if (this.#due === 0) requestAnimationFrame(this.#frame);
    this.#due = this.#parts.length;
  }

  readonly #frame = (dueAt: number): void => {
    try {
      do {
        const part = this.#parts[this.#next];
        this.#next = (this.#next + 1) % this.#parts.length;
        this.#due--;
        part?.();
      } while (this.#due > 0 && performance.now() - dueAt < frameBudgetMs);
    } finally {
      // Also where a part has thrown: the others are drawn all the same.
      if (this.#due > 0) requestAnimationFrame(this.#frame);
    }
  };
}
