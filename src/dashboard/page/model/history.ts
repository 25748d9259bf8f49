import type { BatchRow } from '../../wire/batchRow.js';
import { keptBatches, keptFailures } from '../../wire/boardUpdate.js';
import type { FailureRow } from '../../wire/failureRow.js';

/**
 * What the page has seen of a stream. It outlives the connection and the server: a new run of the server sends what it has,
 * and a row that is here already is not added twice.
 */
export class History {
  readonly #keys = new Set<string>();
  readonly #failureKeys = new Set<string>();
  #rows: readonly BatchRow[] = [];
  #failures: readonly FailureRow[] = [];

  /** By batch time, oldest first. */
  get rows(): readonly BatchRow[] {
    return this.#rows;
  }

  /** Newest first. */
  get failures(): readonly FailureRow[] {
    return this.#failures;
  }

  add(rows: readonly BatchRow[], failures: readonly FailureRow[]): void {
    const added = rows.filter((row) => isNew(this.#keys, keyOf(row)));
    if (added.length > 0) {
      this.#rows = [...this.#rows, ...added].sort((a, b) => a.time - b.time || a.attempt - b.attempt);
      for (const row of this.#rows.slice(0, -keptBatches)) this.#keys.delete(keyOf(row));
      this.#rows = this.#rows.slice(-keptBatches);
    }
    const failed = failures.filter((row) => isNew(this.#failureKeys, failureKeyOf(row)));
    if (failed.length > 0) {
      this.#failures = [...failed.reverse(), ...this.#failures];
      for (const row of this.#failures.slice(keptFailures)) this.#failureKeys.delete(failureKeyOf(row));
      this.#failures = this.#failures.slice(0, keptFailures);
    }
  }
}

function isNew(keys: Set<string>, key: string): boolean {
  if (keys.has(key)) return false;
  keys.add(key);
  return true;
}

function keyOf({ time, attempt, result }: BatchRow): string {
  return `${time}/${attempt}/${result}`;
}

function failureKeyOf({ at, id }: FailureRow): string {
  return `${at}/${id}`;
}
