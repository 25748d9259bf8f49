import type { SchedulerLike } from 'rxjs';
import { DeserializationError, type MalformedRecordError } from '../../batch/errors.js';
import type { OriginTracker } from '../../batch/originTracker.js';
import { type Segment, undecoded } from '../../batch/segment.js';
import type { FailedDecoding } from '../source.js';
import type { BatchCursor } from './batchCursor.js';
import { type DecodingOptions, EagerCursor } from './eagerCursor.js';
import type { PartitionState } from './partitionState.js';
import type { PendingResults } from './pendingResults.js';
import type { RecordReader, RetainedRecords } from './recordReader.js';
import type { RecordView } from './recordView.js';
import { refusePromise } from './refusePromise.js';
import type { ResolvedLogSourceOptions } from './resolveLogSourceOptions.js';
import type { TraceParents } from './traceParents.js';

/** A string up to this long takes no more memory than the record it was decoded from. */
const maxLightChars = 32;

/** After this many parts, lazy decoding stops where they hold too few records: to retain a part costs as much as a few records. */
const sampledParts = 16;
const minRecordsPerPart = 4;

type LazyOptions<T> = DecodingOptions<T> & Pick<ResolvedLogSourceOptions<T>, 'maxBytesPerBatch'>;

/** Decoded already, or still to be decoded. */
type Part<T> = RetainedRecords | DecodedRecords<T>;

interface DecodedRecords<T> {
  readonly records: readonly T[];
  readonly offsets?: readonly number[];
}

/**
 * Checks and counts records as it moves over them, and retains their bytes: an operator decodes them as it iterates, so that each
 * record is garbage before the next is created.
 *
 * Decoded eagerly are records that a reader cannot retain, those beyond `maxBytesPerBatch`, those of a partition whose first record
 * is light (a number takes less memory than its bytes, and a second pass would be wasted), and those of small record batches.
 *
 * Only for streams that an invalid record fails: skipped records could not be counted before the batch is dispatched.
 */
export class LazyCursor<T> implements BatchCursor<Segment<T>> {
  readonly #owner: string;
  readonly #options: LazyOptions<T>;
  readonly #scheduler: SchedulerLike;
  readonly #eager: EagerCursor<T>;
  readonly #keepOffsets: boolean;
  readonly #segments: LazySegment<T>[] = [];
  readonly #traceParents: TraceParents | undefined;
  #retainedRecords = 0;
  #retainedBytes = 0;
  #bytes = 0;
  #elapsed = 0;

  /** With `keepOffsets` everything that can be is decoded lazily: then the bytes of a record are there when an operator fails. */
  constructor(
    owner: string,
    options: LazyOptions<T>,
    scheduler: SchedulerLike,
    traceParents?: TraceParents,
    keepOffsets = false,
  ) {
    this.#owner = owner;
    this.#options = options;
    this.#scheduler = scheduler;
    this.#traceParents = traceParents;
    this.#eager = new EagerCursor(owner, options, traceParents, keepOffsets);
    this.#keepOffsets = keepOffsets;
  }

  get records(): number {
    return this.#retainedRecords + this.#eager.records;
  }

  get failed(): readonly FailedDecoding[] {
    return this.#eager.failed;
  }

  get skipped(): BatchCursor<Segment<T>>['skipped'] {
    return this.#eager.skipped;
  }

  /** Segments know the offsets of their records. */
  offsetsOf(): undefined {}

  get bytes(): number {
    return this.#bytes + this.#eager.bytes;
  }

  get pending(): PendingResults {
    return this.#eager.pending;
  }

  get elapsed(): number {
    return this.#elapsed;
  }

  advance(reader: RecordReader, until: number, max: number, state: PartitionState, target: Segment<T>[]): void {
    const segment = target[0] === undefined ? this.#newSegment(target) : (target[0] as LazySegment<T>);
    const isLazy = segment.isLazy || this.#keepOffsets;
    if (isLazy && this.#retainedBytes < this.#options.maxBytesPerBatch && reader.retain) {
      const before = reader.bytesRead;
      const visit = this.#options.rateSharing === 'aligned' ? noteTime(state) : ignore;
      const retained = reader.retain(until, max, this.#traceParents?.before(visit) ?? visit);
      if (!retained) return;
      segment.retain(retained);
      this.#retainedRecords += retained.count;
      this.#retainedBytes += retained.bytes;
      // What is retained may begin with records that are not wanted.
      this.#bytes += before === undefined ? retained.bytes : (reader.bytesRead ?? 0) - before;
      return;
    }
    const records: T[] = [];
    this.#eager.advance(reader, until, max, state, records);
    if (records.length === 0) return;
    const offsets = this.#eager.offsetsOf(records);
    segment.parts.push(offsets ? { records, offsets } : { records });
    segment.isLazy ??= isHeavy(records[0]);
  }

  release(): void {
    for (const segment of this.#segments) segment.release();
  }

  skipMalformed(error: MalformedRecordError, reader: RecordReader): void {
    this.#eager.skipMalformed(error, reader);
  }

  #newSegment(target: Segment<T>[]): LazySegment<T> {
    const segment = new LazySegment<T>((own, visit, tracker) => this.#decode(own, visit, tracker));
    this.#segments.push(segment);
    target.push(segment);
    return segment;
  }

  #decode({ parts, refused }: LazySegment<T>, visit: (record: T) => void, tracker: OriginTracker | undefined): void {
    const begun = this.#scheduler.now();
    const { deserialize } = this.#options;
    const owner = this.#owner;
    const decode = (view: RecordView): void => {
      let record: T;
      try {
        record = deserialize(view);
      } catch (cause) {
        const error = new DeserializationError(view.topic, view.partition, view.offset, { cause });
        if (!tracker?.refuse) throw error;
        // Another branch of the stream may have put it aside.
        if (!refused.has(view.offset)) tracker.refuse(error);
        refused.add(view.offset);
        return;
      }
      if (typeof record === 'object' && record !== null) refusePromise(owner, deserialize, view, record);
      visit(record);
    };
    const decodeTracked = (view: RecordView): void => {
      (tracker as OriginTracker).view = view;
      decode(view);
    };
    for (const part of parts) {
      if ('read' in part) part.read(tracker ? decodeTracked : decode);
      else if (tracker) visitTracked(part, visit, tracker);
      else for (const record of part.records) visit(record);
    }
    this.#elapsed += this.#scheduler.now() - begun;
  }
}

type Decode<T> = (segment: LazySegment<T>, visit: (record: T) => void, tracker: OriginTracker | undefined) => void;

/** The records of one partition of one batch. */
class LazySegment<T> implements Segment<T> {
  readonly parts: Part<T>[] = [];
  /** Offsets of records that cannot be deserialized. */
  readonly refused = new Set<number>();
  #released = false;
  /** Whether lazy decoding pays; `undefined` before the first record. */
  isLazy: boolean | undefined;
  #retainedParts = 0;
  #retainedRecords = 0;
  readonly #decode: Decode<T>;

  constructor(decode: Decode<T>) {
    this.#decode = decode;
  }

  retain(retained: RetainedRecords): void {
    this.parts.push(retained);
    this.#retainedParts++;
    this.#retainedRecords += retained.count;
    const tooSmall = this.#retainedRecords < sampledParts * minRecordsPerPart;
    if (this.#retainedParts === sampledParts && tooSmall) this.isLazy = false;
  }

  forEach(visit: (record: T) => void, tracker?: OriginTracker): void {
    if (this.#released) throw new Error('the records of a segment were iterated after their batch was dispatched');
    this.#decode(this, visit, tracker);
  }

  [undecoded](visit: (record: unknown) => void, tracker: OriginTracker): void {
    const raw = (view: RecordView): void => {
      tracker.view = view;
      visit(view.value && Uint8Array.from(view.value));
    };
    for (const part of this.parts) {
      if ('read' in part) part.read(raw);
      else visitTracked(part, visit, tracker);
    }
  }

  release(): void {
    this.#released = true;
    for (const part of this.parts) if ('read' in part) part.release?.();
    this.parts.length = 0;
  }
}

function visitTracked<T>(
  { records, offsets }: DecodedRecords<T>,
  visit: (record: T) => void,
  tracker: OriginTracker,
): void {
  for (const [i, record] of records.entries()) {
    tracker.decoded(offsets?.[i]);
    visit(record);
  }
}

/** Whether a record takes more memory than the bytes it was decoded from. */
function isHeavy(record: unknown): boolean {
  return typeof record === 'string' ? record.length > maxLightChars : typeof record === 'object' && record !== null;
}

const ignore = (): void => {};

function noteTime(state: PartitionState): (view: RecordView) => void {
  return (view) => {
    state.time = view.timestamp;
  };
}
