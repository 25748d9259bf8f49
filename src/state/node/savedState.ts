import { deserialize, serialize } from 'node:v8';
import type { Key } from '../../batch/key.js';
import type { PlannedBatch, Positions, RestoredCheckpoint, RestoredState, StateChange } from '../checkpoint.js';

/** A change with its values encoded, as the changelog has it. */
export interface EncodedChange {
  readonly id: string;
  readonly operator: string;
  readonly signature: string;
  readonly version: number;
  readonly set: readonly (readonly [key: Key, state: Uint8Array])[];
  readonly deleted: readonly Key[];
}

export interface SavedRecord {
  readonly kind: 'saved';
  readonly time: number;
  readonly zeroTime: number;
  readonly interval: number;
  readonly positions: Readonly<Record<string, Positions>>;
  readonly changes: readonly EncodedChange[];
}

export interface PlannedRecord extends PlannedBatch {
  readonly kind: 'planned';
}

interface OperatorState {
  readonly operator: string;
  readonly signature: string;
  readonly version: number;
  readonly entries: Map<Key, Uint8Array>;
}

export function encodeChange({ set, ...change }: StateChange): EncodedChange {
  return { ...change, set: set.map(([key, state]) => [key, serialize(state)] as const) };
}

/** Everything that is saved, values still encoded: what a snapshot is made of, and what records are applied to. */
export class SavedState {
  readonly #operators = new Map<string, OperatorState>();
  #last: Omit<SavedRecord, 'kind' | 'changes'> | undefined;
  /** By time: a plan may stand in a snapshot and in the changelog that was begun before it. */
  readonly #planned = new Map<number, PlannedBatch>();

  apply(record: SavedRecord | PlannedRecord): void {
    if (record.kind === 'planned') {
      const { kind: _, ...planned } = record;
      this.#planned.set(planned.time, planned);
      return;
    }
    const { kind: _, changes, ...last } = record;
    this.#last = last;
    for (const time of this.#planned.keys()) if (time <= last.time) this.#planned.delete(time);
    for (const change of changes) this.#change(change);
  }

  /**
   * The same as records. Values may change while it is being read: what is read then is in a later record too, which is
   * applied afterwards and says the last word.
   */
  *records(): IterableIterator<SavedRecord | PlannedRecord> {
    if (this.#last) yield { kind: 'saved', ...this.#last, changes: [] };
    for (const planned of [...this.#planned.values()]) yield { kind: 'planned', ...planned };
    const last = this.#last;
    if (!last) return;
    for (const [id, { entries, ...description }] of this.#operators) {
      const change = { id, ...description, deleted: [] };
      yield { kind: 'saved', ...last, changes: [{ ...change, set: [] }] };
      for (const set of slices(entries, 500)) yield { kind: 'saved', ...last, changes: [{ ...change, set }] };
    }
  }

  restored(): RestoredCheckpoint | undefined {
    const planned = [...this.#planned.values()];
    const begin = this.#last ?? planned[0];
    if (!begin) return undefined;
    const { zeroTime, interval } = begin;
    return {
      zeroTime,
      interval,
      time: this.#last?.time ?? begin.time - interval,
      positions: this.#last?.positions ?? {},
      planned,
      stateIds: [...this.#operators.keys()],
      state: (id) => this.#restoredState(id),
    };
  }

  #restoredState(id: string): RestoredState | undefined {
    const state = this.#operators.get(id);
    if (!state) return undefined;
    const { entries, ...description } = state;
    return {
      ...description,
      *entries() {
        for (const [key, value] of entries) yield [key, deserialize(value)] as const;
      },
    };
  }

  #change({ id, operator, signature, version, set, deleted }: EncodedChange): void {
    const entries = this.#operators.get(id)?.entries ?? new Map<Key, Uint8Array>();
    for (const [key, state] of set) entries.set(key, state);
    for (const key of deleted) entries.delete(key);
    this.#operators.set(id, { operator, signature, version, entries });
  }
}

function* slices<K, V>(entries: ReadonlyMap<K, V>, size: number): IterableIterator<readonly (readonly [K, V])[]> {
  let slice: (readonly [K, V])[] = [];
  for (const entry of entries) {
    slice.push(entry);
    if (slice.length < size) continue;
    yield slice;
    slice = [];
  }
  if (slice.length > 0) yield slice;
}
