/** How long it should take to copy a piece, in ms. */
const [shortest, longest] = [0.25, 1];
const mostRecords = 10_000;

/** Of how many records a piece of a partition has to be, so that none blocks a thread for long. Found by trying: records are small or large. */
export class PieceSize {
  #records = 256;

  get records(): number {
    return this.#records;
  }

  /** A piece of `records` has taken `ms`. */
  took(records: number, ms: number): void {
    if (ms > longest) this.#records = Math.max(1, Math.ceil(records / 2));
    else if (ms < shortest && records >= this.#records) this.#records = Math.min(mostRecords, records * 2);
  }
}
