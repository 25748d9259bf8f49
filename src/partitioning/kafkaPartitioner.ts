import type { Key } from '../batch/key.js';
import { murmur2 } from './murmur2.js';

/** Returns the partition of a key: an integer of at least 0 and below `partitions`, always the same for the same key. */
export type Partitioner<K extends Key> = (key: K, partitions: number) => number;

const encoder = new TextEncoder();
let scratch = new Uint8Array(1_024);

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
  return key === null ? 0 : (murmur2(bytesOf(String(key))) & 0x7fffffff) % partitions;
}

/** In one buffer for all, so that a key costs no allocation but a view. */
function bytesOf(text: string): Uint8Array {
  // A unit of UTF-16 takes at most three bytes.
  if (text.length * 3 > scratch.length) scratch = new Uint8Array(text.length * 6);
  return scratch.subarray(0, encoder.encodeInto(text, scratch).written);
}
