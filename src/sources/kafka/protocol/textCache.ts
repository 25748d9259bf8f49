import { utf8Text } from './utf8Text.js';

/** Longer texts are seldom keys that come again, and looking at each byte of them costs more than decoding. */
const longest = 28;
/** Many more than the keys of a usual topic: those that share a place drive each other out. */
const places = 1 << 16;
/** What an entry takes: its length and its text, as words of four bytes. */
const wordsEach = 1 + longest / 4;
const nonAscii = 0x80808080;
/** So many lookups are judged together; with fewer hits than a quarter the cache stays out of the way for a while. */
const judged = 4_096;
const rest = 16 * judged;

/**
 * Decodes short texts, giving the same string again for the same bytes: keys of a log come again and again. A string that
 * is there costs no allocation, no collection, and its hash is known to every `Map` already.
 *
 * Each text has two places, by its hash, for the last two texts that were decoded there. So it holds at most 65,536
 * strings of up to 28 characters. Length and bytes of both lie side by side in one line of the processor's cache, as what
 * a lookup costs is the memory that it has to wait for (2 MiB in all).
 */
export class TextCache {
  readonly #texts: string[] = new Array(places).fill('');
  readonly #entries = new Int32Array(places * wordsEach);
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
    // The last word ends where the text does, and may overlap the one before.
    const last = until - 4;
    const tail = length < 4 ? shortWord(bytes, from, until) : view.getInt32(last, true);
    let seen = tail;
    let hash = Math.imul(length ^ tail, 0x9e3779b1);
    for (let at = from; at < last; at += 4) {
      const word = view.getInt32(at, true);
      seen |= word;
      hash = Math.imul(hash ^ (hash >>> 15) ^ word, 0x9e3779b1);
    }
    // Other than ASCII, characters and bytes do not correspond.
    if ((seen & nonAscii) !== 0) return utf8Text(bytes, from, until);
    if (++this.#lookups === judged) this.#judge();
    const newer = (hash ^ (hash >>> 15)) & (places - 2);
    if (this.#has(newer, view, from, until, tail)) {
      this.#hits++;
      return this.#texts[newer]!;
    }
    const older = newer + 1;
    if (this.#has(older, view, from, until, tail)) {
      this.#hits++;
      return this.#texts[older]!;
    }
    return this.#put(newer, view, from, until, tail, utf8Text(bytes, from, until));
  }

  #has(place: number, view: DataView, from: number, until: number, tail: number): boolean {
    const entries = this.#entries;
    const last = until - 4;
    let word = place * wordsEach;
    if (entries[word++] !== until - from) return false;
    for (let at = from; at < last; at += 4) if (entries[word++] !== view.getInt32(at, true)) return false;
    return entries[word] === tail;
  }

  #put(newer: number, view: DataView, from: number, until: number, tail: number, text: string): string {
    const entries = this.#entries;
    const older = newer + 1;
    const last = until - 4;
    this.#texts[older] = this.#texts[newer]!;
    this.#texts[newer] = text;
    let word = newer * wordsEach;
    entries.copyWithin(older * wordsEach, word, older * wordsEach);
    entries[word++] = until - from;
    for (let at = from; at < last; at += 4) entries[word++] = view.getInt32(at, true);
    entries[word] = tail;
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
