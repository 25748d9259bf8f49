import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../batch/errors/messageOf.js';
import { CheckpointError, CorruptCheckpointError, FencedError } from '../../batch/errors.js';
import { failpoint } from '../../storage/failpoint.js';
import type { CopyLook } from '../checkpoint.js';
import {
  type Changelog,
  ChangelogCut,
  type ChangelogPosition,
  type ChangelogRecord,
  type ChangelogState,
  type ReadProgress,
  recordOf,
} from './changelog.js';
import { beginning, flawOf, knownTombstonesMs, lackOf, retentionUnknown } from './copyFlaw.js';
import { copySlices } from './copySlices.js';
import { CopyTurns } from './copyTurns.js';
import type { CopyMark, LocalCopies, LocalCopy } from './localCopy.js';
import { unowned } from './ownedCopies.js';
import { warnOfCopy } from './warnOfCopy.js';

/** Copies of a process look at the same moments, so that one request has what all of them want, ms. */
const lookEveryMs = 1_000;
/** Records of one transaction: few enough that it does not keep the event loop for longer than a slice. */
const recordsPerWrite = 2_000;
/** How old the time of a copy becomes while nothing is appended, in ms. */
const markEveryMs = 60_000;
/** A topic with deletions that are gone sooner would have a copy read again and again, ms. */
const minTombstonesMs = 10_000;
/** The pause after a failure doubles, ms. */
const [firstPauseMs, maxPauseMs] = [100, 30_000];

/** Copies of a process that are opened at once, and that are read from the beginning at once: the tasks have the rest of the process. */
const [opening, building] = [new CopyTurns(2), new CopyTurns(2)];
/** Others do not wait longer for one whose broker does not answer, or that is far behind, ms. */
const openingMs = 10_000;

/** How a changelog is followed. */
export interface Following {
  /** Opens the changelog to read it; again after a failure. */
  open(): Changelog<unknown>;
  readonly copies: LocalCopies;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Called at each look with how the copy was, and after a failure, since nobody knows then. */
  looked(look: CopyLook | undefined): void;
}

/**
 * Keeps a copy of a changelog on this machine up to date while somebody else appends to it: a standby. What it reads goes to the copy and not into
 * memory. It settles when `signal` is aborted and the copy is closed, or cannot be kept; it never fails: a copy is a help and no more.
 */
export async function followChangelog(following: Following): Promise<void> {
  const release = following.copies.hold();
  try {
    await follow(following);
  } finally {
    await release();
  }
}

async function follow({ open, copies, signal, looked }: Following): Promise<void> {
  let pause = firstPauseMs;
  let said = '';
  for (;;) {
    await unowned(copies.location, signal);
    let end = await opening.take(signal, openingMs);
    if (signal.aborted) return end();
    const changelog = open();
    let follower: Follower | undefined;
    try {
      follower = await Follower.open(changelog, copies, signal);
      if (!follower.isWhole) {
        end();
        end = await building.take(signal);
      }
      while (!signal.aborted) {
        await follower.catchUp(signal, looked);
        end();
        [pause, said] = [firstPauseMs, ''];
        await nextLook(signal);
      }
    } catch (error) {
      end();
      if (signal.aborted) break;
      const isEnd = error instanceof FencedError || error instanceof NoCopyError;
      const reason = reasonOf(error);
      // The same failure again and again is one warning.
      if (reason !== said) {
        warnOfCopy(changelog.location, copies, isEnd ? 'is not kept any more' : 'is not up to date', reason);
      }
      said = reason;
      if (isEnd) break;
      looked(undefined);
      await within(pause, signal);
      pause = Math.min(2 * pause, maxPauseMs);
    } finally {
      end();
      await follower?.close().catch(() => {});
      await changelog.close();
    }
  }
}

/** A copy cannot be kept at all. */
class NoCopyError extends Error {}

class Follower {
  readonly #changelog: Changelog<unknown>;
  readonly #copy: LocalCopy;
  readonly #log: string;
  /** As of when the copy is; `undefined` until it is complete. */
  #mark: CopyMark | undefined;
  #position: ChangelogPosition;
  #writing: Promise<void> = Promise.resolve();
  readonly #tombstonesMs: number;
  /** When a look began last after which the copy was complete: on the wall clock, since others stop while a machine sleeps. */
  #completeAt: number | undefined;

  private constructor(
    changelog: Changelog<unknown>,
    copy: LocalCopy,
    { log, tombstonesMs }: { readonly log: string; readonly tombstonesMs: number },
    mark: CopyMark | undefined,
  ) {
    this.#changelog = changelog;
    this.#copy = copy;
    this.#log = log;
    this.#tombstonesMs = tombstonesMs;
    this.#mark = mark;
    this.#completeAt = mark?.at;
    this.#position = mark ?? beginning;
  }

  static async open(changelog: Changelog<unknown>, copies: LocalCopies, signal: AbortSignal): Promise<Follower> {
    try {
      await copies.ready();
    } catch (error) {
      throw new NoCopyError(reasonOf(error));
    }
    let [copy, isNew] = [await newest(changelog, copies), false];
    try {
      for (;;) {
        // An owner may have it by now, and is not to be fenced.
        signal.throwIfAborted();
        await copy.own();
        // After that: its former owner may have gone on with it until then.
        const mark = copy.mark();
        const state = await unlessAborted(changelog.describe(mark), signal);
        const lacks = lackOf(state);
        if (lacks !== undefined || state.id === undefined) throw new NoCopyError(lacks);
        const tombstonesMs = tombstonesOf(mark, state);
        const flaw = mark && flawOf(mark, state, Date.now());
        if (flaw !== undefined) warnOfCopy(changelog.location, copies, 'is rebuilt', flaw);
        if (isNew || (mark && flaw === undefined)) {
          return new Follower(changelog, copy, { log: state.id, tombstonesMs }, mark);
        }
        // One without a mark was begun, and is not whole.
        await copy.close();
        signal.throwIfAborted();
        [copy, isNew] = [await copies.renew(), true];
      }
    } catch (error) {
      await copy.close().catch(() => {});
      throw error;
    }
  }

  /** Whether only what came after its mark is to be read. */
  get isWhole(): boolean {
    return this.#mark !== undefined;
  }

  /** Reads to the end as it is now. */
  async catchUp(signal: AbortSignal, tell: (look: CopyLook) => void): Promise<void> {
    const looked = (behind: number) => tell({ behind, isWhole: this.isWhole });
    const at = Date.now();
    this.#completeAt ??= at;
    this.#checkPause(at);
    let records: ChangelogRecord[] = [];
    const progress: ReadProgress = async (offset, until, epoch = this.#position.epoch) => {
      signal.throwIfAborted();
      if (records.length < recordsPerWrite) return;
      const some = records;
      records = [];
      // What comes after the offset was written after the time of the mark, too. A copy that is begun has none before it is whole.
      await this.#write(some, this.#mark && { ...this.#mark, offset, epoch });
      looked(until - offset);
    };
    const before = this.#position.offset;
    let isFirst = true;
    const reading = this.#changelog.read(
      this.#position,
      (record) => records.push(recordOf(record)),
      (offset, until, epoch) => {
        if (isFirst) looked(Math.max(until - before, 0));
        isFirst = false;
        return progress(offset, until, epoch);
      },
      undefined,
      signal,
    );
    this.#position = await unlessAborted(reading, signal);
    if (isFirst) looked(0);
    // Its process may have slept while it read.
    this.#checkPause(Date.now());
    this.#completeAt = at;
    const isOld = at - (this.#mark?.at ?? Number.NEGATIVE_INFINITY) > markEveryMs;
    const isOther = this.#mark?.offset !== this.#position.offset || this.#mark.epoch !== this.#position.epoch;
    if (records.length > 0 || isOther || isOld)
      await this.#write(records, { log: this.#log, ...this.#position, at, tombstonesMs: this.#tombstonesMs });
  }

  /**
   * A key that was deleted may be in the copy and its tombstone nowhere, when what came after the last look was read so much later. The
   * copy is opened again then, and judged by its age.
   */
  #checkPause(now: number): void {
    const pauseMs = Math.abs(now - (this.#completeAt ?? now));
    if (pauseMs <= this.#tombstonesMs / 2) return;
    throw new Error(`it was last complete ${Math.round(pauseMs / 1_000)} s ago`);
  }

  #write(records: readonly ChangelogRecord[], mark: CopyMark | undefined): Promise<void> {
    const writing = this.#writeAll(records, mark);
    this.#writing = writing;
    return writing;
  }

  async #writeAll(records: readonly ChangelogRecord[], mark: CopyMark | undefined): Promise<void> {
    failpoint('standby:before');
    for (let from = 0; from === 0 || from < records.length; from += recordsPerWrite) {
      const isLast = from + recordsPerWrite >= records.length;
      // Records are encoded at once, before they are written off this thread.
      if (copySlices.isOver()) await copySlices.next();
      await this.#copy.write(records.slice(from, from + recordsPerWrite), isLast ? mark : undefined);
    }
    failpoint('standby:written');
    this.#mark = mark;
  }

  async close(): Promise<void> {
    // A reading that was given up may be at it.
    await this.#writing.catch(() => {});
    await this.#copy.close();
  }
}

/** A damaged copy is replaced. */
async function newest(changelog: Changelog<unknown>, copies: LocalCopies): Promise<LocalCopy> {
  try {
    return await copies.open();
  } catch (error) {
    if (!(error instanceof CorruptCheckpointError)) throw error;
    warnOfCopy(changelog.location, copies, 'is rebuilt', error.message);
    return copies.renew();
  }
}

/** For how long tombstones are there, in ms. Without that a copy would be of no use. */
function tombstonesOf(mark: CopyMark | undefined, state: ChangelogState): number {
  const tombstonesMs = knownTombstonesMs(mark, state);
  if (tombstonesMs === undefined) throw new Error(retentionUnknown);
  if (tombstonesMs >= minTombstonesMs) return tombstonesMs;
  const says = `the delete.retention.ms (${tombstonesMs}) of the topic is less than ${minTombstonesMs}`;
  throw new NoCopyError(`${says}, so that deletions may be missing`);
}

/** At the same moments of the clock in all of a process. */
function nextLook(signal: AbortSignal): Promise<void> {
  return within(lookEveryMs - (Date.now() % lookEveryMs), signal);
}

async function within(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal, ref: false }).catch(() => {});
}

/** What brokers that are gone answer late is not waited for. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let abandon = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    abandon = () => reject(signal.reason);
    if (signal.aborted) abandon();
    else signal.addEventListener('abort', abandon);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abandon);
    work.catch(() => {});
  }
}

function reasonOf(error: unknown): string {
  const { cause } = error as { readonly cause?: unknown };
  if (error instanceof CheckpointError && cause instanceof ChangelogCut) return cause.message;
  return messageOf(error);
}
