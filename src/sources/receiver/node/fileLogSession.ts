import type { KeyObject } from 'node:crypto';
import { EMPTY, from, type ObservableInput, type Observer, throwError } from 'rxjs';
import { CorruptCheckpointError } from '../../../batch/errors.js';
import { partitionPoint } from '../../../collections/partitionPoint.js';
import { failpoint } from '../../../storage/failpoint.js';
import type { LockedDirectory } from '../../../storage/lockedDirectory.js';
import { SegmentedLog } from '../../../storage/segmentedLog.js';
import { checkLoggable } from '../loggableRecord.js';
import { refusedBlock } from '../refusedBlock.js';
import type { Block, ReadBlock, StoredBlock, WriteAheadLogRequest, WriteAheadLogSession } from '../writeAheadLog.js';
import { type BlockFrame, type Recovery, recoverSegments } from './recoverSegments.js';
import {
  type BlockCodec,
  type BlockSegment,
  type BlockSegmentBegin,
  blockFromBytes,
  blockSegmentFormat,
  blockToBytes,
} from './segmentRecords.js';

/** About how much is written and synced at once: what is encoded is in memory twice. */
const groupBytes = 4 << 20;
/** Assumed at first, and high: otherwise a first group of large records would be huge. */
const firstRecordBytes = 16_384;

/** A write into the log failed. */
export interface LogWriteFailure {
  /** What it failed with. */
  readonly error: unknown;
  /** How many times in a row the same records could not be written, this one included. */
  readonly failures: number;
}

export interface FileLogSettings {
  readonly segmentBytes: number;
  /** In ms. */
  readonly rollInterval: number;
  readonly maxFailures: number;
  readonly closeAfterWrite: boolean;
  readonly failureObserver?: Partial<Observer<LogWriteFailure>> | undefined;
  readonly codec?: BlockCodec | undefined;
  /** Whether blocks may leave records out. Such files cannot be opened again. Default: no. */
  readonly gaps?: boolean;
  /** Authenticates the records in the files. Default: nothing does. */
  readonly integrityKey?: KeyObject | undefined;
}

type Segments = SegmentedLog<BlockSegment, BlockSegmentBegin>;

/**
 * An opened directory of a write-ahead log: segments, each deleted as a whole when all records in it are saved.
 *
 * What is synced at once is one frame: a power cut may leave any part of it, but never a whole frame behind a damaged one.
 */
export class FileLogSession implements WriteAheadLogSession {
  #recovered: readonly Block<unknown>[];
  /** Where the blocks are that are not released, in order. */
  #frames: BlockFrame[];
  readonly #directory: LockedDirectory;
  readonly #settings: FileLogSettings;
  readonly #now: () => number;
  /** When the segment was begun. */
  #begunAt: number;
  /** Whether records are in the segment that was begun last. */
  #begun = false;
  readonly #log: Segments;
  /** Bytes of a record in the last group, on average. */
  #recordBytes = firstRecordBytes;
  /** Offset of the record that is appended next. */
  #next: number;
  /** Of the block that was appended last: it is written after all others. */
  #appending: Promise<void> | undefined;
  #releasing: Promise<void> | undefined;
  #closed = false;

  private constructor(
    directory: LockedDirectory,
    settings: FileLogSettings,
    now: () => number,
    { blocks, frames, next }: Recovery,
    log: Segments,
  ) {
    this.#directory = directory;
    this.#settings = settings;
    this.#now = now;
    this.#begunAt = now();
    this.#recovered = blocks;
    this.#frames = [...frames];
    this.#next = next;
    this.#log = log;
  }

  static async open(
    directory: LockedDirectory,
    settings: FileLogSettings,
    request: WriteAheadLogRequest,
  ): Promise<FileLogSession> {
    const { codec } = settings;
    const recovery = await recoverSegments(directory, request, codec);
    const { segments, next, nextNumber, leftOver } = recovery;
    const begin = { from: next, before: segments, codec: codec?.name };
    const log = await SegmentedLog.open(directory, blockSegmentFormat, nextNumber, begin, leftOver);
    failpoint('segment:opened');
    return new FileLogSession(directory, settings, request.now ?? (() => 0), recovery, log);
  }

  recovered(): readonly Block<unknown>[] {
    const blocks = this.#recovered;
    this.#recovered = [];
    return blocks;
  }

  get bytes(): number {
    return this.#log.bytes;
  }

  stored(): readonly StoredBlock[] {
    return [...this.#frames];
  }

  async read(offset: number): Promise<ReadBlock<unknown>> {
    const frame = this.#frames[this.#frameOf(offset)];
    if (!frame || frame.from > offset) throw new Error(`record ${offset} is not in the log any more`);
    const name = `${blockSegmentFormat.prefix}-${frame.segment}`;
    const payload = await this.#directory.readRecord(name, frame.at, frame.bytes);
    const block = blockFromBytes(payload, this.#settings.codec)?.read();
    if (block?.from === frame.from) return { block, bytes: payload.length };
    const path = this.#directory.pathOf(name);
    throw new CorruptCheckpointError(path, frame.at, `record ${offset} should be here`);
  }

  check(record: unknown): void {
    // A codec refuses by itself what it cannot encode.
    if (!this.#settings.codec) checkLoggable('fileWriteAheadLog', record);
  }

  append(block: Block<unknown>): ObservableInput<unknown> {
    const next = this.#closed ? undefined : this.#next;
    const refused = refusedBlock(this.#directory.location, block, next, this.#settings.gaps);
    // A log that has failed says why.
    if (refused && !this.#log.failed) return throwError(() => refused);
    this.#next = block.from + block.records.length;
    this.#appending = this.#append(block);
    return from(this.#appending);
  }

  release(offset: number): ObservableInput<unknown> {
    const kept = this.#frameOf(offset);
    // Not each time: what is behind is copied.
    if (kept > this.#frames.length / 2) this.#frames = this.#frames.slice(kept);
    const { finished, begin } = this.#log;
    const saved = finished.filter((_, i) => (finished[i + 1]?.from ?? begin.from) <= offset);
    if (saved.length === 0 || this.#log.failed) return EMPTY;
    this.#releasing = this.#log.remove(saved).catch((cause: unknown) => {
      throw this.#directory.failure('delete a segment', cause);
    });
    return from(this.#releasing);
  }

  close(): ObservableInput<unknown> {
    if (this.#closed) return EMPTY;
    this.#closed = true;
    const closed = this.#close();
    this.#directory.closing(closed);
    return from(closed);
  }

  #append({ from: first, records, time, positions }: Block<unknown>): Promise<void> {
    let offset = first;
    const until = first + records.length;
    const action = () => `write records ${offset} to ${until}`;
    return this.#log.write(action, async () => {
      while (offset < until) {
        const count = Math.max(Math.floor(groupBytes / this.#recordBytes), 1);
        const group = records.slice(offset - first, offset - first + count);
        const end = offset + group.length;
        const reached = positions?.filter((position) => position.until > offset && position.until <= end);
        const payload = blockToBytes({ from: offset, records: group, time, positions: reached }, this.#settings.codec);
        await this.#write(payload, offset);
        this.#note(payload.length, offset, offset + group.length, time);
        this.#recordBytes = payload.length / group.length;
        offset += group.length;
      }
      // The records are durable, but maybe not ours: what is written after another process has taken over it passes over.
      await this.#directory.checkOwner();
    });
  }

  async #write(payload: Buffer, next: number): Promise<void> {
    const { maxFailures, closeAfterWrite, failureObserver } = this.#settings;
    const begin = (before: readonly BlockSegment[]) => {
      this.#begun = false;
      this.#begunAt = this.#now();
      return { from: next, before, codec: this.#settings.codec?.name };
    };
    await this.#log.appendRetried([payload], begin, {
      due: this.#due,
      attempts: maxFailures,
      failed: (error, failures) => failureObserver?.next?.({ error, failures }),
    });
    this.#begun = true;
    if (closeAfterWrite) await this.#log.closeSegment();
  }

  #note(bytes: number, from: number, until: number, time: number | undefined): void {
    const at = this.#log.segmentBytes - bytes - this.#directory.recordOverhead;
    this.#frames.push({ from, until, bytes, segment: this.#log.number, at, ...(time !== undefined && { time }) });
  }

  /** The index of the first frame that ends behind this offset. */
  #frameOf(offset: number): number {
    return partitionPoint(this.#frames.length, (i) => (this.#frames[i] as BlockFrame).until <= offset);
  }

  /** Whether the next records are to be in a new segment. */
  get #due(): boolean {
    const { segmentBytes, rollInterval, closeAfterWrite } = this.#settings;
    if (this.#log.segmentBytes >= segmentBytes) return true;
    return this.#begun && (closeAfterWrite || this.#now() - this.#begunAt >= rollInterval);
  }

  async #close(): Promise<void> {
    // Their failures are reported where they were started.
    await Promise.allSettled([this.#appending, this.#releasing]);
    await this.#log.close();
  }
}
