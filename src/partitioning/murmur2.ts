const m = 0x5bd1e995;
const seed = 0x9747b28c;

/**
 * The 32-bit hash that Kafka's default partitioner uses to place keys, as a signed integer; Kafka takes
 * `(hash & 0x7fffffff) % partitions`.
 *
 * Source: MurmurHash2 by Austin Appleby, with Kafka's seed.
 */
export function murmur2(bytes: Uint8Array): number {
  const { length } = bytes;
  let hash = seed ^ length;
  const whole = length & ~3;
  for (let i = 0; i < whole; i += 4) {
    hash = mixed(hash, bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24));
  }
  const rest = length - whole;
  if (rest === 3) hash ^= bytes[whole + 2]! << 16;
  if (rest >= 2) hash ^= bytes[whole + 1]! << 8;
  if (rest >= 1) hash = Math.imul(hash ^ bytes[whole]!, m);
  return ended(hash);
}

/** The same of a text, without its bytes; `undefined` unless all of it is ASCII. */
export function murmur2OfAscii(text: string): number | undefined {
  const { length } = text;
  let hash = seed ^ length;
  let all = 0;
  const whole = length & ~3;
  for (let i = 0; i < whole; i += 4) {
    const a = text.charCodeAt(i);
    const b = text.charCodeAt(i + 1);
    const c = text.charCodeAt(i + 2);
    const d = text.charCodeAt(i + 3);
    all |= a | b | c | d;
    hash = mixed(hash, a | (b << 8) | (c << 16) | (d << 24));
  }
  for (let i = length - 1; i >= whole; i--) {
    const unit = text.charCodeAt(i);
    all |= unit;
    hash ^= unit << (8 * (i - whole));
    if (i === whole) hash = Math.imul(hash, m);
  }
  return all < 0x80 ? ended(hash) : undefined;
}

function mixed(hash: number, block: number): number {
  const k = Math.imul(block, m);
  return Math.imul(hash, m) ^ Math.imul(k ^ (k >>> 24), m);
}

function ended(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 13), m);
  return mixed ^ (mixed >>> 15);
}
