import { setImmediate as nextTurn } from 'node:timers/promises';

/** How long a slice keeps the event loop, in ms: the batches of other tasks, and the heartbeats of the process, pass between. */
const sliceMs = 8;
const stepsPerLookAtTheClock = 64;

/** Divides work of many small steps into slices of the event loop. */
export class LoopSlices {
  #until = performance.now() + sliceMs;

  /** Whether others are to have their turn, at step `count`. */
  isOver(count: number): boolean {
    return count % stepsPerLookAtTheClock === 0 && performance.now() >= this.#until;
  }

  /** Resolves when they have had it. */
  async next(): Promise<void> {
    await nextTurn();
    this.#until = performance.now() + sliceMs;
  }
}
