/** Longer texts are seldom recurring keys, and comparing each byte of them costs more than decoding. */
const maxTextBytes = 28;
/** Many more than a usual topic has keys: those whose hashes collide evict each other. */
const entryCount = 1 << 16;
/** An entry holds the length and the bytes of its text, as words of four bytes. */
const wordsPerEntry = 1 + maxTextBytes / 4;
const nonAsciiMask = 0x80808080;
/** After this many lookups the hit rate is reviewed; below a quarter the cache is bypassed for a while. */
const lookupsPerReview = 4_096;
const minHitsPerReview = lookupsPerReview / 4;
const bypassedLookups = 16 * lookupsPerReview;

type Slices = { utf8Slice(from: number, until: number): string };

/** The UTF-8 text of the bytes at [`from`, `until`): what `toString` calls, without its checks of the arguments. */
export function decodeUtf8(bytes: Uint8Array, from: number, until: number): string {
  return (bytes as unknown as Slices).utf8Slice(from, until);
}

/**
 * Decodes short texts and returns the same string for the same bytes: the keys of a log recur. A hit costs no allocation and no
 * garbage collection, and V8 has already computed the hash of the string for every `Map`.
 *
 * Each hash has two entries, for the last two texts that were decoded there, so at most 65,536 strings of up to 28 characters are
 * held. Length and bytes of both entries share one line of the processor's cache, because waiting for memory is what a lookup
 * costs (2 MiB in all).
 */
export class TextCache {
  readonly #texts: string[] = new Array(entryCount).fill('');
  readonly #entries = new Int32Array(entryCount * wordsPerEntry);
  #lookups = 0;
  #hits = 0;
  #bypassed = 0;

  /** The UTF-8 text of the bytes at [`from`, `until`), in a buffer and a view of the same bytes. */
  decode(bytes: Uint8Array, view: DataView, from: number, until: number): string {
    const length = until - from;
    if (length === 0) return '';
    if (length > maxTextBytes || this.#bypassed > 0) {
      if (this.#bypassed > 0) this.#bypassed--;
      return decodeUtf8(bytes, from, until);
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
    // Beyond ASCII, characters and bytes do not correspond.
    if ((seen & nonAsciiMask) !== 0) return decodeUtf8(bytes, from, until);
    if (++this.#lookups === lookupsPerReview) this.#review();
    const newer = (hash ^ (hash >>> 15)) & (entryCount - 2);
    if (this.#has(newer, view, from, until, tail)) {
      this.#hits++;
      return this.#texts[newer]!;
    }
    const older = newer + 1;
    if (this.#has(older, view, from, until, tail)) {
      this.#hits++;
      return this.#texts[older]!;
    }
    return this.#put(newer, view, from, until, tail, decodeUtf8(bytes, from, until));
  }

  #has(entry: number, view: DataView, from: number, until: number, tail: number): boolean {
    const entries = this.#entries;
    const last = until - 4;
    let word = entry * wordsPerEntry;
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
    let word = newer * wordsPerEntry;
    entries.copyWithin(older * wordsPerEntry, word, older * wordsPerEntry);
    entries[word++] = until - from;
    for (let at = from; at < last; at += 4) entries[word++] = view.getInt32(at, true);
    entries[word] = tail;
    return text;
  }

  #review(): void {
    if (this.#hits < minHitsPerReview) this.#bypassed = bypassedLookups;
    this.#lookups = 0;
    this.#hits = 0;
  }
}

function shortWord(bytes: Uint8Array, from: number, until: number): number {
  let word = 0;
  for (let i = from; i < until; i++) word = (word << 8) | bytes[i]!;
  return word;
}
