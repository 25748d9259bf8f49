import { setTimeout as sleep } from 'node:timers/promises';

/** Lets few at a time do something; the others wait for their turn. */
export class CopyTurns {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  /**
   * Resolves when it is the caller's turn, or `signal` is aborted. Returns what is to be called at the end of the turn, which also ends after
   * `limitMs`: others do not wait for one that hangs.
   */
  async take(signal: AbortSignal, limitMs?: number): Promise<() => void> {
    if (signal.aborted) return () => {};
    if (this.#free > 0) this.#free--;
    else if (!(await this.#turn(signal))) return () => {};
    const over = new AbortController();
    const end = (): void => {
      if (over.signal.aborted) return;
      over.abort();
      const [next] = this.#waiting;
      if (next) next();
      else this.#free++;
    };
    if (limitMs !== undefined) void sleep(limitMs, undefined, { signal: over.signal, ref: false }).then(end, () => {});
    return end;
  }

  /** Whether it came before `signal` was aborted. */
  #turn(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (isTurn: boolean): void => {
        this.#waiting.delete(come);
        signal.removeEventListener('abort', abandon);
        resolve(isTurn);
      };
      const come = (): void => settle(true);
      const abandon = (): void => settle(false);
      this.#waiting.add(come);
      signal.addEventListener('abort', abandon);
    });
  }
}
