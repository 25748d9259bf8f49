import { deserialize } from 'node:v8';
import type { Key } from '../../batch/key.js';
import type { PlannedBatch, Positions, RestoredCheckpoint, RestoredState, StateChange } from '../checkpoint.js';
import { KeyTable } from '../keyTable.js';

/** Where a log goes on: what counted when it was begun. Always its first record. */
export interface BeginRecord {
  readonly kind: 'begin';
  /** Number of the newest snapshot; 0 when there was none. */
  readonly snapshot: number;
  /** The logs before it, oldest first, and where each ended. */
  readonly logs: readonly (readonly [number: number, end: number])[];
}

export interface PlannedRecord extends PlannedBatch {
  readonly kind: 'planned';
}

/** A complete batch. A snapshot has it too: first without changes, then once more for each slice of a state. */
export interface SavedRecord {
  readonly kind: 'saved';
  readonly time: number;
  readonly zeroTime: number;
  readonly interval: number;
  readonly positions: Readonly<Record<string, Positions>>;
  /** Each a `StateChange`, serialized by itself when it was cut off. */
  readonly changes: readonly Uint8Array[];
}

/** The last record of a snapshot: without it the file is not whole. */
interface EndRecord {
  readonly kind: 'end';
}

export type CheckpointRecord = BeginRecord | PlannedRecord | SavedRecord | EndRecord;

export function readRecord(payload: Uint8Array): CheckpointRecord {
  return deserialize(payload);
}

interface OperatorState extends Pick<StateChange, 'operator' | 'signature' | 'version'> {
  entries: KeyTable<Key, unknown>;
}

/** What the records of a checkpoint add up to. */
export class RecoveredState {
  readonly #operators = new Map<string, OperatorState>();
  /** By time: a plan may stand in a snapshot and in the log that was begun before it. */
  readonly planned = new Map<number, PlannedBatch>();
  last: Omit<SavedRecord, 'kind' | 'changes'> | undefined;

  apply(record: CheckpointRecord): void {
    if (record.kind === 'planned') {
      const { kind: _, ...planned } = record;
      this.planned.set(planned.time, planned);
    } else if (record.kind === 'saved') {
      const { kind: _, changes, ...last } = record;
      this.last = last;
      for (const time of this.planned.keys()) if (time <= last.time) this.planned.delete(time);
      for (const change of changes) this.#change(deserialize(change));
    }
  }

  restored(): RestoredCheckpoint | undefined {
    const planned = [...this.planned.values()];
    const begin = this.last ?? planned[0];
    if (!begin) return undefined;
    const { zeroTime, interval } = begin;
    return {
      zeroTime,
      interval,
      time: this.last?.time ?? begin.time - interval,
      positions: this.last?.positions ?? {},
      planned,
      stateIds: [...this.#operators.keys()],
      state: (id) => this.#restoredState(id),
    };
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
        // From now on the operator has it.
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
