import { EMPTY, from, type ObservableInput } from 'rxjs';
import { failpoint } from '../../../storage/failpoint.js';
import type { LockedDirectory } from '../../../storage/lockedDirectory.js';
import { SegmentedLog } from '../../../storage/segmentedLog.js';
import { checkLoggable } from '../loggableRecord.js';
import type { Block, WriteAheadLogRequest, WriteAheadLogSession } from '../writeAheadLog.js';
import { recoverSegments } from './recoverSegments.js';
import { type BlockSegment, type BlockSegmentBegin, blockSegmentFormat, blockToBytes } from './segmentRecords.js';

/** About how much is written and synced at once: what is encoded is in memory twice. */
const groupBytes = 4 << 20;
/** Assumed at first, and high: otherwise a first group of large records would be huge. */
const firstRecordBytes = 16_384;

type Segments = SegmentedLog<BlockSegment, BlockSegmentBegin>;

/**
 * An opened directory of a write-ahead log: segments, each deleted as a whole when all records in it are saved.
 *
 * What is synced at once is one frame: a power cut may leave any part of it, but never a whole frame behind a damaged one.
 */
export class FileLogSession implements WriteAheadLogSession {
  #recovered: readonly Block<unknown>[];
  readonly #directory: LockedDirectory;
  readonly #segmentBytes: number;
  readonly #log: Segments;
  /** Bytes of a record in the last group, on average. */
  #recordBytes = firstRecordBytes;
  #appending: Promise<void> | undefined;
  #releasing: Promise<void> | undefined;
  #closed = false;

  private constructor(
    directory: LockedDirectory,
    segmentBytes: number,
    recovered: readonly Block<unknown>[],
    log: Segments,
  ) {
    this.#directory = directory;
    this.#segmentBytes = segmentBytes;
    this.#recovered = recovered;
    this.#log = log;
  }

  static async open(
    directory: LockedDirectory,
    segmentBytes: number,
    request: WriteAheadLogRequest,
  ): Promise<FileLogSession> {
    const { blocks, segments, next, nextNumber, leftOver } = await recoverSegments(directory, request);
    const begin = { from: next, before: segments };
    const log = await SegmentedLog.open(directory, blockSegmentFormat, nextNumber, begin, leftOver);
    failpoint('segment:opened');
    return new FileLogSession(directory, segmentBytes, blocks, log);
  }

  recovered(): readonly Block<unknown>[] {
    const blocks = this.#recovered;
    this.#recovered = [];
    return blocks;
  }

  get bytes(): number {
    return this.#log.bytes;
  }

  check(record: unknown): void {
    checkLoggable('fileWriteAheadLog', record);
  }

  append(block: Block<unknown>): ObservableInput<unknown> {
    this.#appending = this.#append(block);
    return from(this.#appending);
  }

  release(offset: number): ObservableInput<unknown> {
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

  #append({ from: first, records }: Block<unknown>): Promise<void> {
    let offset = first;
    const until = first + records.length;
    const action = () => `write records ${offset} to ${until}`;
    return this.#log.write(action, async () => {
      while (offset < until) {
        if (this.#log.segmentBytes >= this.#segmentBytes) await this.#rotate(offset);
        const count = Math.max(Math.floor(groupBytes / this.#recordBytes), 1);
        const group = records.slice(offset - first, offset - first + count);
        const payload = blockToBytes({ from: offset, records: group });
        await this.#log.append([payload]);
        this.#recordBytes = payload.length / group.length;
        offset += group.length;
      }
      // The records are durable, but maybe not ours: what is written after another process has taken over it passes over.
      await this.#directory.checkOwner();
    });
  }

  #rotate(next: number): Promise<void> {
    return this.#log.rotate((before) => ({ from: next, before }));
  }

  async #close(): Promise<void> {
    // Their failures are reported where they were started.
    await Promise.allSettled([this.#appending, this.#releasing]);
    await this.#log.close();
  }
}
