import { CorruptCheckpointError } from '../../batch/errors.js';
import type { Key } from '../../batch/key.js';
import { keyFromBytes } from '../../storage/keyBytes.js';
import type { LockOwner } from '../../storage/lockOwner.js';
import { stateFromBytes } from '../../storage/stateBytes.js';
import type { PlannedBatch, RestoredCheckpoint, RestoredState } from '../checkpoint.js';
import type { Salvage } from '../damage.js';
import { restoredCheckpoint } from '../restoredCheckpoint.js';
import { salvagedCheckpoint } from '../salvagedCheckpoint.js';
import { withSalvageHint } from '../salvageHint.js';
import type { Changelog, ChangelogPosition, ChangelogRecord, UnreadRecords } from './changelog.js';
import {
  type ChangelogEntry,
  changelogFormat,
  entryIdEnd,
  entryRecord,
  idStart,
  ownerRecord,
  type Progress,
  plannedRecord,
  progressRecord,
  readChangelogRecord,
  type StateDescription,
  stateRecord,
  stateStart,
} from './changelogEntry.js';
import type { CopyKeeper } from './copyKeeper.js';
import { LastText } from './lastText.js';
import type { VisitSlice } from './localCopy.js';
import { type DecodedEntries, StateEntries } from './stateEntries.js';

/** Kafka drops tombstones a day after they were compacted (`delete.retention.ms`): a reader that was away for longer would miss some. */
const maxPauseMs = 3_600_000;

/** What records that cannot be read may have been. */
const olderValues = 'a key may have an older value, or come without it';

/** What a changelog holds, as of the offset up to which it was read. */
export class ChangelogImage {
  readonly #changelog: Changelog<unknown>;
  readonly #planned = new Map<number, PlannedBatch>();
  readonly #descriptions = new Map<string, StateDescription>();
  /** By id. */
  readonly #entries = new Map<string, StateEntries>();
  readonly #ids = new LastText();
  /** By id, once nothing more is read. */
  readonly #decoded = new Map<string, DecodedEntries>();
  #progress: Progress | undefined;
  #owner: LockOwner | undefined;
  #position: ChangelogPosition = { offset: 0 };
  readonly #now: () => number;
  readonly #copy: CopyKeeper | undefined;
  #isLoaded = false;
  #readAt: number;

  readonly #salvage: Salvage | undefined;
  /** A plan may be among what cannot be read. */
  #isPlanLost = false;

  /**
   * `now` is the clock for pauses between two readings: the wall clock, since others stop while a machine sleeps. With `salvage` what
   * cannot be read is passed over.
   */
  constructor(changelog: Changelog<unknown>, now = Date.now, copy?: CopyKeeper, salvage?: Salvage) {
    this.#changelog = changelog;
    this.#now = now;
    this.#copy = copy;
    this.#salvage = salvage;
    this.#readAt = now();
  }

  /** Who has opened it and not closed it. Everything that it appends is a sign of life. */
  get owner(): LockOwner | undefined {
    return this.#owner && { ...this.#owner, beat: String(this.#position.offset) };
  }

  /**
   * Fails soon after `signal` is aborted.
   *
   * @throws {CorruptCheckpointError} when a record cannot be read
   */
  async catchUp(signal?: AbortSignal): Promise<void> {
    if (Math.abs(this.#now() - this.#readAt) > maxPauseMs) this.#forget();
    const now = this.#now();
    this.#readAt = now;
    if (this.#copy && !this.#isLoaded) {
      this.#isLoaded = true;
      this.#position = await this.#copy.load(this.#takeSlice, () => this.#clear());
    }
    const visit = (record: ChangelogRecord) => {
      if (!this.#takeEntry(record)) this.#take(record);
      this.#copy?.read(record);
    };
    const salvage = this.#salvage;
    const passed = salvage && ((records: UnreadRecords) => this.#passed(records, salvage));
    this.#position = await this.#changelog.read(this.#position, visit, undefined, passed, signal);
    this.#copy?.readTo(this.#position, now);
  }

  /** What it holds is complete: nobody else appends any more. */
  own(): void {
    this.#copy?.own(this.#records());
  }

  /** A record for each thing that is there, as of now, whenever they are iterated. */
  #records(): Iterable<ChangelogRecord> {
    const [owner, progress] = [this.#owner, this.#progress];
    const [planned, descriptions, entries] = [[...this.#planned], [...this.#descriptions], [...this.#entries]];
    return (function* () {
      if (owner) yield ownerRecord(owner);
      if (progress) yield progressRecord(progress);
      for (const [time, batch] of planned) yield plannedRecord(time, batch);
      for (const [id, description] of descriptions) yield stateRecord(id, description);
      // They are handed over as they are, and do not change.
      for (const [id, all] of entries) for (const { key, ...value } of all.written()) yield entryRecord(id, key, value);
    })();
  }

  get restored(): RestoredCheckpoint | undefined {
    // A later plan that is used without an earlier one would pass its records over.
    const planned = this.#isPlanLost ? [] : [...this.#planned.values()].sort((a, b) => a.time - b.time);
    if (this.#salvage) this.#tellNameless(this.#salvage);
    return (this.#salvage ? salvagedCheckpoint : restoredCheckpoint)(this.#progress, planned, {
      stateIds: [...this.#descriptions.keys()].sort(),
      state: (id) => this.#state(id),
    });
  }

  /** What was read is to be used: nothing is read any more. Long states are bytes until they are first asked for. */
  async decode(): Promise<void> {
    for (const [id, entries] of this.#entries) {
      this.#entries.delete(id);
      this.#decoded.set(id, await entries.decode((failure) => this.#unreadable(id, failure)));
    }
  }

  /** By id, what was decoded: what is needed to go on writing. */
  get decoded(): ReadonlyMap<string, DecodedEntries> {
    return this.#decoded;
  }

  get plannedTimes(): readonly number[] {
    return [...this.#planned.keys()];
  }

  get descriptions(): ReadonlyMap<string, StateDescription> {
    return this.#descriptions;
  }

  #forget(): void {
    this.#clear();
    this.#isLoaded = false;
  }

  #clear(): void {
    this.#planned.clear();
    this.#descriptions.clear();
    this.#entries.clear();
    this.#progress = undefined;
    this.#owner = undefined;
    this.#position = { offset: 0 };
  }

  #take(record: ChangelogRecord): void {
    const entry = this.#salvage ? this.#salvaged(record, this.#salvage) : this.#read(record);
    switch (entry?.kind) {
      case 'owner':
        this.#owner = entry.value;
        break;
      case 'progress':
        this.#progress = entry.value;
        if (entry.value && entry.value.format !== changelogFormat) {
          throw this.#corrupt(`it has format ${entry.value.format}, and only format ${changelogFormat} can be read`);
        }
        break;
      case 'planned':
        set(this.#planned, entry.time, entry.value);
        break;
      case 'state':
        set(this.#descriptions, entry.id, entry.value);
        break;
      case 'entry': {
        const { id, key, value } = entry;
        const entries = this.#entriesOf(id);
        if (value) entries.set(key, 0, value.number, value.state, 0);
        else entries.delete(key, 0);
      }
    }
  }

  /** Takes the record of an entry in place, as nearly all are; whether it was one, and whole. */
  #takeEntry({ key, value }: ChangelogRecord): boolean {
    const idEnd = key.length > idStart ? entryIdEnd(key, 0) : -1;
    if (this.#salvage || idEnd < 0 || idEnd > key.length || (value && value.length < stateStart)) return false;
    const entries = this.#entriesOf(this.#ids.textOf(key, idStart, idEnd));
    if (value) entries.set(key, idEnd, value.readUIntBE(0, stateStart), value, stateStart);
    else entries.delete(key, idEnd);
    return true;
  }

  /** A record of the copy: what is kept of it is copied. */
  readonly #takeSlice: VisitSlice = (key, keyStart, keyEnd, value, valueStart, valueEnd) => {
    const idEnd = entryIdEnd(key, keyStart);
    if (idEnd < 0 || valueEnd - valueStart < stateStart) {
      const copy = (bytes: Buffer, start: number, end: number) => Buffer.from(bytes.subarray(start, end));
      this.#take({ key: copy(key, keyStart, keyEnd), value: copy(value, valueStart, valueEnd) });
      return;
    }
    const number = value.readUIntBE(valueStart, stateStart);
    const entries = this.#entriesOf(this.#ids.textOf(key, keyStart + idStart, idEnd));
    entries.add(key, idEnd, keyEnd, number, value, valueStart + stateStart, valueEnd);
  };

  #read(record: ChangelogRecord): ChangelogEntry {
    try {
      return readChangelogRecord(record);
    } catch (cause) {
      throw this.#corrupt(`a record cannot be read: ${(cause as Error).message}`);
    }
  }

  /** What was there under its key before is not what it says now. */
  #salvaged(record: ChangelogRecord, salvage: Salvage): ChangelogEntry | undefined {
    try {
      return this.#read(record);
    } catch (error) {
      const { reason } = error as CorruptCheckpointError;
      const without = attempt(() => readChangelogRecord({ key: record.key, value: null }));
      // One without a key that can be read may have been either.
      if (!without || without.kind === 'planned' || without.kind === 'progress') this.#isPlanLost = true;
      const named = without && 'id' in without ? { state: without.id } : {};
      const key = without?.kind === 'entry' ? attempt(() => ({ key: keyFromBytes(without.key) })) : {};
      const rule = without ? '' : `; nor what it was of: ${olderValues}`;
      salvage.damaged({ place: this.#changelog.location, ...named, ...key, reason: `${reason}${rule}` });
      return without;
    }
  }

  /** Any entry, plan or progress may have been among them. */
  #passed({ from: offset, until, reason }: UnreadRecords, { damaged }: Salvage): void {
    this.#isPlanLost = true;
    const place = this.#changelog.location;
    damaged({ place, offset, until, reason: `${reason}; ${olderValues}` });
  }

  /** Entries of a state of which it cannot be read what it is. */
  #tellNameless({ damaged }: Salvage): void {
    const place = this.#changelog.location;
    if (!this.#progress && this.#descriptions.size > 0) {
      damaged({ place, reason: 'its progress is lost: the states come without it' });
    }
    for (const [state, { size }] of this.#entries) {
      if (size === 0 || this.#descriptions.has(state)) continue;
      damaged({ place, state, reason: `what the state is cannot be read: it is left out with its ${size} keys` });
    }
  }

  #corrupt(reason: string) {
    const error = new CorruptCheckpointError(this.#changelog.location, this.#position.offset, reason);
    return this.#salvage ? error : withSalvageHint(error, this.#changelog);
  }

  #entriesOf(id: string): StateEntries {
    const known = this.#entries.get(id) ?? new StateEntries();
    this.#entries.set(id, known);
    return known;
  }

  #state(id: string): RestoredState | undefined {
    const description = this.#descriptions.get(id);
    const salvage = this.#salvage;
    return (
      description && {
        ...description,
        entries: () => (salvage ? this.#wholeEntries(id, salvage) : this.#entriesInOrder(id)),
      }
    );
  }

  /** Those that can be read. A number may be damaged, and be that of another. */
  *#wholeEntries(id: string, { damaged }: Salvage): Iterable<readonly [Key, unknown]> {
    const entries = [...this.#entriesOf(id).written()].sort((a, b) => a.number - b.number);
    for (const entry of entries) {
      const known = attempt(() => ({ key: keyFromBytes(entry.key) }));
      try {
        yield [keyFromBytes(entry.key), stateFromBytes(entry.state, entry.state.length)];
      } catch (error) {
        const reason = `an entry cannot be read: ${(error as Error).message}`;
        damaged({ place: this.#changelog.location, state: id, ...known, reason });
      }
    }
  }

  /** Oldest first. Read once: the operator owns them afterwards. */
  #entriesInOrder(id: string): Iterable<readonly [Key, unknown]> {
    const decoded = this.#decoded.get(id);
    if (!decoded) return [];
    const { states, failure } = decoded;
    if (failure) throw this.#unreadable(id, failure);
    return states;
  }

  #unreadable(id: string, { message }: Error) {
    return this.#corrupt(`an entry of state ${JSON.stringify(id)} cannot be read: ${message}`);
  }
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function set<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
