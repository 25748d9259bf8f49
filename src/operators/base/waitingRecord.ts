/** A record that a join by event time holds, as a `queryable` shows it under its number. */
export interface WaitingRecord<K, V> {
  /** Its key. */
  readonly key: K;
  /** Its event time, in ms. */
  readonly time: number;
  /** Its value. */
  readonly value: V;
  /** Whether it is of the first stream, `'left'`, or of the other. */
  readonly side: 'left' | 'right';
}
