/** How much of the new mean the newest observation makes up. */
const newestFraction = 0.2;
/** What is assumed of a record before any was seen. */
const assumedRecordBytes = 1_024;
/** Asking for a little more than the mean says saves a second request for the last few records. */
const marginFactor = 1.05;

/**
 * A moving mean of the bytes of a record, which turns a number of records into the bytes of a fetch.
 */
export class MeanRecordSize {
  #mean: number | undefined;

  /** Whether anything was observed yet. */
  get known(): boolean {
    return this.#mean !== undefined;
  }

  /** Bytes of a record. */
  get mean(): number {
    return this.#mean ?? assumedRecordBytes;
  }

  observe(records: number, bytes: number): void {
    if (records <= 0 || bytes <= 0) return;
    const size = bytes / records;
    this.#mean = this.#mean === undefined ? size : this.#mean + newestFraction * (size - this.#mean);
  }

  /** Bytes to request, to receive `records` records. */
  bytesFor(records: number): number {
    return Math.ceil(records * this.mean * marginFactor);
  }
}
