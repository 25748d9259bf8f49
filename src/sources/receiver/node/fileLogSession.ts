import { EMPTY, from, type ObservableInput } from 'rxjs';
import { beginLogFile } from '../../../storage/beginLogFile.js';
import type { DirectoryLock } from '../../../storage/directoryLock.js';
import { failpoint } from '../../../storage/failpoint.js';
import type { FileSystem } from '../../../storage/fileSystem.js';
import type { LogWriter } from '../../../storage/logWriter.js';
import { toStorageError } from '../../../storage/toStorageError.js';
import type { Block } from '../block.js';
import type { WriteAheadLogRequest, WriteAheadLogSession } from '../writeAheadLog.js';
import { type Recovery, recoverSegments, segmentPath } from './recoverSegments.js';
import { beginToBytes, blockToBytes, type SegmentBegin, type SegmentEnd } from './segmentRecords.js';

/** So many bytes are written and synced at once, about: what is encoded is in memory twice. */
const groupBytes = 4 << 20;

/**
 * An opened directory of a write-ahead log.
 *
 *     segment-3, segment-4  full; deleted when all in them is saved
 *     segment-5             being written to
 *
 * Every opening begins a segment; none is written to by two processes. What is synced at once is one frame, so that a power
 * cut, which may leave any part of it, never leaves a whole frame behind a damaged one.
 */
export class FileLogSession implements WriteAheadLogSession {
  #recovered: readonly Block<unknown>[];
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #lock: DirectoryLock;
  readonly #segmentBytes: number;
  /** Those that are not written to any more, oldest first. */
  #full: SegmentEnd[];
  #number: number;
  /** Offset of the first record that may be in the last segment. */
  #first: number;
  #log: LogWriter;
  /** What a record takes, about. Starts high, lest the first group is of large records and huge. */
  #recordBytes = groupBytes / 256;
  #appending: Promise<void> | undefined;
  #releasing: Promise<void> | undefined;
  /** Why nothing more is written: after a failure it is not known what the disk has. */
  #failure: unknown;
  #closed = false;

  private constructor(
    fs: FileSystem,
    directory: string,
    segmentBytes: number,
    lock: DirectoryLock,
    recovery: Recovery,
    log: LogWriter,
  ) {
    this.#recovered = recovery.blocks;
    this.#fs = fs;
    this.#directory = directory;
    this.#segmentBytes = segmentBytes;
    this.#lock = lock;
    this.#full = [...recovery.segments];
    this.#number = recovery.nextNumber;
    this.#first = recovery.next;
    this.#log = log;
  }

  static async open(
    fs: FileSystem,
    directory: string,
    segmentBytes: number,
    lock: DirectoryLock,
    request: WriteAheadLogRequest,
  ): Promise<FileLogSession> {
    const recovery = await recoverSegments(fs, directory, request);
    const begin = { from: recovery.next, before: recovery.segments };
    const log = await beginSegment(fs, directory, recovery.nextNumber, begin, recovery.leftOver);
    failpoint('segment:opened');
    return new FileLogSession(fs, directory, segmentBytes, lock, recovery, log);
  }

  recovered(): readonly Block<unknown>[] {
    const blocks = this.#recovered;
    this.#recovered = [];
    return blocks;
  }

  append(block: Block<unknown>): ObservableInput<unknown> {
    this.#appending = this.#append(block);
    return from(this.#appending);
  }

  release(offset: number): ObservableInput<unknown> {
    const saved = this.#full.filter((_, i) => (this.#full[i + 1]?.from ?? this.#first) <= offset);
    if (saved.length === 0 || this.#failure) return EMPTY;
    this.#full = this.#full.slice(saved.length);
    this.#releasing = this.#delete(saved);
    return from(this.#releasing);
  }

  close(): ObservableInput<unknown> {
    if (this.#closed) return EMPTY;
    this.#closed = true;
    const closed = this.#close();
    this.#lock.leaving(closed);
    return from(closed);
  }

  async #append({ from: first, records }: Block<unknown>): Promise<void> {
    if (this.#failure) throw this.#failure;
    let offset = first;
    const until = first + records.length;
    try {
      while (offset < until) {
        if (this.#log.size >= this.#segmentBytes) await this.#rotate(offset);
        const count = Math.max(Math.floor(groupBytes / this.#recordBytes), 1);
        const group = records.slice(offset - first, offset - first + count);
        const payload = blockToBytes({ from: offset, records: group });
        await this.#log.append([payload]);
        this.#recordBytes = payload.length / group.length;
        offset += group.length;
      }
      // It is durable; but for whom? What is written after another process has taken over is passed over by it.
      await this.#lock.check();
    } catch (cause) {
      this.#failure = toStorageError(this.#directory, `write records ${offset} to ${until}`, cause);
      throw this.#failure;
    }
  }

  /** A new segment. One that another process has begun with the same number is not written over. */
  async #rotate(next: number): Promise<void> {
    await this.#lock.check();
    failpoint('segment:before-rotate');
    const before = this.#log;
    const full = [...this.#full, { number: this.#number, from: this.#first, end: before.size }];
    this.#log = await beginSegment(this.#fs, this.#directory, this.#number + 1, { from: next, before: full });
    // Some may have been deleted meanwhile.
    this.#full = [...this.#full, full.at(-1) as SegmentEnd];
    this.#number++;
    this.#first = next;
    await before.close();
    failpoint('segment:after-rotate');
  }

  async #delete(segments: readonly SegmentEnd[]): Promise<void> {
    try {
      await this.#lock.check();
      for (const { number } of segments) {
        await this.#fs.remove(segmentPath(this.#directory, number));
        failpoint('segment:deleted');
      }
    } catch (cause) {
      throw toStorageError(this.#directory, 'delete a segment', cause);
    }
  }

  async #close(): Promise<void> {
    // What fails there is told there.
    await Promise.allSettled([this.#appending, this.#releasing]);
    try {
      await this.#log.close();
    } catch (cause) {
      throw toStorageError(this.#directory, 'close a segment', cause);
    } finally {
      await this.#lock.release();
    }
  }
}

function beginSegment(
  fs: FileSystem,
  directory: string,
  number: number,
  begin: SegmentBegin,
  leftOver?: readonly string[],
): Promise<LogWriter> {
  return beginLogFile(fs, segmentPath(directory, number), 'segment', beginToBytes(begin), leftOver);
}
