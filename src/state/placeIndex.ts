const minShardPlaces = 16;
/** A larger shard is split; the time this takes is the longest pause of the index. */
const maxShardPlaces = 1 << 15;
/** A shard is never split by more bits of the hash: keys with equal hashes cannot be separated. */
const maxDepthBits = 20;

/** Pairs of a hash and a place, which counts from 1 so that 0 marks a free pair. The length is a power of two. */
class Shard {
  slots: Int32Array;
  count = 0;
  /** How many bits of the hash all its entries share. */
  depth: number;

  constructor(capacity: number, depth: number) {
    this.slots = new Int32Array(2 * capacity);
    this.depth = depth;
  }

  add(hash: number, place: number): void {
    const { slots } = this;
    const mask = slots.length - 2;
    let at = (hash << 1) & mask;
    while (slots[at + 1] !== 0) at = (at + 2) & mask;
    slots[at] = hash;
    slots[at + 1] = place + 1;
    this.count++;
  }

  /** Returns the position of the pair, which must exist. */
  at(hash: number, place: number): number {
    const { slots } = this;
    const mask = slots.length - 2;
    let at = (hash << 1) & mask;
    while (slots[at + 1] !== place + 1) at = (at + 2) & mask;
    return at;
  }

  /** Moves up pairs that would not be found behind a free one, so no tombstones are needed. */
  remove(hash: number, place: number): void {
    const { slots } = this;
    const mask = slots.length - 2;
    let free = this.at(hash, place);
    for (let at = (free + 2) & mask; slots[at + 1] !== 0; at = (at + 2) & mask) {
      const home = ((slots[at] as number) << 1) & mask;
      if (((at - home) & mask) < ((at - free) & mask)) continue;
      slots[free] = slots[at] as number;
      slots[free + 1] = slots[at + 1] as number;
      free = at;
    }
    slots[free + 1] = 0;
    this.count--;
  }

  resize(capacity: number): void {
    const { slots } = this;
    this.slots = new Int32Array(2 * capacity);
    this.count = 0;
    for (let at = 0; at < slots.length; at += 2) {
      if (slots[at + 1] !== 0) this.add(slots[at] as number, (slots[at + 1] as number) - 1);
    }
  }
}

/**
 * Maps hashes to places: which entries of a list may have a key, by its hash. Open addressing, with hash and place side by
 * side, in shards that grow one by one and are split from a certain size on (extendible hashing): so adding a place never
 * takes longer than rewriting one shard.
 */
export class PlaceIndex {
  /** By the first `#depth` bits of the hash; a shard that is split less often occurs several times. */
  #shards: Shard[] = [new Shard(minShardPlaces, 0)];
  #depth = 0;
  #found = 0;

  /** How many places fit. */
  get capacity(): number {
    let capacity = 0;
    for (const { slots } of new Set(this.#shards)) capacity += slots.length / 2;
    return capacity;
  }

  /** Returns the first place with this hash, or -1. */
  first(hash: number): number {
    const { slots } = this.#shards[(hash >>> 1) >>> (31 - this.#depth)] as Shard;
    return this.#search(slots, hash, (hash << 1) & (slots.length - 2));
  }

  /** Returns the next place with this hash, or -1. Call it after `first` or `next` of the same hash, with no change between. */
  next(hash: number): number {
    const { slots } = this.#shardOf(hash);
    return this.#search(slots, hash, (this.#found + 2) & (slots.length - 2));
  }

  add(hash: number, place: number): void {
    let shard = this.#shardOf(hash);
    while (shard.count * 8 >= shard.slots.length * 3) {
      this.#grow(shard, hash);
      shard = this.#shardOf(hash);
    }
    shard.add(hash, place);
  }

  /** The pair must exist. */
  remove(hash: number, place: number): void {
    const shard = this.#shardOf(hash);
    shard.remove(hash, place);
    const capacity = shard.slots.length / 2;
    if (capacity > minShardPlaces && shard.count * 8 < capacity) shard.resize(capacity / 2);
  }

  /** The pair must exist. */
  replace(hash: number, place: number, by: number): void {
    const shard = this.#shardOf(hash);
    shard.slots[shard.at(hash, place) + 1] = by + 1;
  }

  #search(slots: Int32Array, hash: number, from: number): number {
    const mask = slots.length - 2;
    for (let at = from; ; at = (at + 2) & mask) {
      const place = slots[at + 1] as number;
      if (place === 0) return -1;
      if (slots[at] !== hash) continue;
      this.#found = at;
      return place - 1;
    }
  }

  #shardOf(hash: number): Shard {
    // In two steps: a shift by 32 is a shift by 0.
    return this.#shards[(hash >>> 1) >>> (31 - this.#depth)] as Shard;
  }

  #grow(shard: Shard, hash: number): void {
    const capacity = shard.slots.length / 2;
    if (capacity < maxShardPlaces || shard.depth === maxDepthBits) {
      shard.resize(2 * capacity);
      return;
    }
    if (shard.depth === this.#depth) {
      this.#shards = this.#shards.flatMap((each) => [each, each]);
      this.#depth++;
    }
    const { slots } = shard;
    const depth = shard.depth + 1;
    const halves = [new Shard(capacity, depth), new Shard(capacity, depth)] as const;
    for (let at = 0; at < slots.length; at += 2) {
      if (slots[at + 1] === 0) continue;
      const half = ((slots[at] as number) >>> (32 - depth)) & 1;
      (halves[half] as Shard).add(slots[at] as number, (slots[at + 1] as number) - 1);
    }
    const entries = 1 << (this.#depth - shard.depth);
    const begin = ((hash >>> 1) >>> (31 - this.#depth)) & ~(entries - 1);
    for (let i = 0; i < entries; i++) this.#shards[begin + i] = i < entries / 2 ? halves[0] : halves[1];
  }
}
