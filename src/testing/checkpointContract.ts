import { checkFunction } from '../options/checks.js';
import type { Checkpoint } from '../state/checkpoint.js';
import { checkpointCases } from './contracts/checkpointCases.js';
import { CheckpointTrial } from './contracts/checkpointTrial.js';
import type { ContractCase } from './contracts/contractCase.js';
import { stateCases } from './contracts/stateCases.js';

/** A store of checkpoints, empty when it is made. */
export interface CheckpointStore {
  /** The checkpoint as a process makes it that has just started. Called for each restart. */
  connect(): Checkpoint;
  /** Removes the store. */
  remove?(): unknown;
}

/**
 * What every checkpoint store must do, as named cases to be run under any test runner: restarts, planned batches, kinds of
 * keys and values, the order of keys, a second process on the same store, and how the states of operators behave over it.
 *
 * `newStore` is called once for each case. A case that does not hold rejects with an Error that says where what came
 * differs from what was expected. Crashes in the middle of a write are not among the cases: kill a process for that.
 *
 * @throws {InvalidOptionError} when `newStore` is not a function
 *
 * @example
 * ```ts
 * import { memoryCheckpoint } from 'dstream';
 * import { checkpointContract } from 'dstream/testing';
 *
 * // With a test runner: for (const { name, run } of cases) it(name, run);
 * const cases = checkpointContract(() => {
 *   const checkpoint = memoryCheckpoint();
 *   return { connect: () => checkpoint };
 * });
 * for (const { run } of cases) await run();
 * console.log(cases[1]?.name);
 * // => restores time, positions and state of the last saved batch
 * ```
 */
export function checkpointContract(
  newStore: () => CheckpointStore | PromiseLike<CheckpointStore>,
): readonly ContractCase[] {
  checkFunction('checkpointContract', 'newStore', newStore);
  return Object.entries({ ...checkpointCases, ...stateCases }).map(([name, run]) => ({
    name,
    run: async () => {
      const store = await newStore();
      try {
        await run(new CheckpointTrial(() => store.connect()));
      } finally {
        await store.remove?.();
      }
    },
  }));
}
