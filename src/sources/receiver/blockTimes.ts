import { Fifo } from '../../collections/fifo.js';
import type { BlockRange } from './blockGenerator.js';

/** When records arrived: a time for each block, that of its newest record. */
export class BlockTimes {
  readonly #marks = new Fifo<{ readonly until: number; readonly time: number }>();

  /** The records before `until` that have no time yet arrived at `time`. */
  mark(until: number, time: number): void {
    if ((this.#marks.last?.until ?? -1) < until) this.#marks.push({ until, time });
  }

  /** When the last record of the range arrived; the next range comes later. */
  take({ until }: BlockRange): number | undefined {
    while (this.#marks.first !== undefined && this.#marks.first.until < until) this.#marks.shift();
    return this.#marks.first?.time;
  }
}
