import { murmur2, murmur2OfAscii } from './murmur2.js';

const encoder = new TextEncoder();
let scratch = new Uint8Array(1_024);

/** The partition in which Kafka's default partitioner puts a record with this key: bytes, or text written in UTF-8. */
export function partitionOfKey(key: string | Uint8Array, partitions: number): number {
  return (hashOf(key) & 0x7fffffff) % partitions;
}

function hashOf(key: string | Uint8Array): number {
  return typeof key === 'string' ? (murmur2OfAscii(key) ?? murmur2(bytesOf(key))) : murmur2(key);
}

/** In one buffer for all, so that a key costs no allocation but a view. */
function bytesOf(text: string): Uint8Array {
  // A unit of UTF-16 takes at most three bytes.
  if (text.length * 3 > scratch.length) scratch = new Uint8Array(text.length * 6);
  return scratch.subarray(0, encoder.encodeInto(text, scratch).written);
}
