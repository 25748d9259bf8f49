type Slices = { utf8Slice(from: number, until: number): string };

const slots = 1 << 14; // two for each value of the hash
const mask = slots - 2;
/** Longer texts are seldom keys that come again, and looking at each byte of them costs more than decoding. */
const longest = 32;
/** So many lookups are judged together; with fewer hits than a quarter the cache stays out of the way for a while. */
const judged = 4_096;
const rest = 16 * judged;

/**
 * Decodes short texts, giving the same string again for the same bytes: keys of a log come again and again. A string that
 * is there costs no allocation, no collection, and its hash is known to every `Map` already.
 *
 * Each text has two slots, by its hash, for the last two texts that were decoded there. So it holds at most 16,384
 * strings of up to 32 characters.
 */
export class TextCache {
  readonly #texts: string[] = new Array(slots).fill('');
  #lookups = 0;
  #hits = 0;
  #resting = 0;

  /** The UTF-8 text of the bytes at [`from`, `until`). */
  decode(bytes: Uint8Array, from: number, until: number): string {
    const length = until - from;
    if (length === 0) return '';
    if (length > longest || this.#resting > 0) {
      if (this.#resting > 0) this.#resting--;
      return (bytes as unknown as Slices).utf8Slice(from, until);
    }
    let hash = length;
    let seen = 0;
    for (let i = from; i < until; i++) {
      const byte = bytes[i]!;
      seen |= byte;
      hash = Math.imul(hash, 31) + byte;
    }
    // Other than ASCII, characters and bytes do not correspond.
    if (seen >= 0x80) return (bytes as unknown as Slices).utf8Slice(from, until);
    hash ^= hash >>> 15;
    const slot = hash & mask;
    const texts = this.#texts;
    if (++this.#lookups === judged) this.#judge();
    const newer = texts[slot]!;
    if (newer.length === length && isSame(newer, bytes, from)) {
      this.#hits++;
      return newer;
    }
    const older = texts[slot + 1]!;
    if (older.length === length && isSame(older, bytes, from)) {
      this.#hits++;
      return older;
    }
    const text = (bytes as unknown as Slices).utf8Slice(from, until);
    texts[slot + 1] = newer;
    texts[slot] = text;
    return text;
  }

  #judge(): void {
    if (this.#hits < judged / 4) this.#resting = rest;
    this.#lookups = 0;
    this.#hits = 0;
  }
}

function isSame(text: string, bytes: Uint8Array, from: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[from + i]) return false;
  return true;
}
