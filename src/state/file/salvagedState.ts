import { deserialize } from 'node:v8';
import type { Key } from '../../batch/key.js';
import type { PlannedBatch, RestoredCheckpoint, StateChange } from '../checkpoint.js';
import type { Damage } from '../damage.js';
import { KeyTable } from '../keyTable.js';
import { salvagedCheckpoint } from '../salvagedCheckpoint.js';
import type { CheckpointRecord, SavedRecord } from './checkpointRecord.js';

interface SalvagedEntry {
  readonly state: unknown;
  /** How many gaps came before it. */
  readonly gaps: number;
}

interface SalvagedOperator extends Pick<StateChange, 'operator' | 'signature' | 'version'> {
  readonly entries: KeyTable<Key, SalvagedEntry>;
}

/** What the records of a damaged checkpoint add up to, and what of that is certain. */
export class SalvagedState {
  readonly #operators = new Map<string, SalvagedOperator>();
  readonly #planned = new Map<number, PlannedBatch>();
  #last: Omit<SavedRecord, 'kind' | 'changes' | 'dropped'> | undefined;
  #gaps = 0;
  #lost = false;

  /** Time of the last saved batch. */
  get time(): number | undefined {
    return this.#last?.time;
  }

  /** Whether any batch is known, saved or planned. */
  get isEmpty(): boolean {
    return this.#last === undefined && this.#operators.size === 0;
  }

  /**
   * A record of a snapshot, or of a changelog.
   *
   * @throws {Error} when it cannot be read; nothing has changed then
   */
  apply(record: CheckpointRecord): void {
    if (record.kind === 'planned') {
      const { kind: _, ...planned } = record;
      this.#planned.set(planned.time, planned);
    } else if (record.kind === 'saved') {
      const { kind: _, changes, dropped = [], ...last } = record;
      const decoded = changes.map((change): StateChange => deserialize(change));
      this.#last = last;
      for (const time of this.#planned.keys()) if (time <= last.time) this.#planned.delete(time);
      for (const id of dropped) this.#operators.delete(id);
      for (const change of decoded) this.#change(change);
    }
  }

  /** Records are missing that set keys which no other record sets before: nothing else depends on them. */
  lose(): void {
    this.#lost = true;
  }

  /** Records are missing behind those that were applied: what was set before may be old. */
  gap(): void {
    this.#lost = true;
    this.#gaps++;
  }

  /** The keys whose value is unknown are left out. */
  restored(location: string, damaged: (damage: Damage) => void): RestoredCheckpoint | undefined {
    for (const [state, { entries }] of this.#operators) {
      for (const key of this.#uncertain(entries)) {
        entries.delete(key);
        damaged({ place: location, state, key, reason: 'its value is unknown: a lost record may have changed it' });
      }
    }
    // A plan may be among what is lost: a later one that is used without it would pass its records over.
    const planned = this.#lost ? [] : [...this.#planned.values()];
    return salvagedCheckpoint(this.#last, planned, {
      stateIds: [...this.#operators.keys()],
      state: (id) => {
        const found = this.#operators.get(id);
        if (!found) return undefined;
        const { operator, signature, version, entries } = found;
        return { operator, signature, version, entries: () => valuesOf(entries) };
      },
    });
  }

  #uncertain(entries: KeyTable<Key, SalvagedEntry>): readonly Key[] {
    const keys: Key[] = [];
    for (const [key, { gaps }] of entries.entries()) if (gaps < this.#gaps) keys.push(key);
    return keys;
  }

  #change({ id, operator, signature, version, set, deleted }: StateChange): void {
    const entries = this.#operators.get(id)?.entries ?? new KeyTable<Key, SalvagedEntry>();
    for (const [key, state] of set) entries.set(key, { state, gaps: this.#gaps });
    for (const key of deleted) entries.delete(key);
    this.#operators.set(id, { operator, signature, version, entries });
  }
}

function* valuesOf(entries: KeyTable<Key, SalvagedEntry>): Iterable<readonly [Key, unknown]> {
  for (const [key, { state }] of entries.entries()) yield [key, state];
}
