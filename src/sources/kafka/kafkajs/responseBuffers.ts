import { BufferRefCount } from '../protocol/bufferRefCount.js';

/** Smaller buffers are left to the garbage collector. */
const minPooledBytes = 64 * 1_024;
/** Bytes that may lie unused in the pool: what a large batch retains until it has been dispatched. */
const maxPooledBytes = 128 * 1_024 * 1_024;
/** Buffers that were not needed for this long are freed. */
const idleTimeoutMs = 5_000;

/**
 * A pool of buffers for responses.
 *
 * Fetched bytes lie outside V8's heap and yet count as its growth: a new buffer for each response causes one full garbage
 * collection after the other, and the system has to find and clear the pages each time.
 */
export class ResponseBuffers {
  readonly #free = new Map<number, ArrayBufferLike[]>();
  readonly #refCounts = new WeakMap<ArrayBufferLike, BufferRefCount>();
  #freeBytes = 0;
  /** The fewest bytes that were free since the last check. */
  #minFreeBytes = 0;
  #idleCheck: NodeJS.Timeout | undefined;

  /** A buffer of this length, with arbitrary content. */
  take(length: number): Buffer {
    if (length < minPooledBytes) return Buffer.allocUnsafeSlow(length);
    // In few sizes, so that a buffer fits again, and at most a quarter too long.
    const step = 2 ** (Math.floor(Math.log2(length)) - 2);
    const capacity = Math.ceil(length / step) * step;
    const memory = this.#pop(capacity) ?? Buffer.allocUnsafeSlow(capacity).buffer;
    this.#refCounts.set(memory, new BufferRefCount(() => this.#recycle(memory)));
    return Buffer.from(memory, 0, length);
  }

  /** Counts the readers of a buffer from `take`; `undefined` for one that is too small for the pool. */
  refCountOf(buffer: Buffer): BufferRefCount | undefined {
    return this.#refCounts.get(buffer.buffer);
  }

  /** Bytes that lie unused in the pool. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  #recycle(memory: ArrayBufferLike): void {
    const capacity = memory.byteLength;
    if (this.#freeBytes + capacity > maxPooledBytes) return;
    const free = this.#free.get(capacity) ?? [];
    free.push(memory);
    this.#free.set(capacity, free);
    this.#freeBytes += capacity;
    this.#idleCheck ??= setTimeout(() => this.#freeIdle(), idleTimeoutMs).unref();
  }

  #pop(capacity: number): ArrayBufferLike | undefined {
    const memory = this.#free.get(capacity)?.pop();
    if (!memory) return undefined;
    this.#freeBytes -= capacity;
    this.#minFreeBytes = Math.min(this.#minFreeBytes, this.#freeBytes);
    return memory;
  }

  /** After a backlog has been read, a trickle needs fewer buffers, or none. */
  #freeIdle(): void {
    let spare = this.#minFreeBytes;
    for (const capacity of this.#free.keys()) {
      while (spare >= capacity && this.#pop(capacity)) spare -= capacity;
    }
    this.#minFreeBytes = this.#freeBytes;
    this.#idleCheck = this.#freeBytes > 0 ? setTimeout(() => this.#freeIdle(), idleTimeoutMs).unref() : undefined;
  }
}
