import { utf8Text } from './utf8Text.js';

/** Longer texts are seldom keys that come again, and looking at each byte of them costs more than decoding. */
const longest = 32;
/** Many more than the keys of a usual topic: those that share a place drive each other out. */
const places = 1 << 16;
const wordsEach = longest / 4;
const nonAscii = 0x80808080;
/** So many lookups are judged together; with fewer hits than a quarter the cache stays out of the way for a while. */
const judged = 4_096;
const rest = 16 * judged;

/**
 * Decodes short texts, giving the same string again for the same bytes: keys of a log come again and again. A string that
 * is there costs no allocation, no collection, and its hash is known to every `Map` already.
 *
 * Each text has two places, by its hash, for the last two texts that were decoded there. So it holds at most 65,536
 * strings of up to 32 characters. Their bytes lie side by side in one array (2 MiB), to be compared by fours.
 */
export class TextCache {
  readonly #texts: string[] = new Array(places).fill('');
  readonly #words = new Int32Array(places * wordsEach);
  readonly #lengths = new Uint8Array(places);
  /** The words of the text that is looked for: the last one ends where the text does, and may overlap the one before. */
  readonly #wanted = new Int32Array(wordsEach);
  #lookups = 0;
  #hits = 0;
  #resting = 0;

  /** The UTF-8 text of the bytes at [`from`, `until`), in a buffer and a view of the same bytes. */
  decode(bytes: Uint8Array, view: DataView, from: number, until: number): string {
    const length = until - from;
    if (length === 0) return '';
    if (length > longest || this.#resting > 0) {
      if (this.#resting > 0) this.#resting--;
      return utf8Text(bytes, from, until);
    }
    const wanted = this.#wanted;
    const last = until - 4;
    let hash = length;
    let seen = 0;
    let count = 0;
    for (let at = from; at < last; at += 4) {
      const word = view.getInt32(at, true);
      wanted[count++] = word;
      seen |= word;
      hash = Math.imul(hash ^ word, 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    const word = length < 4 ? shortWord(bytes, from, until) : view.getInt32(last, true);
    wanted[count++] = word;
    // Other than ASCII, characters and bytes do not correspond.
    if (((seen | word) & nonAscii) !== 0) return utf8Text(bytes, from, until);
    hash = Math.imul(hash ^ word, 0x9e3779b1);
    hash ^= hash >>> 15;
    if (++this.#lookups === judged) this.#judge();
    const newer = hash & (places - 2);
    if (this.#has(newer, length, count)) {
      this.#hits++;
      return this.#texts[newer]!;
    }
    const older = newer + 1;
    if (this.#has(older, length, count)) {
      this.#hits++;
      return this.#texts[older]!;
    }
    return this.#put(newer, length, utf8Text(bytes, from, until));
  }

  #has(place: number, length: number, count: number): boolean {
    if (this.#lengths[place] !== length) return false;
    const at = place * wordsEach;
    for (let i = 0; i < count; i++) if (this.#words[at + i] !== this.#wanted[i]) return false;
    return true;
  }

  #put(newer: number, length: number, text: string): string {
    const older = newer + 1;
    const at = newer * wordsEach;
    this.#texts[older] = this.#texts[newer]!;
    this.#lengths[older] = this.#lengths[newer]!;
    this.#words.copyWithin(at + wordsEach, at, at + wordsEach);
    this.#texts[newer] = text;
    this.#lengths[newer] = length;
    this.#words.set(this.#wanted, at);
    return text;
  }

  #judge(): void {
    if (this.#hits < judged / 4) this.#resting = rest;
    this.#lookups = 0;
    this.#hits = 0;
  }
}

function shortWord(bytes: Uint8Array, from: number, until: number): number {
  let word = 0;
  for (let i = from; i < until; i++) word = (word << 8) | bytes[i]!;
  return word;
}
