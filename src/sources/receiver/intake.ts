/** What an intake tells the source that it belongs to. */
export interface IntakeEvents<T> {
  /** Whether there is room for another record. */
  room(): boolean;
  /** `stored` is called once the record is in the write-ahead log, or at once where there is none. */
  store(record: T, stored?: () => void): void;
  complete(): void;
  fail(error: unknown): void;
}

/** A receiver at work. Tells nothing after `close`, nor after it has completed or failed. */
export interface Intake {
  start(): void;
  /** There may be room again. */
  resume(): void;
  close(): void;
}
