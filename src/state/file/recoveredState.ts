import { deserialize } from 'node:v8';
import type { Key } from '../../batch/key.js';
import type { PlannedBatch, RestoredCheckpoint, RestoredState, StateChange } from '../checkpoint.js';
import { KeyTable } from '../keyTable.js';
import { restoredCheckpoint } from '../restoredCheckpoint.js';
import type { CheckpointRecord, SavedRecord } from './checkpointRecord.js';

interface OperatorState extends Pick<StateChange, 'operator' | 'signature' | 'version'> {
  entries: KeyTable<Key, unknown>;
}

/** What the records of a checkpoint add up to. */
export class RecoveredState {
  readonly #operators = new Map<string, OperatorState>();
  /** By time: a plan may be both in a snapshot and in the changelog that was begun before it. */
  readonly planned = new Map<number, PlannedBatch>();
  last: Omit<SavedRecord, 'kind' | 'changes' | 'dropped'> | undefined;

  apply(record: CheckpointRecord): void {
    if (record.kind === 'planned') {
      const { kind: _, ...planned } = record;
      this.planned.set(planned.time, planned);
    } else if (record.kind === 'saved') {
      const { kind: _, changes, dropped = [], ...last } = record;
      this.last = last;
      for (const time of this.planned.keys()) if (time <= last.time) this.planned.delete(time);
      for (const id of dropped) this.#operators.delete(id);
      for (const change of changes) this.#change(deserialize(change));
    }
  }

  restored(): RestoredCheckpoint | undefined {
    return restoredCheckpoint(this.last, [...this.planned.values()], {
      stateIds: [...this.#operators.keys()],
      state: (id) => this.#restoredState(id),
    });
  }

  #restoredState(id: string): RestoredState | undefined {
    const state = this.#operators.get(id);
    if (!state) return undefined;
    const { operator, signature, version } = state;
    return {
      operator,
      signature,
      version,
      entries() {
        const { entries } = state;
        // From now on the operator owns it.
        state.entries = new KeyTable();
        return entries;
      },
    };
  }

  #change({ id, operator, signature, version, set, deleted }: StateChange): void {
    const entries = this.#operators.get(id)?.entries ?? new KeyTable<Key, unknown>();
    for (const [key, state] of set) entries.set(key, state);
    for (const key of deleted) entries.delete(key);
    this.#operators.set(id, { operator, signature, version, entries });
  }
}
