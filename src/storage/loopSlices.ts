const stepsPerLookAtTheClock = 64;

/** Divides work of many small steps into slices of the event loop. Several that share one have one slice of a turn, one after the other. */
export class LoopSlices {
  readonly #sliceMs: number;
  #until: number;
  readonly #waiting: (() => void)[] = [];

  /** @param sliceMs how long a slice keeps the event loop: the batches of other tasks, and the heartbeats of the process, pass between */
  constructor(sliceMs = 8) {
    this.#sliceMs = sliceMs;
    this.#until = performance.now() + sliceMs;
  }

  /** Whether others are to have their turn, at step `count`: of small steps, not each looks at the clock. */
  isOver(count = 0): boolean {
    return count % stepsPerLookAtTheClock === 0 && performance.now() >= this.#until;
  }

  /** Resolves when they have had it. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) setImmediate(this.#turn);
    });
  }

  readonly #turn = (): void => {
    const resolve = this.#waiting.shift();
    this.#until = performance.now() + this.#sliceMs;
    resolve?.();
    if (this.#waiting.length > 0) setImmediate(this.#turn);
  };
}
