/**
 * A buffer that several read from, and that is used again when none of them does any more. Who forgets to let go of it costs
 * a buffer that the collector takes, and nothing else.
 */
export class BufferLoan {
  readonly #giveBack: () => void;
  #holders = 1;
  #shown = false;

  /** It has one holder at first. `giveBack` is called when the last one has let go. */
  constructor(giveBack: () => void) {
    this.#giveBack = giveBack;
  }

  /** One holder more. */
  hold(): void {
    this.#holders++;
  }

  letGo(): void {
    this.#holders--;
    if (this.#holders === 0 && !this.#shown) this.#giveBack();
  }

  /** Somebody has been given bytes of it who may keep them: it is never used again. */
  show(): void {
    this.#shown = true;
  }
}
