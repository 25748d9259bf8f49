import type { SchedulerLike, Subscription } from 'rxjs';
import { DeserializationError, MalformedRecordError } from '../../batch/errors.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import type { Partition } from '../../batch/partition.js';
import { laterTurn } from './laterTurn.js';
import type { ResolvedLogSourceOptions } from './logSourceOptions.js';
import type { PartitionState } from './partitionState.js';
import type { RecordReader } from './recordReader.js';
import type { RecordView } from './recordView.js';

/** After so many ms of decoding the event loop is given back: with the last chunk it is ten at most. */
const timeSlice = 8;
/** Records decoded between two looks at the clock: at first one, then as many as take about a millisecond, up to these. */
const largestChunk = 1_024;
/** And no more bytes than these, by the mean size of the records: a large one takes longer than a small one. */
const chunkBytes = 256 * 1_024;

interface OpenRange<T> {
  readonly range: OffsetRange;
  readonly state: PartitionState;
  readonly records: T[];
  /** Records to be decoded until the next look at the clock. */
  chunk: number;
}

/**
 * Decodes the records of one plan out of what has been read ahead, partition by partition as the bytes arrive, in slices
 * of time so that timers and sockets get their turn.
 */
export class BatchReading<T> {
  readonly #ranges: readonly OpenRange<T>[];
  readonly #options: Pick<ResolvedLogSourceOptions<T>, 'deserialize' | 'invalidRecords' | 'share'>;
  readonly #scheduler: SchedulerLike;
  #open: readonly OpenRange<T>[];
  #loading = false;
  #skipped = 0;

  constructor(
    ranges: readonly (readonly [OffsetRange, PartitionState])[],
    options: Pick<ResolvedLogSourceOptions<T>, 'deserialize' | 'invalidRecords' | 'share'>,
    scheduler: SchedulerLike,
  ) {
    this.#ranges = ranges.map(([range, state]) => ({ range, state, records: [], chunk: 1 }));
    this.#open = this.#ranges.filter(({ range, state }) => state.awaits(range));
    this.#options = options;
    this.#scheduler = scheduler;
  }

  get skipped(): number {
    return this.#skipped;
  }

  get records(): number {
    return this.#ranges.reduce((sum, { records }) => sum + records.length, 0);
  }

  get partitions(): readonly Partition<T>[] {
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
   * Decodes what is there. Calls `again` when the time slice is used up or something had to be waited for; gives true
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
        const loading = this.#decode(open);
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
  #decode({ range, state, records, chunk }: OpenRange<T>): boolean | Promise<void> {
    const reader = state.readers[0];
    if (!reader || state.hasReached(range.until)) return false;
    const before = reader.position;
    try {
      const loading = reader.load();
      if (loading) return loading;
      const most = Math.max(1, Math.min(chunk, Math.floor(chunkBytes / state.size.mean)));
      reader.read(range.until, most, this.#visitor(state, records));
    } catch (error) {
      this.#malformed(error, reader);
    }
    if (reader.done) state.readers.shift();
    return reader.done || reader.position !== before;
  }

  #visitor(state: PartitionState, records: T[]): (view: RecordView) => void {
    if (this.#options.share !== 'oldest') return (view) => this.#take(view, records);
    return (view) => {
      state.time = view.timestamp;
      this.#take(view, records);
    };
  }

  #take(view: RecordView, records: T[]): void {
    let record: T;
    try {
      record = this.#options.deserialize(view);
    } catch (cause) {
      this.#undeserializable(view, cause);
      return;
    }
    records.push(record);
  }

  #undeserializable(view: RecordView, cause: unknown): void {
    const { invalidRecords } = this.#options;
    const { topic, partition, offset } = view;
    const error = new DeserializationError(topic, partition, offset, { cause });
    if (invalidRecords === 'error') throw error;
    this.#skipped++;
    if (invalidRecords === 'skip') return;
    const key = view.key && Uint8Array.from(view.key);
    const value = view.value && Uint8Array.from(view.value);
    invalidRecords.next({ topic, partition, offset, until: offset + 1, key, value, error });
  }

  #malformed(error: unknown, reader: RecordReader): void {
    const { invalidRecords } = this.#options;
    if (!(error instanceof MalformedRecordError) || invalidRecords === 'error') throw error;
    const { from, until } = reader.skip();
    this.#skipped += until - from;
    if (invalidRecords === 'skip') return;
    const { topic, partition } = error;
    invalidRecords.next({ topic, partition, offset: from, until, error });
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
