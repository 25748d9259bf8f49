/** What earlier observations still weigh at the next one. */
const kept = 0.75;
/** No log is taken to be sparser than this: a plan stays finite where nothing but gaps was seen. */
const minDensity = 1e-6;

/**
 * Learns how many records of a log there are for each of its offsets: 1, unless compaction, control records or aborted
 * transactions leave gaps. It turns records, in which rates count, into offsets, of which plans consist.
 */
export class RecordDensity {
  #records = 0;
  #offsets = 0;

  /** Records for each offset, at most 1; 1 before anything was observed. */
  get perOffset(): number {
    if (this.#offsets === 0) return 1;
    return Math.min(Math.max(this.#records / this.#offsets, minDensity), 1);
  }

  /** `records` were found in `offsets` offsets. */
  observe(records: number, offsets: number): void {
    if (offsets <= 0) return;
    this.#records = this.#records * kept + records;
    this.#offsets = this.#offsets * kept + offsets;
  }

  /** About how many records that many offsets hold: at least one, where there are offsets. */
  recordsIn(offsets: number): number {
    return offsets <= 0 ? 0 : Math.max(Math.round(offsets * this.perOffset), 1);
  }

  /** How many offsets it takes to find that many records. */
  offsetsFor(records: number): number {
    return Math.ceil(records / this.perOffset);
  }
}
