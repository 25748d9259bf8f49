/** What a batch may have before it is known how much can be read in an interval. */
const first = { records: 65_536, bytes: 16 * 1024 * 1024 } as const;
/** No batch is bounded below this part of that, and one that is smaller tells nothing of the pace. */
const small = 1 / 4;
/** A little more than can be read in an interval: less would leave the reader idle until the next tick. */
const pacing = 1.1;
/** But no less than this part of it, whatever waits to be read: where outputs take long, batches would vanish. */
const least = 0.75;
/** How many times the pace may be what it was. */
const growth = 4;

/**
 * How many records a batch takes where no controller says so: about what can be read in an interval, so that neither
 * memory nor the time of a batch grows with the backlog.
 */
export class ReadingPace {
  /** Records in a millisecond. */
  #pace: number | undefined;
  #small = 0;

  /** Records for an interval (ms) while `ahead` are planned and not yet read; `recordSize` is their mean size in bytes. */
  most(interval: number, recordSize: number, ahead: number): number {
    const unknown = Math.max(Math.min(first.records, first.bytes / Math.max(recordSize, 1)), 1);
    this.#small = unknown * small;
    this.#pace ??= unknown / interval;
    const usual = this.#pace * interval;
    // A batch that waits keeps the reader busy; with more of them, batches would be planned ever further ahead.
    const part = Math.min(pacing, Math.max(pacing - (ahead / usual - 1) / 2, least));
    return Math.max(Math.floor(usual * part), Math.ceil(this.#small));
  }

  /**
   * So many records were read in so many ms. One that had been read ahead took little time, which says little of the next:
   * so the pace rises by steps, lest one lucky batch be followed by one that takes several intervals, and as much memory.
   * It falls by half of the way, as one slow batch says little too.
   */
  measure(records: number, elapsed: number): void {
    const before = this.#pace;
    if (before === undefined || records < this.#small) return;
    const pace = records / elapsed;
    this.#pace = pace > before ? Math.min(pace, before * growth) : (before + pace) / 2;
  }
}
