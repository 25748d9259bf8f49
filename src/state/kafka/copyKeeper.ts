import { messageOf } from '../../batch/errors/messageOf.js';
import { CorruptCheckpointError, FencedError } from '../../batch/errors.js';
import { failpoint } from '../../storage/failpoint.js';
import { within } from '../../storage/within.js';
import { type Changelog, type ChangelogPosition, type ChangelogRecord, recordOf } from './changelog.js';
import { beginning, flawOf, knownTombstonesMs, lackOf } from './copyFlaw.js';
import type { CopyMark, LocalCopies, LocalCopy, VisitSlice } from './localCopy.js';
import { ownCopy } from './ownedCopies.js';
import { warnOfCopy } from './warnOfCopy.js';

/** Records of one transaction of the copy. */
const recordsPerWrite = 10_000;
/** As many may wait before those that a newer one replaces are left out. */
const minWaiting = 50_000;
const askLeaderEveryMs = 60_000;
/** What is being written when it is closed is waited for no longer than this, in ms. */
const closeTimeoutMs = 5_000;

/**
 * Keeps a copy of a changelog on this machine, so that a restart reads only what came after it. Records come into it after they were
 * committed in Kafka, with the offset up to which it is complete in the same local transaction: it is never ahead, and what a crash leaves
 * is what it says it is. The copy is a help and no more: whatever happens to it is reported as a warning, and the job goes on without.
 *
 * A copy is used when it is of this log, neither before its beginning nor beyond its end, and so young that no tombstone which came after it
 * can be gone: otherwise a key that was deleted meanwhile would come back.
 */
export class CopyKeeper {
  readonly #changelog: Changelog<unknown>;
  readonly #copies: LocalCopies;
  readonly #now: () => number;
  #copy: LocalCopy | undefined;
  #isGivenUp = false;
  /** The mark of the copy that was read; `undefined`: a new one is to be written. */
  #base: CopyMark | undefined;
  #log: string | undefined;
  #tombstonesMs: number | undefined;
  /** Committed, and not in the copy yet: newer ones last. */
  #waiting: ChangelogRecord[] = [];
  #maxWaiting = minWaiting;
  /** As of when the copy is with them. */
  #mark: CopyMark | undefined;
  /** When it was asked for the leader of the log last, on the wall clock. */
  #leaderAskedAt: number;
  readonly #disown: () => void;
  readonly #release: () => Promise<void>;
  #isOwner = false;
  #isClosed = false;
  #writing: Promise<void> | undefined;

  /** `now` is the wall clock: a copy is older than the process. */
  constructor(changelog: Changelog<unknown>, copies: LocalCopies, now = Date.now) {
    this.#changelog = changelog;
    this.#copies = copies;
    this.#now = now;
    this.#leaderAskedAt = now();
    this.#disown = ownCopy(copies.location);
    this.#release = copies.hold();
  }

  /** Bytes on disk, while there is a copy. */
  get bytes(): number | undefined {
    return this.#copy?.bytes;
  }

  /**
   * Visits what is in the copy, and returns the position from which the log is to be read: the beginning where the copy cannot be used.
   * `forget` is called when what was visited must not be used.
   */
  async load(visit: VisitSlice, forget: () => void): Promise<ChangelogPosition> {
    this.#base = undefined;
    this.#waiting = [];
    if (this.#isGivenUp) return beginning;
    let mark: CopyMark | undefined;
    try {
      this.#copy ??= await this.#copies.open({ toRead: true });
      mark = this.#copy.mark();
    } catch (error) {
      await this.#failed(error);
    }
    const state = await this.#changelog.describe(mark);
    this.#log = state.id;
    this.#tombstonesMs = knownTombstonesMs(mark, state);
    const lacks = lackOf(state);
    if (lacks !== undefined) {
      await this.#giveUp(lacks);
      return beginning;
    }
    const flaw = mark && flawOf(mark, state, this.#now());
    if (flaw !== undefined) this.#warn('is rebuilt', flaw);
    if (!mark || flaw !== undefined) return beginning;
    try {
      await this.#copy?.read(visit);
    } catch (error) {
      forget();
      await this.#failed(error);
      return beginning;
    }
    this.#base = mark;
    return mark;
  }

  async #failed(error: unknown): Promise<void> {
    if (error instanceof CorruptCheckpointError || this.#copy) {
      this.#warn('is rebuilt', messageOf(error));
      await this.#closeCopy();
    } else await this.#giveUp(messageOf(error));
  }

  /** A record of the log was read that comes after the copy. */
  read(record: ChangelogRecord): void {
    if (this.#base) this.#push([recordOf(record)]);
  }

  /** The log was read up to this position, which was its end then or later. */
  readTo(position: ChangelogPosition, at: number): void {
    if (this.#log !== undefined) {
      this.#mark = { log: this.#log, ...position, at, tombstonesMs: this.#tombstonesMs };
    }
  }

  /**
   * The changelog is this stream's, and was read to its end: what it holds is `all`, which is read in the background where there is no
   * copy that only lacks what came after it.
   */
  own(all: Iterable<ChangelogRecord>): void {
    if (this.#isGivenUp || !this.#mark) return;
    this.#isOwner = true;
    if (!this.#base) this.#waiting = [];
    this.#writing = this.#begin(all, this.#mark).then(
      () => this.#writeWaiting(),
      (error: unknown) => this.#giveUp(messageOf(error)),
    );
  }

  /** The owner has committed these. */
  appended(records: readonly ChangelogRecord[], end: number | undefined, begunAt: number): void {
    if (!this.#isOwner || this.#isGivenUp || !this.#mark) return;
    failpoint('copy:behind');
    if (end !== undefined && end < this.#mark.offset) {
      void this.#giveUp(`the log was cut: it ends at ${end}, and ended at ${this.#mark.offset} before`);
      return;
    }
    this.#push(records);
    // Where the offset is not known the copy has more than it says, and a restart reads that once more.
    if (end !== undefined) this.#mark = { ...this.#mark, offset: end, at: begunAt };
    this.#writing ??= this.#writeWaiting();
    if (begunAt - this.#leaderAskedAt > askLeaderEveryMs) void this.#askLeader(begunAt);
  }

  /** With another leader the copy would look as if the log had been cut where that one began, unless it is known that it was not. */
  async #askLeader(now: number): Promise<void> {
    this.#leaderAskedAt = now;
    const before = this.#mark;
    const found = await this.#changelog.end?.().catch(() => undefined);
    if (!before || !this.#mark || found?.epoch === undefined) return;
    if (found.offset < before.offset)
      await this.#giveUp(`the log was cut: it ends at ${found.offset}, and the copy at ${before.offset}`);
    else this.#mark = { ...this.#mark, epoch: found.epoch };
  }

  #push(records: readonly ChangelogRecord[]): void {
    for (const record of records) this.#waiting.push(record);
    if (this.#waiting.length <= this.#maxWaiting) return;
    this.#waiting = newestOfEach(this.#waiting);
    this.#maxWaiting = Math.max(minWaiting, 2 * this.#waiting.length);
  }

  /** Writes what is waiting, if that takes no longer than seconds. Never fails. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await within(closeTimeoutMs, this.#writing ?? Promise.resolve(), { ref: false });
    this.#isGivenUp = true;
    await this.#closeCopy();
    this.#disown();
    await within(closeTimeoutMs, this.#release(), { ref: false });
  }

  async #begin(all: Iterable<ChangelogRecord>, mark: CopyMark): Promise<void> {
    const base = this.#base;
    if (base && this.#copy) {
      await this.#copy.own();
      const now = this.#copy.mark();
      // Another process that had it may have gone on with it, or begun it again.
      if (now && now.log === mark.log && now.offset > mark.offset) throw new FencedError(this.#copies.location);
      if (now && now.log === mark.log && now.offset >= base.offset) return;
    }
    await this.#closeCopy();
    this.#copy = await this.#copies.renew();
    await this.#copy.own();
    let some: ChangelogRecord[] = [];
    for (const record of all) {
      some.push(record);
      if (some.length < recordsPerWrite) continue;
      await this.#copy.write(some, undefined);
      some = [];
      // Without a mark it is begun again another time.
      if (this.#isClosed) throw new Error('the stream ended before it was complete');
    }
    await this.#copy.write(some, mark);
  }

  async #writeWaiting(): Promise<void> {
    try {
      while (this.#waiting.length > 0 && this.#copy && !this.#isGivenUp) {
        const [records, mark] = [this.#waiting, this.#mark];
        this.#waiting = [];
        for (let from = 0; from < records.length; from += recordsPerWrite) {
          const isLast = from + recordsPerWrite >= records.length;
          await this.#copy.write(records.slice(from, from + recordsPerWrite), isLast ? mark : undefined);
        }
        failpoint('copy:written');
      }
    } catch (error) {
      await this.#giveUp(messageOf(error));
    }
    // In the same turn as the last look: what comes next begins another round.
    this.#writing = undefined;
  }

  async #giveUp(reason: string): Promise<void> {
    if (this.#isGivenUp) return;
    this.#isGivenUp = true;
    this.#waiting = [];
    if (!this.#isClosed) this.#warn('is not kept any more', reason);
    await this.#closeCopy();
  }

  async #closeCopy(): Promise<void> {
    const copy = this.#copy;
    this.#copy = undefined;
    await within(closeTimeoutMs, Promise.resolve(copy?.close()), { ref: false });
  }

  #warn(what: string, reason: string): void {
    warnOfCopy(this.#changelog.location, this.#copies, what, reason);
  }
}

function newestOfEach(records: readonly ChangelogRecord[]): ChangelogRecord[] {
  const newest = new Map<string, ChangelogRecord>();
  for (const record of records) newest.set(record.key.toString('latin1'), record);
  return [...newest.values()];
}
