import { BufferLoan } from '../protocol/bufferLoan.js';

/** Smaller ones are left to the collector. */
const smallest = 64 * 1_024;
/** Bytes that may lie free: what a large batch keeps until it has been dispatched. */
const most = 128 * 1_024 * 1_024;
/** What was not needed for so many ms is given up. */
const patience = 5_000;

/**
 * Buffers for responses, used again and again.
 *
 * Fetched bytes lie outside of V8's heap and yet count as its growth: new ones for each response bring on one full
 * collection after the other, and the system has to find and clear their pages each time.
 */
export class ResponseBuffers {
  readonly #free = new Map<number, ArrayBufferLike[]>();
  readonly #loans = new WeakMap<ArrayBufferLike, BufferLoan>();
  #freeBytes = 0;
  /** The least that was free since the last look. */
  #spare = 0;
  #nextLook: NodeJS.Timeout | undefined;

  /** A buffer of this length, with whatever is in it. */
  take(length: number): Buffer {
    if (length < smallest) return Buffer.allocUnsafeSlow(length);
    // In few sizes, so that one fits another time, and by a quarter too long at most.
    const step = 2 ** (Math.floor(Math.log2(length)) - 2);
    const capacity = Math.ceil(length / step) * step;
    const memory = this.#pop(capacity) ?? Buffer.allocUnsafeSlow(capacity).buffer;
    this.#loans.set(memory, new BufferLoan(() => this.#giveBack(memory)));
    return Buffer.from(memory, 0, length);
  }

  /** By which those who read from a buffer say that they do, and that they do no longer; none of a small one. */
  loanOf(buffer: Buffer): BufferLoan | undefined {
    return this.#loans.get(buffer.buffer);
  }

  /** Bytes that lie free. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  #giveBack(memory: ArrayBufferLike): void {
    const capacity = memory.byteLength;
    if (this.#freeBytes + capacity > most) return;
    const free = this.#free.get(capacity) ?? [];
    free.push(memory);
    this.#free.set(capacity, free);
    this.#freeBytes += capacity;
    this.#nextLook ??= setTimeout(() => this.#giveUp(), patience).unref();
  }

  #pop(capacity: number): ArrayBufferLike | undefined {
    const memory = this.#free.get(capacity)?.pop();
    if (!memory) return undefined;
    this.#freeBytes -= capacity;
    this.#spare = Math.min(this.#spare, this.#freeBytes);
    return memory;
  }

  /** A backlog has been read, and a trickle needs less, or nothing. */
  #giveUp(): void {
    let spare = this.#spare;
    for (const capacity of this.#free.keys()) {
      while (spare >= capacity && this.#pop(capacity)) spare -= capacity;
    }
    this.#spare = this.#freeBytes;
    this.#nextLook = this.#freeBytes > 0 ? setTimeout(() => this.#giveUp(), patience).unref() : undefined;
  }
}
