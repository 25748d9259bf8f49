import { allowanceOf } from './shareRecords.js';

/** What one batch leaves to the next where a rate is shared: a part of a record, and whose turn it is. */
export class ShareCarry {
  #owed = 0;
  #turn = 0;

  get owed(): number {
    return this.#owed;
  }

  get turn(): number {
    return this.#turn;
  }

  /** A batch was planned, with `counts` records of each partition. */
  planned(rate: number | undefined, interval: number, counts: readonly number[]): void {
    const allowed = allowanceOf(rate ?? 0, interval, this.#owed);
    this.#owed = allowed - Math.floor(allowed);
    // After the last that got something, in the order of turns.
    for (let i = counts.length - 1; i >= 0; i--) {
      const index = (this.#turn + i) % counts.length;
      if ((counts[index] ?? 0) === 0) continue;
      this.#turn = (index + 1) % counts.length;
      return;
    }
  }
}
