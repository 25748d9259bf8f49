import type { SchedulerLike, Subscription } from 'rxjs';
import { MalformedRecordError } from '../../batch/errors.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import type { Partition } from '../../batch/partition.js';
import { laterTurn } from './laterTurn.js';
import type { PartitionState } from './partitionState.js';
import type { RecordTaking } from './recordTaking.js';

/** After so many ms of decoding the event loop is given back: with the last chunk it is ten at most. */
const timeSlice = 8;
/** Records decoded between two looks at the clock: at first one, then as many as take about a millisecond, up to these. */
const largestChunk = 1_024;
/** And no more bytes than these, by the mean size of the records: a large one takes longer than a small one. */
const chunkBytes = 256 * 1_024;

interface OpenRange<R> {
  readonly range: OffsetRange;
  readonly state: PartitionState;
  readonly records: R[];
  /** Records to be decoded until the next look at the clock. */
  chunk: number;
}

/**
 * Takes the records of one plan out of what has been read ahead, partition by partition as the bytes arrive, in slices
 * of time so that timers and sockets get their turn.
 */
export class BatchReading<R> {
  readonly #ranges: readonly OpenRange<R>[];
  readonly #taking: RecordTaking<R>;
  readonly #scheduler: SchedulerLike;
  #open: readonly OpenRange<R>[];
  #loading = false;

  constructor(
    ranges: readonly (readonly [OffsetRange, PartitionState])[],
    taking: RecordTaking<R>,
    scheduler: SchedulerLike,
  ) {
    this.#ranges = ranges.map(([range, state]) => ({ range, state, records: [], chunk: 1 }));
    this.#open = this.#ranges.filter(({ range, state }) => state.awaits(range));
    this.#taking = taking;
    this.#scheduler = scheduler;
  }

  get partitions(): readonly Partition<R>[] {
    return this.#ranges.map(({ range, records }, index) => ({ index, records, range }));
  }

  /** The partitions that the batch has not come to the end of. */
  get open(): readonly PartitionState[] {
    return this.#open.map(({ state }) => state);
  }

  /** What came in for this batch beyond its ranges, and was not counted for another. */
  takeSurplus(): { readonly records: number; readonly bytes: number } {
    const taken = this.#ranges.map(({ range, state }) => state.takeSurplus(range.until));
    return {
      records: taken.reduce((sum, { records }) => sum + records, 0),
      bytes: taken.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }

  /**
   * Takes what is there. Calls `again` when the time slice is used up or something had to be waited for; gives true
   * when every range has been read to its end.
   */
  run(subscription: Subscription, again: () => void, fail: (error: unknown) => void): boolean {
    if (this.#loading) return false;
    let now = this.#scheduler.now();
    const end = now + timeSlice;
    // Ranges may have been given up while there was nothing to read.
    this.#close();
    while (this.#open.length > 0) {
      let progress = false;
      for (const open of this.#open) {
        const loading = this.#take(open);
        if (loading instanceof Promise) {
          this.#await(loading, again, fail);
          return false;
        }
        progress ||= loading;
        const before = now;
        now = this.#scheduler.now();
        open.chunk = nextChunk(open.chunk, now - before);
        if (now >= end) {
          this.#close();
          if (this.#open.length === 0) return true;
          subscription.add(laterTurn(this.#scheduler, again));
          return false;
        }
      }
      this.#close();
      if (!progress) return this.#open.length === 0;
    }
    return true;
  }

  #close(): void {
    if (this.#open.every(({ range, state }) => state.awaits(range))) return;
    this.#open = this.#open.filter(({ range, state }) => state.awaits(range));
  }

  /** One chunk of one partition. Gives whether anything moved, or what has to be waited for. */
  #take({ range, state, records, chunk }: OpenRange<R>): boolean | Promise<void> {
    const reader = state.readers[0];
    if (!reader || state.hasReached(range.until)) return false;
    const before = reader.position;
    try {
      const loading = reader.load();
      if (loading) return loading;
      const most = Math.max(1, Math.min(chunk, Math.floor(chunkBytes / state.size.mean)));
      this.#taking.take(reader, range.until, most, state, records);
    } catch (error) {
      if (!(error instanceof MalformedRecordError)) throw error;
      this.#taking.malformed(error, reader);
    }
    const { done } = reader;
    if (done) state.readers.shift()?.release?.();
    return done || reader.position !== before;
  }

  #await(loading: Promise<void>, again: () => void, fail: (error: unknown) => void): void {
    this.#loading = true;
    const loaded = (settle: () => void) => {
      this.#loading = false;
      settle();
    };
    loading.then(
      () => loaded(again),
      (error: unknown) => loaded(() => fail(error)),
    );
  }
}

/** The clock may tell whole milliseconds only: 0 is less than one, 1 is up to two. */
function nextChunk(chunk: number, elapsed: number): number {
  if (elapsed < 1) return Math.min(chunk * 2, largestChunk);
  return elapsed < 2 ? chunk : Math.max(1, Math.floor(chunk / elapsed));
}
