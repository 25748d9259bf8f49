/**
 * Records that are made while somebody goes through them, one after the other, so that nobody need hold them all at once.
 * A list is one too.
 */
export interface Segment<T> {
  /** Calls `visit` with each record, in order. */
  forEach(visit: (record: T) => void): void;
}
