import type { Changelog, ChangelogRecord } from './changelog.js';

interface Append<M> {
  readonly records: readonly ChangelogRecord[];
  readonly others: readonly M[];
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/**
 * Appends to a changelog in the order of the calls. What is asked for while a transaction is under way goes together into the next one.
 * Once one has failed nothing is appended any more: what came later depends on it.
 */
export class ChangelogWriter<M> {
  readonly #changelog: Changelog<M>;
  /** Called after each transaction, with the offset after it where that is known and when it was begun. Must not fail. */
  onAppended: ((records: readonly ChangelogRecord[], end: number | undefined, begunAt: number) => void) | undefined;
  readonly #waiting: Append<M>[] = [];
  #first: readonly ChangelogRecord[] = [];
  #isWriting = false;
  #writing: Promise<void> = Promise.resolve();
  #broken: { readonly error: unknown } | undefined;
  /** When the last transaction ended, on the monotonic clock. */
  #writtenAt = Number.NEGATIVE_INFINITY;

  constructor(changelog: Changelog<M>) {
    this.#changelog = changelog;
  }

  append(records: readonly ChangelogRecord[], others: readonly M[] = []): Promise<void> {
    return new Promise((done, failed) => {
      this.#waiting.push({ records, others, done, failed });
      if (!this.#isWriting) this.#writing = this.#write();
    });
  }

  /** Has this go with what is appended first, in front of it. */
  prepend(record: ChangelogRecord): void {
    this.#first = [record];
  }

  get hasAppended(): boolean {
    return this.#writtenAt !== Number.NEGATIVE_INFINITY;
  }

  /** For how long nothing was appended, in ms. */
  get idleMs(): number {
    return this.#isWriting ? 0 : performance.now() - this.#writtenAt;
  }

  /** Settles when nothing is being appended; never fails. */
  get settled(): Promise<void> {
    return this.#writing;
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    while (this.#waiting.length > 0) {
      const appends = this.#waiting.splice(0);
      try {
        if (this.#broken) throw this.#broken.error;
        const records = [...this.#first, ...appends.flatMap((one) => one.records)];
        const others = appends.flatMap((one) => one.others);
        const begunAt = Date.now();
        const end = await this.#changelog.append(records, others);
        this.#first = [];
        this.onAppended?.(records, end, begunAt);
        this.#writtenAt = performance.now();
        for (const { done } of appends) done();
      } catch (error) {
        this.#broken ??= { error };
        for (const { failed } of appends) failed(error);
      }
    }
    // In the same turn as the last look: what comes next begins another round.
    this.#isWriting = false;
  }
}
