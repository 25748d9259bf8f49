import { defer, from, type ObservableInput } from 'rxjs';
import { CheckpointError, DStreamError } from '../../batch/errors.js';
import { type EncodedChange, encodeChange } from '../../storage/keyedChange.js';
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
import type { Changelog, ChangelogRecord } from './changelog.js';
import { entryRecord, plannedRecord, progressRecord, stateRecord } from './changelogEntry.js';
import type { ChangelogImage } from './changelogImage.js';
import type { ChangelogLease } from './changelogLease.js';
import type { ChangelogWriter } from './changelogWriter.js';
import type { CopyKeeper } from './copyKeeper.js';
import type { Numbered } from './decodedEntries.js';

/** What is being written when it is closed is waited for no longer than this, in ms. */
const closeTimeoutMs = 5_000;

/** What is known of a state that is written. */
interface WrittenState {
  /** The description that was written last, as text. */
  description: string;
  /** The number of each entry by the bytes of its key as text: an entry that changes keeps its number. */
  readonly numbers: Map<string, Numbered>;
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
    for (const [id, numbers] of image.numbers) {
      this.#states.set(id, { description: JSON.stringify(image.descriptions.get(id)), numbers });
      for (const { number } of numbers.values()) this.#lastNumber = Math.max(this.#lastNumber, number);
    }
    this.restored = image.restored;
  }

  encode(change: StateChange): EncodedChange<StateChange> {
    return encodeChange(change, stateToBytes);
  }

  plan(batch: PlannedBatch): ObservableInput<unknown> {
    return defer(() => {
      this.#planned.add(batch.time);
      return from(this.#append(`plan the batch of time ${batch.time}`, [plannedRecord(batch.time, batch)]));
    });
  }

  save(batch: SavedBatch): ObservableInput<unknown> {
    return defer(() => {
      const others = this.#others.get(batch.time);
      this.#others.delete(batch.time);
      return from(this.#append(`save the batch of time ${batch.time}`, [...this.#recordsOf(batch)], others));
    });
  }

  close(): ObservableInput<unknown> {
    return defer(() => {
      this.#others.clear();
      const settled = within(closeTimeoutMs, this.#writer.settled, { ref: false });
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
    for (const change of changes as readonly EncodedChange<StateChange>[]) yield* this.#change(change);
    yield progressRecord(progress);
  }

  *#drop(id: string): Iterable<ChangelogRecord> {
    for (const key of this.#states.get(id)?.numbers.keys() ?? []) yield entryRecord(id, Buffer.from(key, 'latin1'));
    this.#states.delete(id);
    yield stateRecord(id);
  }

  *#change({ id, operator, signature, version, set, deleted }: EncodedChange<StateChange>): Iterable<ChangelogRecord> {
    const state = this.#states.get(id) ?? { description: '', numbers: new Map<string, Numbered>() };
    this.#states.set(id, state);
    const description = { operator, signature, version };
    const text = JSON.stringify(description);
    if (text !== state.description) {
      state.description = text;
      yield stateRecord(id, description);
    }
    for (const [key, value] of set) {
      const name = key.toString('latin1');
      let numbered = state.numbers.get(name);
      if (!numbered) {
        numbered = { number: ++this.#lastNumber };
        state.numbers.set(name, numbered);
      }
      yield entryRecord(id, key, { number: numbered.number, state: value });
    }
    for (const key of deleted) if (state.numbers.delete(key.toString('latin1'))) yield entryRecord(id, key);
  }
}
