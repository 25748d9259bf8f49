import type { Key } from '../../batch/key.js';

/** Two 32-bit lanes, as unsigned integers. */
export interface Hash64 {
  high: number;
  low: number;
}

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);

/**
 * Hashes a key into `into`: the same in every process and version, because sketches in checkpoints depend on it. Keys of different types have
 * different hashes: 1 is not '1'. Multiplies and rotates each 16-bit unit into two lanes, and mixes both at the end with the finalizer of
 * MurmurHash3.
 */
export function keyHash64(key: Key, into: Hash64): void {
  if (typeof key === 'string') hashText(1, key, into);
  else if (typeof key === 'number') {
    // -0 is 0, and there is one NaN.
    float[0] = Number.isNaN(key) ? Number.NaN : key + 0;
    hashWords(2, words[0] as number, words[1] as number, into);
  } else if (typeof key === 'bigint') hashText(3, key.toString(36), into);
  else if (typeof key === 'boolean') hashWords(4, key ? 1 : 0, 0, into);
  else hashWords(5, 0, 0, into);
}

function hashText(seed: number, text: string, into: Hash64): void {
  let high = seed;
  let low = ~seed;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    high = Math.imul(rotate(high ^ unit, 13), 0xcc9e2d51);
    low = Math.imul(rotate(low ^ unit, 17), 0x1b873593);
  }
  finish(high ^ text.length, low, into);
}

function hashWords(seed: number, first: number, second: number, into: Hash64): void {
  const high = Math.imul(rotate(Math.imul(seed ^ first, 0xcc9e2d51), 15) ^ second, 0x1b873593);
  const low = Math.imul(rotate(Math.imul(~seed ^ second, 0x1b873593), 17) ^ first, 0xcc9e2d51);
  finish(high, low, into);
}

function finish(high: number, low: number, into: Hash64): void {
  const first = mix(high ^ Math.imul(low, 0x9e3779b1));
  into.high = first >>> 0;
  into.low = mix(low ^ Math.imul(first, 0x85ebca77)) >>> 0;
}

function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
