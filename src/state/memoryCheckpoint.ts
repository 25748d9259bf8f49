import { defer, EMPTY, of } from 'rxjs';
import type { Key } from '../batch/key.js';
import type {
  Checkpoint,
  CheckpointSession,
  PlannedBatch,
  RestoredState,
  SavedBatch,
  StateChange,
} from './checkpoint.js';
import { oneOwner } from './oneOwner.js';
import { restoredCheckpoint } from './restoredCheckpoint.js';

/** The state of one operator as of the last saved batch. */
interface SavedState {
  readonly operator: string;
  readonly signature: string;
  readonly version: number;
  readonly entries: Map<Key, unknown>;
}

/**
 * A checkpoint in memory. It outlives subscriptions, not the process: with it a crash followed by `retry()` can be tested
 * in virtual time, and a stream that fails can go on where it was.
 *
 * `structuredClone` must be able to copy the state. One stream uses the checkpoint at a time: when another opens it, the
 * earlier one is fenced.
 *
 * @throws {FencedError} (as a notification) when another stream has opened it
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, memoryCheckpoint } from 'dstream';
 * import { retry } from 'rxjs';
 *
 * let crashes = 1;
 * fromBatches([['a'], ['b'], ['c']], { interval: 10, checkpoint: memoryCheckpoint() })
 *   .pipe(
 *     foreachBatch(([record]) => {
 *       if (record === 'b' && crashes-- > 0) throw new Error('crash');
 *       console.log(record);
 *     }),
 *     retry(1),
 *   )
 *   .subscribe();
 * // => a
 * // => b
 * // => c
 * ```
 */
export function memoryCheckpoint(): Checkpoint {
  let last: SavedBatch | undefined;
  let planned: PlannedBatch[] = [];
  const states = new Map<string, SavedState>();
  const takeOver = oneOwner();

  const session = (): CheckpointSession => {
    const asOwner = takeOver();
    return {
      restored: restoredCheckpoint(last, [...planned], {
        stateIds: [...states.keys()],
        state: (id) => restoredState(states.get(id)),
      }),
      encode: (change) => structuredClone(change),
      plan: (batch) =>
        asOwner(() => {
          const again = planned.findIndex(({ time }) => time === batch.time);
          if (again === -1) planned.push(batch);
          else planned[again] = batch;
        }),
      save: (batch) =>
        asOwner(() => {
          last = batch;
          planned = planned.filter(({ time }) => time > batch.time);
          for (const id of batch.dropped ?? []) states.delete(id);
          for (const change of batch.changes) apply(states, change as StateChange);
        }),
      close: () => EMPTY,
    };
  };
  return { location: 'memory', open: () => defer(() => of(session())) };
}

function apply(states: Map<string, SavedState>, { id, operator, signature, version, set, deleted }: StateChange): void {
  const entries = states.get(id)?.entries ?? new Map<Key, unknown>();
  for (const [key, state] of set) entries.set(key, state);
  for (const key of deleted) entries.delete(key);
  states.set(id, { operator, signature, version, entries });
}

function restoredState(saved: SavedState | undefined): RestoredState | undefined {
  if (!saved) return undefined;
  const { entries, ...description } = saved;
  return { ...description, entries: () => structuredClone([...entries]) };
}
