import type { Key } from '../batch/key.js';

const number = new Float64Array(1);
const words = new Int32Array(number.buffer);
const integer = new BigInt64Array(number.buffer);

const finalRounds = 3;

/**
 * Hashes keys to 32 bits: keys that are equal in a `Map` have the same hash. The hash is keyed, at random for each table, so no
 * observable behavior may depend on a hash, and nobody can choose keys from outside that collide.
 *
 * Source: HalfSipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012), with the UTF-16 units of a text for
 * its bytes. A multiplication by a secret factor is faster but does not suffice: a difference in the highest bit of a word stays
 * there under every factor, and the next word can cancel it.
 */
export class KeyHash {
  readonly #first: number;
  readonly #second: number;

  constructor() {
    const [first = 0, second = 0] = crypto.getRandomValues(new Int32Array(2));
    this.#first = first;
    this.#second = second;
  }

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

  // Both loops contain the round, because V8 does not always inline a function that returns four numbers.

  #ofText(text: string): number {
    const { length } = text;
    const pairs = length >> 1;
    const rest = (length << 16) | (length & 1 ? text.charCodeAt(length - 1) : 0);
    let v0 = this.#first;
    let v1 = this.#second;
    let v2 = 0x6c796765 ^ v0;
    let v3 = 0x74656462 ^ v1;
    for (let i = 0; i < pairs + 1 + finalRounds; i++) {
      let word = 0;
      if (i < pairs) word = text.charCodeAt(2 * i) | (text.charCodeAt(2 * i + 1) << 16);
      else if (i === pairs) word = rest;
      else if (i === pairs + 1) v2 ^= 0xff;
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    return v1 ^ v3;
  }

  #ofWords(low: number, high: number): number {
    let v0 = this.#first;
    let v1 = this.#second;
    let v2 = 0x6c796765 ^ v0;
    let v3 = 0x74656462 ^ v1;
    for (let i = 0; i < 2 + finalRounds; i++) {
      let word = 0;
      if (i === 0) word = low;
      else if (i === 1) word = high;
      else if (i === 2) v2 ^= 0xff;
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    return v1 ^ v3;
  }
}
