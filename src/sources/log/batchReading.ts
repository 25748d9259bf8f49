import { type SchedulerLike, Subscription } from 'rxjs';
import { MalformedRecordError, OffsetTooLargeError } from '../../batch/errors.js';
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

/** What a batch may hold, whatever its ranges turn out to contain. */
export interface ReadingLimits {
  /** Records of each range, in the order of the ranges. */
  readonly maxRecords: readonly number[];
  /** Bytes over all ranges, after decompression. One record is always read. */
  readonly maxBytes: number;
}

interface OpenRange<R> {
  /** As planned. */
  readonly planned: OffsetRange;
  /** As it is read: it ends sooner when a limit has been reached. */
  range: OffsetRange;
  readonly state: PartitionState;
  readonly records: R[];
  /** Records that may still be read. */
  left: number;
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
  readonly #maxBytes: number;
  #narrowed = false;
  #loading = false;

  constructor(
    ranges: readonly (readonly [OffsetRange, PartitionState])[],
    { maxRecords, maxBytes }: ReadingLimits,
    cursor: BatchCursor<R>,
    scheduler: SchedulerLike,
  ) {
    this.#ranges = ranges.map(([planned, state], i) => {
      return { planned, range: state.current(planned), state, records: [], left: maxRecords[i] ?? Infinity, chunk: 1 };
    });
    this.#open = this.#ranges.filter(({ planned, state }) => state.awaits(planned));
    this.#maxBytes = maxBytes;
    this.#cursor = cursor;
    this.#scheduler = scheduler;
  }

  /** The ranges that have been read. */
  get ranges(): readonly OffsetRange[] {
    return this.#ranges.map(({ range }) => range);
  }

  /**
   * Whether a limit has been reached: then the ranges that have been read are to be noted before any of their records is handed out.
   * True also if only the last record exceeded it: read again in another order, the same ranges would end sooner.
   */
  get narrowed(): boolean {
    return this.#narrowed;
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
    const all = { records: 0, bytes: 0 };
    for (const { range, state } of this.#ranges) {
      const { records, bytes } = state.overshoots.take(range.until);
      all.records += records;
      all.bytes += bytes;
    }
    return all;
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
        if (open.left <= 0) continue;
        const loading = this.#readChunk(open);
        if (loading instanceof Promise) {
          this.#await(loading, again, fail);
          return false;
        }
        progress ||= loading;
        if (this.#cursor.bytes > this.#maxBytes) {
          this.#endHere();
          return true;
        }
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

  /** Ends the batch with what has been read: what is left is planned again. */
  endEarly(): void {
    this.#endHere();
  }

  #close(): void {
    if (this.#open.every(isOpen)) return;
    const closed = this.#open.filter((open) => !isOpen(open));
    this.#open = this.#open.filter(isOpen);
    for (const open of closed) if (open.state.awaits(open.planned)) this.#cut(open);
  }

  /** Ends the batch with what has been read. */
  #endHere(): void {
    this.#narrowed = true;
    for (const open of this.#open) if (open.state.awaits(open.planned)) this.#cut(open);
    this.#open = [];
  }

  #cut(open: OpenRange<R>): void {
    this.#narrowed = true;
    open.range = endingAt(open.range, Math.max(open.state.position, open.range.from));
  }

  /** Where the log has become another one, ranges end where it did: whatever was read behind that is not in it. */
  endWithLog(): void {
    for (const open of this.#ranges) {
      const end = open.state.endOf(open.planned);
      if (end >= open.range.until) continue;
      this.#narrowed = true;
      open.range = endingAt(open.range, end);
    }
  }

  /** Reads one chunk of one partition. Returns whether anything moved, or a promise to wait for. */
  #readChunk(open: OpenRange<R>): boolean | Promise<void> {
    const { planned, range, state, records, chunk, left } = open;
    const reader = state.readers[0];
    const until = Math.min(range.until, state.endOf(planned));
    if (!reader || state.hasReached(until)) return false;
    const cursor = this.#cursor;
    const before = reader.position;
    const bytesBefore = cursor.bytes;
    const countBefore = countOf(cursor);
    try {
      const loading = reader.load();
      if (loading) return loading;
      const max = Math.max(1, Math.min(chunk, left, Math.floor(maxChunkBytes / state.recordBytes)));
      cursor.advance(reader, until, max, state, records);
    } catch (error) {
      const reason = damageIn(error);
      if (reason === undefined) throw error;
      if (!state.doubts.believesDamage(state.position, reason)) {
        state.drop();
        return false;
      }
      if (!(error instanceof MalformedRecordError)) throw error;
      cursor.skipMalformed(error, reader);
    }
    const count = countOf(cursor) - countBefore;
    open.left -= count;
    state.unpacked.observe(count, cursor.bytes - bytesBefore);
    if (reader.recordCount === undefined) state.density.observe(count, reader.position - before);
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

function isOpen({ planned, state, left }: OpenRange<unknown>): boolean {
  return left > 0 && state.awaits(planned);
}

/** What may be wrong with the bytes, rather than with the log; `undefined` for any other error. */
function damageIn(error: unknown): string | undefined {
  if (error instanceof MalformedRecordError) return error.reason;
  // No checksum covers the offset of a record batch.
  return error instanceof OffsetTooLargeError ? error.message : undefined;
}

/** Records that it has moved over, invalid ones included. */
function countOf({ records, skipped }: BatchCursor<unknown>): number {
  return records + skipped.malformed + skipped.deserialization;
}

/** A range that ends sooner. Records are left behind it, of whichever log. */
function endingAt(range: OffsetRange, until: number): OffsetRange {
  return { ...range, from: Math.min(range.from, until), until, ...(range.end && { end: 'open' }) };
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
