import { type SchedulerLike, Subscription } from 'rxjs';
import { MalformedRecordError } from '../../batch/errors.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import type { Partition } from '../../batch/partition.js';
import type { BatchCursor } from './batchCursor.js';
import type { PartitionState } from './partitionState.js';

/** After this much decoding the event loop gets a turn: with the last chunk that is at most 10 ms. */
const timeSliceMs = 8;
/** A chunk is what is decoded between two looks at the clock: one record at first, then as many as take about a millisecond. */
const maxChunkRecords = 1_024;
/** Bound on a chunk by the mean size of its records: large ones take longer than small ones. */
const maxChunkBytes = 256 * 1_024;

type Immediate = {
  setImmediate?(work: () => void): unknown;
  clearImmediate?(handle: unknown): void;
};

interface OpenRange<R> {
  readonly range: OffsetRange;
  readonly state: PartitionState;
  readonly records: R[];
  /** Records to decode before the next look at the clock. */
  chunk: number;
}

/**
 * Reads the records of one plan from what has been read ahead, partition by partition as the bytes arrive, in time slices so
 * that timers and sockets get their turn.
 */
export class BatchReading<R> {
  readonly #ranges: readonly OpenRange<R>[];
  readonly #cursor: BatchCursor<R>;
  readonly #scheduler: SchedulerLike;
  #open: readonly OpenRange<R>[];
  #loading = false;

  constructor(
    ranges: readonly (readonly [OffsetRange, PartitionState])[],
    cursor: BatchCursor<R>,
    scheduler: SchedulerLike,
  ) {
    this.#ranges = ranges.map(([range, state]) => ({ range, state, records: [], chunk: 1 }));
    this.#open = this.#ranges.filter(({ range, state }) => state.awaits(range));
    this.#cursor = cursor;
    this.#scheduler = scheduler;
  }

  get partitions(): readonly Partition<R>[] {
    return this.#ranges.map(({ range, records }, index) => {
      const offsets = this.#cursor.offsetsOf(records);
      return { index, records, range, ...(offsets && { offsets }) };
    });
  }

  /** The partitions whose range has not been read to its end. */
  get open(): readonly PartitionState[] {
    return this.#open.map(({ state }) => state);
  }

  /** What was fetched beyond the ranges of this batch and not yet counted for another one. */
  takeOvershoot(): { readonly records: number; readonly bytes: number } {
    const taken = this.#ranges.map(({ range, state }) => state.takeOvershoot(range.until));
    return {
      records: taken.reduce((sum, { records }) => sum + records, 0),
      bytes: taken.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }

  /**
   * Reads what has arrived. Calls `again` when the time slice is used up or after it had to wait for decompression; returns true
   * when every range has been read to its end.
   */
  run(subscription: Subscription, again: () => void, fail: (error: unknown) => void): boolean {
    if (this.#loading) return false;
    let now = this.#scheduler.now();
    const end = now + timeSliceMs;
    // Ranges may have been given up while there was nothing to read.
    this.#close();
    while (this.#open.length > 0) {
      let progress = false;
      for (const open of this.#open) {
        const loading = this.#readChunk(open);
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

  /** Reads one chunk of one partition. Returns whether anything moved, or a promise to wait for. */
  #readChunk({ range, state, records, chunk }: OpenRange<R>): boolean | Promise<void> {
    const reader = state.readers[0];
    const until = state.endOf(range);
    if (!reader || state.hasReached(until)) return false;
    const before = reader.position;
    try {
      const loading = reader.load();
      if (loading) return loading;
      const max = Math.max(1, Math.min(chunk, Math.floor(maxChunkBytes / state.size.mean)));
      this.#cursor.advance(reader, until, max, state, records);
    } catch (error) {
      if (!(error instanceof MalformedRecordError)) throw error;
      this.#cursor.skipMalformed(error, reader);
    }
    const { done, newestTimestamp } = reader;
    if (newestTimestamp !== undefined && newestTimestamp > (state.newestTimestamp ?? -Infinity)) {
      state.newestTimestamp = newestTimestamp;
    }
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

/** The clock may show whole milliseconds only: 0 is less than one, 1 is up to two. */
function nextChunk(chunk: number, elapsed: number): number {
  if (elapsed < 1) return Math.min(chunk * 2, maxChunkRecords);
  return elapsed < 2 ? chunk : Math.max(1, Math.floor(chunk / elapsed));
}

/**
 * Runs `work` in a later turn of the event loop, so that timers and sockets get theirs first. It uses `setImmediate` where the platform
 * has it, because a timer would leave the loop idle for a millisecond each time.
 *
 * It does not break virtual time: it runs only after real time has passed during synchronous work.
 */
function laterTurn(scheduler: SchedulerLike, work: () => void): Subscription {
  const { setImmediate, clearImmediate } = globalThis as Immediate;
  if (!setImmediate || !clearImmediate) return scheduler.schedule(work);
  const handle = setImmediate(work);
  return new Subscription(() => clearImmediate(handle));
}
