import type { Resolved } from '../options/resolved.js';
/**
 * What happens to a store that another stream owns. `'wait'`: until that one has released it, or its lease is over. `'refuse'`: fails
 * with a `CheckpointError` if that one is healthy, as far as can be known. `'force'`: takes it over at once; the other fails with a
 * `FencedError` and writes nothing more.
 */
export type Takeover = 'wait' | 'refuse' | 'force';

/** Options of stores that have one owner at a time. */
export interface TakeoverOptions {
  /**
   * What happens while another stream owns it. `'wait'`: the stream stays `connecting` until the other has released it or its lease
   * is over. `'refuse'`: it fails with a `CheckpointError`. `'force'`: it takes over at once, and the other fails with a `FencedError`.
   * @default 'wait'
   */
  readonly takeover?: Takeover | undefined;
  /**
   * How long the owner may show no sign of life before another may take over, in ms: longer than a batch ever blocks the event
   * loop. The owner shows five signs in that time. A process of the same machine that has ended is taken over at once.
   * @default 15000
   */
  readonly leaseTime?: number | undefined;
}

/** How to get hold of a store that may have an owner. */
export interface Acquisition extends Resolved<TakeoverOptions> {
  /** Called when the wait for another owner begins, with the reason. */
  readonly waiting?: ((reason: string) => void) | undefined;
  /** Ends the wait. */
  readonly signal?: AbortSignal | undefined;
}

export const defaultLeaseTimeMs = 15_000;
