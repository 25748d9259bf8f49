import type { BatchFormation, InFlightBatch } from '../backpressure/batchFormation.js';
import { Fifo } from '../collections/fifo.js';
import type { RunningBatch } from './runningBatch.js';

/**
 * The batches that are planned and not saved, by source, as rate controllers ask for them: those with records only. After
 * a long stop a hundred thousand ticks are planned at once; a controller that leaves those batches empty sees none of
 * them, and its decisions cost no more than those batches with records.
 */
export class InFlight {
  readonly #bySource = new Map<string, Fifo<RunningBatch>>();

  planned(batch: RunningBatch): void {
    for (const name of batch.plans.keys()) {
      if (batch.recordsOf(name) === 0) continue;
      const queue = this.#bySource.get(name) ?? new Fifo();
      queue.push(batch);
      this.#bySource.set(name, queue);
    }
  }

  /** Batches are saved in order, so it is the first where it has records. */
  saved(batch: RunningBatch): void {
    for (const queue of this.#bySource.values()) if (queue.first === batch) queue.shift();
  }

  /** What the controller of a source sees when the batch of this time is formed. */
  formation(name: string, time: number, now: number, lag: number): BatchFormation {
    return new Formation(time, now, lag, () => this.#of(name, now));
  }

  #of(name: string, now: number): readonly InFlightBatch[] {
    return Array.from(this.#bySource.get(name) ?? [], (batch) => batch.inFlight(name, now));
  }
}

/** The batches in flight are listed only for a controller that asks: without a limit there may be many after a long stop. */
class Formation implements BatchFormation {
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
