/**
 * What may key a record. Only values that are equal by `===` qualify, because two objects with the same contents would
 * be two keys; encode a compound key as a string.
 */
export type Key = string | number | bigint | boolean | null;

/** A keyed record, as every operator by key takes and emits it. */
export type Pair<K, V> = readonly [key: K, value: V];
