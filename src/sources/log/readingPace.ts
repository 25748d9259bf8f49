/** Bounds on a batch before the reading pace is known. */
const initialMaxRecords = 65_536;
const initialMaxBytes = 16 * 1024 * 1024;
/** No batch is bounded below this fraction of the initial bound, and a smaller one is no measurement of the pace. */
const minBatchFraction = 1 / 4;
/** A batch takes a little more than can be read in an interval: less would leave the reader idle until the next tick. */
const maxIntervalFraction = 1.1;
/** But no less than this, however much is planned and unread: where outputs are slow, batches would shrink to nothing. */
const minIntervalFraction = 0.75;
/** The pace grows at most by this factor from one batch to the next. */
const maxGrowthFactor = 4;

/**
 * Bounds batches where no controller sets a rate: to about what can be read in an interval, so that neither memory nor the
 * duration of a batch grows with the backlog.
 */
export class ReadingPace {
  #recordsPerMs: number | undefined;
  #minRecords = 0;

  /**
   * The bound on a batch, in records. `interval` is in ms, `recordSize` the mean size of a record in bytes, and `unread` the number
   * of records that are planned and not yet read.
   */
  maxRecords(interval: number, recordSize: number, unread: number): number {
    const initial = Math.max(Math.min(initialMaxRecords, initialMaxBytes / Math.max(recordSize, 1)), 1);
    this.#minRecords = initial * minBatchFraction;
    this.#recordsPerMs ??= initial / interval;
    const perInterval = this.#recordsPerMs * interval;
    // One waiting batch keeps the reader busy; with more of them, batches would be planned ever further ahead.
    const reduced = maxIntervalFraction - (unread / perInterval - 1) / 2;
    const fraction = Math.min(maxIntervalFraction, Math.max(reduced, minIntervalFraction));
    return Math.max(Math.floor(perInterval * fraction), Math.ceil(this.#minRecords));
  }

  /**
   * Takes note of a batch whose records took `elapsed` ms to read. One that had been read ahead took little time, which says little
   * about the next one, so the pace rises in steps: otherwise one fast batch would be followed by one that takes several intervals,
   * and as much memory. It falls halfway, because one slow batch says little too.
   */
  measure(records: number, elapsed: number): void {
    const before = this.#recordsPerMs;
    if (before === undefined || records < this.#minRecords) return;
    const measured = records / elapsed;
    this.#recordsPerMs = measured > before ? Math.min(measured, before * maxGrowthFactor) : (before + measured) / 2;
  }
}
