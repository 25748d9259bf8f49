import type { Key } from '../batch/key.js';

const number = new Float64Array(1);
const words = new Int32Array(number.buffer);
const integer = new BigInt64Array(number.buffer);

const whole = (fraction: number) => Math.floor(fraction * 2 ** 32) | 0;

/**
 * Hashes keys to 32 bits: keys that are equal in a `Map` have the same hash. Seed and factor are random for each table, so
 * no observable behaviour may depend on a hash.
 */
export class KeyHash {
  readonly #seed = whole(Math.random());
  /** Odd, so that a multiplication loses no bits. */
  readonly #factor = whole(Math.random()) | 1;

  of(key: Key): number {
    switch (typeof key) {
      case 'string':
        return this.#ofText(key);
      case 'number':
        // Of 0 and -0 too.
        if ((key | 0) === key) return this.#ofWords(key | 0, 0);
        number[0] = key;
        return this.#ofWords(words[0] as number, words[1] as number);
      case 'bigint':
        integer[0] = key;
        // More than 64 bits: the higher ones count too.
        if (integer[0] !== key) return this.#ofText(key.toString(36));
        return this.#ofWords(words[0] as number, words[1] as number);
      case 'boolean':
        return this.#ofWords(key ? 1 : 2, 1);
      default:
        return this.#ofWords(3, 1);
    }
  }

  #ofText(text: string): number {
    const factor = this.#factor;
    const { length } = text;
    const even = length & ~1;
    let hash = this.#seed ^ length;
    for (let i = 0; i < even; i += 2) {
      hash = Math.imul(hash ^ (text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16)), factor);
      hash ^= hash >>> 15;
    }
    if (even < length) hash = Math.imul(hash ^ text.charCodeAt(even), factor);
    return mixed(hash);
  }

  #ofWords(low: number, high: number): number {
    const factor = this.#factor;
    let hash = Math.imul(this.#seed ^ low, factor);
    hash = Math.imul(hash ^ (hash >>> 15) ^ high, factor);
    return mixed(hash);
  }
}

/** Lets each bit affect all others, like the finalizer of MurmurHash3. */
function mixed(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
