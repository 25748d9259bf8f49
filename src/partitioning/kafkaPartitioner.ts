import type { Key } from '../batch/key.js';
import { partitionOfKey } from './partitionOfKey.js';

/** Returns the partition of a key: an integer of at least 0 and below `partitions`, always the same for the same key. */
export type Partitioner<K extends Key> = (key: K, partitions: number) => number;

/**
 * The partition in which Kafka's default partitioner puts a record with this key, written as text in UTF-8; `null` is in
 * partition 0 (Kafka spreads records without a key).
 *
 * @example
 * ```ts
 * import { kafkaPartitioner } from 'dstream';
 *
 * console.log(['SFO', 'JFK', 'LAX'].map((airport) => kafkaPartitioner(airport, 6)));
 * // => [ 4, 1, 2 ]
 * ```
 */
export function kafkaPartitioner(key: Key, partitions: number): number {
  return key === null ? 0 : partitionOfKey(String(key), partitions);
}
