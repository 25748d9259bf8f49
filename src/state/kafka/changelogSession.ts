import { defer, from, type ObservableInput } from 'rxjs';
import { CheckpointError, DStreamError } from '../../batch/errors.js';
import type { Key } from '../../batch/key.js';
import { keyToBytes } from '../../storage/keyBytes.js';
import { stateToBytes } from '../../storage/stateBytes.js';
import { within } from '../../storage/within.js';
import type {
  CheckpointSession,
  CheckpointUsage,
  PlannedBatch,
  RestoredCheckpoint,
  SavedBatch,
  StateChange,
} from '../checkpoint.js';
import { KeyTable } from '../keyTable.js';
import type { Changelog, ChangelogRecord } from './changelog.js';
import { entryRecord, plannedRecord, progressRecord, stateRecord } from './changelogEntry.js';
import type { ChangelogImage } from './changelogImage.js';
import type { ChangelogLease } from './changelogLease.js';
import type { ChangelogWriter } from './changelogWriter.js';
import type { CopyKeeper } from './copyKeeper.js';

/** What is being written when it is closed is waited for no longer than this, in ms. */
const closeTimeoutMs = 5_000;

/** What is known of a state that is written. */
interface WrittenState {
  /** The description that was written last, as text. */
  description: string;
  /** The number of each entry: one that changes keeps it. */
  readonly numbers: KeyTable<Key, number>;
  /** The bytes of keys that could not be read, as text. */
  readonly unreadable: readonly string[];
}

/** What a batch changed in a state, with the states as bytes. */
interface WrittenChange extends Omit<StateChange, 'set'> {
  readonly set: readonly (readonly [key: Key, state: Buffer])[];
}

/** An opened changelog. `M` is what else can be written with a batch. */
export class ChangelogSession<M> implements CheckpointSession {
  readonly restored: RestoredCheckpoint | undefined;
  readonly #changelog: Changelog<M>;
  readonly #writer: ChangelogWriter<M>;
  readonly #lease: ChangelogLease<M>;
  readonly #copy: CopyKeeper | undefined;
  readonly #states = new Map<string, WrittenState>();
  readonly #planned: Set<number>;
  /** What goes with a batch, by its time. */
  readonly #others = new Map<number, M[]>();
  #lastNumber = 0;
  /** While the numbers of what was restored are not all there: batches are saved when they are. */
  #numbering: Promise<void> | undefined;
  #isClosed = false;

  constructor(
    changelog: Changelog<M>,
    image: ChangelogImage,
    writer: ChangelogWriter<M>,
    lease: ChangelogLease<M>,
    copy?: CopyKeeper,
  ) {
    this.#changelog = changelog;
    this.#writer = writer;
    this.#lease = lease;
    this.#copy = copy;
    this.#planned = new Set(image.plannedTimes);
    this.#numbering = this.#number(image).finally(() => {
      this.#numbering = undefined;
    });
    this.restored = image.restored;
  }

  async #number({ decoded, descriptions }: ChangelogImage): Promise<void> {
    for (const [id, { last, ...entries }] of decoded) {
      this.#lastNumber = Math.max(this.#lastNumber, last);
      const { unreadable } = entries;
      const description = JSON.stringify(descriptions.get(id));
      this.#states.set(id, { description, numbers: await entries.numbers, unreadable });
    }
  }

  encode(change: StateChange): WrittenChange {
    return { ...change, set: change.set.map(([key, state]) => [key, stateToBytes(state)] as const) };
  }

  plan(batch: PlannedBatch): ObservableInput<unknown> {
    return defer(() => {
      this.#planned.add(batch.time);
      return from(this.#append(`plan the batch of time ${batch.time}`, [plannedRecord(batch.time, batch)]));
    });
  }

  save(batch: SavedBatch): ObservableInput<unknown> {
    return defer(() => this.#numbering?.then(() => this.#save(batch)) ?? this.#save(batch));
  }

  async #save(batch: SavedBatch): Promise<void> {
    const action = `save the batch of time ${batch.time}`;
    if (this.#isClosed)
      throw new CheckpointError(this.#changelog.location, action, { cause: new Error('it is closed') });
    const others = this.#others.get(batch.time);
    this.#others.delete(batch.time);
    await this.#append(action, [...this.#recordsOf(batch)], others);
  }

  close(): ObservableInput<unknown> {
    return defer(() => {
      this.#others.clear();
      // A batch that waits for the numbers is written then.
      const written = this.#numbering?.then(() => this.#writer.settled) ?? this.#writer.settled;
      const settled = within(closeTimeoutMs, written, { ref: false });
      return from(this.#lease.release(settled).then(() => this.#close()));
    });
  }

  usage(): CheckpointUsage {
    return { bytes: this.#copy?.bytes };
  }

  /** Writes this in the transaction that saves the batch of this time. */
  with(time: number, other: M): void {
    const others = this.#others.get(time);
    if (others) others.push(other);
    else this.#others.set(time, [other]);
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#changelog.close(), this.#copy?.close()]);
  }

  async #append(action: string, records: readonly ChangelogRecord[], others?: readonly M[]): Promise<void> {
    try {
      await this.#writer.append(records, others);
    } catch (cause) {
      if (cause instanceof DStreamError) throw cause;
      throw new CheckpointError(this.#changelog.location, action, { cause });
    }
  }

  *#recordsOf({ changes, dropped = [], ...progress }: SavedBatch): Iterable<ChangelogRecord> {
    for (const time of this.#planned) {
      if (time > progress.time) continue;
      this.#planned.delete(time);
      yield plannedRecord(time);
    }
    for (const id of dropped) yield* this.#drop(id);
    for (const change of changes as readonly WrittenChange[]) yield* this.#change(change);
    yield progressRecord(progress);
  }

  *#drop(id: string): Iterable<ChangelogRecord> {
    const { numbers = [], unreadable = [] } = this.#states.get(id) ?? {};
    for (const [key] of numbers) yield entryRecord(id, keyToBytes(key));
    for (const key of unreadable) yield entryRecord(id, Buffer.from(key, 'latin1'));
    this.#states.delete(id);
    yield stateRecord(id);
  }

  *#change({ id, operator, signature, version, set, deleted }: WrittenChange): Iterable<ChangelogRecord> {
    const state = this.#states.get(id) ?? { description: '', numbers: new KeyTable<Key, number>(), unreadable: [] };
    this.#states.set(id, state);
    const { numbers } = state;
    const description = { operator, signature, version };
    const text = JSON.stringify(description);
    if (text !== state.description) {
      state.description = text;
      yield stateRecord(id, description);
    }
    numbers.prepare(set.map(([key]) => key));
    for (const [key, value] of set) {
      const number = numbers.get(key) ?? ++this.#lastNumber;
      numbers.set(key, number);
      yield entryRecord(id, keyToBytes(key), { number, state: value });
    }
    numbers.prepare([]);
    for (const key of deleted) if (numbers.delete(key)) yield entryRecord(id, keyToBytes(key));
  }
}
