import type { BatchFormation, InFlightBatch } from '../backpressure/batchFormation.js';

/** The batches in flight are listed only for a controller that asks: without a limit there may be many after a long stop. */
export class Formation implements BatchFormation {
  readonly time: number;
  readonly now: number;
  readonly lag: number;
  readonly #list: () => readonly InFlightBatch[];

  constructor(time: number, now: number, lag: number, list: () => readonly InFlightBatch[]) {
    this.time = time;
    this.now = now;
    this.lag = lag;
    this.#list = list;
  }

  get inFlight(): readonly InFlightBatch[] {
    return this.#list();
  }
}
