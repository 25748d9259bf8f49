import type { Key } from '../batch/key.js';

/** Throws for a key that is another task's. */
export type KeyCheck = (operator: string, key: Key) => void;

/** The check of the batch whose operator is running: operators run synchronously, one at a time. */
let running: KeyCheck | undefined;

/** Runs an operator on a batch of a task whose keys are checked. */
export function checkingKeys<R>(check: KeyCheck, work: () => R): R {
  const outer = running;
  running = check;
  try {
    return work();
  } finally {
    running = outer;
  }
}

/**
 * To be called by an operator that puts together what has the same key, at each key that is new to it.
 *
 * @throws {ForeignKeyError} in a task, when records with this key are in other tasks too
 */
export function checkOwnKey(operator: string, key: Key): void {
  running?.(operator, key);
}
