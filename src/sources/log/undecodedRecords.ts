import type { SchedulerLike } from 'rxjs';
import { DeserializationError, type MalformedRecordError } from '../../batch/errors.js';
import type { Segment } from '../../batch/segment.js';
import { DecodedRecords } from './decodedRecords.js';
import type { ResolvedLogSourceOptions } from './logSourceOptions.js';
import type { PartitionState } from './partitionState.js';
import type { KeptRecords, RecordReader } from './recordReader.js';
import type { RecordTaking } from './recordTaking.js';
import type { RecordView } from './recordView.js';

/** A text up to this long is as well held as the bytes that it is made of. */
const shortText = 32;

/** So many parts of a partition are judged by how many records they have: to keep one costs as much as a few records. */
const judged = 16;
const few = 4;

type Options<T> = Pick<ResolvedLogSourceOptions<T>, 'deserialize' | 'invalidRecords' | 'share' | 'maxBytesPerBatch'>;

/** Decoded at once, or still to be decoded. */
type Part<T> = KeptRecords | readonly T[];

/**
 * Records are checked and counted as they are read, and their bytes kept: they are decoded while an operator goes through
 * them, so that each is dropped before the next is made.
 *
 * Decoded at once are those that a reader cannot keep, those beyond `maxBytesPerBatch`, and those of which the first of the
 * partition is a number or the like: it takes less than its bytes, and they would only be gone through twice. So are those of
 * record batches of one or two.
 *
 * For a stream that an invalid record fails: what is skipped could not be counted before the batch is dispatched.
 */
export class UndecodedRecords<T> implements RecordTaking<Segment<T>> {
  readonly #options: Options<T>;
  readonly #scheduler: SchedulerLike;
  readonly #atOnce: DecodedRecords<T>;
  readonly #segments: UndecodedSegment<T>[] = [];
  #kept = 0;
  #bytes = 0;
  #elapsed = 0;

  constructor(options: Options<T>, scheduler: SchedulerLike) {
    this.#options = options;
    this.#scheduler = scheduler;
    this.#atOnce = new DecodedRecords(options);
  }

  get records(): number {
    return this.#kept + this.#atOnce.records;
  }

  get skipped(): number {
    return this.#atOnce.skipped;
  }

  get elapsed(): number {
    return this.#elapsed;
  }

  take(reader: RecordReader, until: number, max: number, state: PartitionState, taken: Segment<T>[]): void {
    const segment = taken[0] === undefined ? this.#newSegment(taken) : (taken[0] as UndecodedSegment<T>);
    if (segment.late && this.#bytes < this.#options.maxBytesPerBatch && reader.keep) {
      const kept = reader.keep(until, max, this.#options.share === 'oldest' ? noteTime(state) : passOver);
      if (!kept) return;
      segment.keep(kept);
      this.#kept += kept.count;
      this.#bytes += kept.bytes;
      return;
    }
    const records: T[] = [];
    this.#atOnce.take(reader, until, max, state, records);
    if (records.length === 0) return;
    segment.parts.push(records);
    segment.late ??= isHeavy(records[0]);
  }

  release(): void {
    for (const segment of this.#segments) segment.release();
  }

  malformed(error: MalformedRecordError, reader: RecordReader): void {
    this.#atOnce.malformed(error, reader);
  }

  #newSegment(taken: Segment<T>[]): UndecodedSegment<T> {
    const segment = new UndecodedSegment<T>((parts, visit) => this.#decode(parts, visit));
    this.#segments.push(segment);
    taken.push(segment);
    return segment;
  }

  #decode(parts: readonly Part<T>[], visit: (record: T) => void): void {
    const begun = this.#scheduler.now();
    const { deserialize } = this.#options;
    const decode = (view: RecordView): void => {
      let record: T;
      try {
        record = deserialize(view);
      } catch (cause) {
        throw new DeserializationError(view.topic, view.partition, view.offset, { cause });
      }
      visit(record);
    };
    for (const part of parts) {
      if ('read' in part) part.read(decode);
      else for (const record of part) visit(record);
    }
    this.#elapsed += this.#scheduler.now() - begun;
  }
}

/** The records of one partition of one batch. */
class UndecodedSegment<T> implements Segment<T> {
  readonly parts: Part<T>[] = [];
  #released = false;
  /** Whether its records are better made late; not known before the first. */
  late: boolean | undefined;
  #kept = 0;
  #records = 0;
  readonly #decode: (parts: readonly Part<T>[], visit: (record: T) => void) => void;

  constructor(decode: (parts: readonly Part<T>[], visit: (record: T) => void) => void) {
    this.#decode = decode;
  }

  keep(kept: KeptRecords): void {
    this.parts.push(kept);
    this.#kept++;
    this.#records += kept.count;
    if (this.#kept === judged && this.#records < judged * few) this.late = false;
  }

  forEach(visit: (record: T) => void): void {
    if (this.#released) throw new Error('records are gone through after their batch was dispatched');
    this.#decode(this.parts, visit);
  }

  release(): void {
    this.#released = true;
    for (const part of this.parts) if ('read' in part) part.release?.();
    this.parts.length = 0;
  }
}

/** Whether a record takes more memory than its bytes, about. */
function isHeavy(record: unknown): boolean {
  return typeof record === 'string' ? record.length > shortText : typeof record === 'object' && record !== null;
}

const passOver = (): void => {};

function noteTime(state: PartitionState): (view: RecordView) => void {
  return (view) => {
    state.time = view.timestamp;
  };
}
