import { FencedError } from '../batch/errors.js';
import { failpoint } from './failpoint.js';
import type { LockedDirectory } from './lockedDirectory.js';
import type { LogWriter } from './logWriter.js';
import type { FinishedSegment, SegmentBegin, SegmentFormat } from './segmentFormat.js';

/**
 * A log in numbered files of one directory, opened to append.
 *
 *     segment-3, segment-4  finished: each first record lists the segments before it, with where they ended
 *     segment-5             being appended to
 *
 * Every opening begins a segment, so no file is ever written to by two processes. After a failure nothing more is written:
 * what the disk holds is unknown then, and a new opening reads it.
 */
export class SegmentedLog<S extends FinishedSegment, B extends SegmentBegin<S>> {
  readonly #directory: LockedDirectory;
  readonly #format: SegmentFormat<S, B>;
  #finished: readonly S[];
  #begin: B;
  #number: number;
  #writer: LogWriter;
  #failure: { readonly error: unknown } | undefined;
  /** Settles, and never fails, when the work that was asked for last has ended; `undefined` when nothing is under way. */
  #working: Promise<void> | undefined;

  private constructor(
    directory: LockedDirectory,
    format: SegmentFormat<S, B>,
    number: number,
    begin: B,
    writer: LogWriter,
  ) {
    this.#directory = directory;
    this.#format = format;
    this.#number = number;
    this.#begin = begin;
    this.#writer = writer;
    this.#finished = begin.before;
  }

  /**
   * Begins segment `number`, which is durable when this resolves. Only then are the files of `leftOver` deleted: no file that
   * counts needs them any more.
   */
  static async open<S extends FinishedSegment, B extends SegmentBegin<S>>(
    directory: LockedDirectory,
    format: SegmentFormat<S, B>,
    number: number,
    begin: B,
    leftOver: readonly string[],
  ): Promise<SegmentedLog<S, B>> {
    const writer = await beginSegment(directory, format, number, begin);
    try {
      for (const name of leftOver) await directory.remove(name);
    } catch (error) {
      await writer.close();
      throw error;
    }
    return new SegmentedLog(directory, format, number, begin, writer);
  }

  /** Segments to which nothing is appended any more, oldest first. */
  get finished(): readonly S[] {
    return this.#finished;
  }

  /** The number of the segment being appended to. */
  get number(): number {
    return this.#number;
  }

  /** The first record of the segment being appended to. */
  get begin(): B {
    return this.#begin;
  }

  /** Bytes of the segment being appended to. */
  get segmentBytes(): number {
    return this.#writer.size;
  }

  /** Bytes of all segments. */
  get bytes(): number {
    return this.#finished.reduce((sum, { end }) => sum + end, this.#writer.size);
  }

  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /**
   * Does work that writes, when all work before it has ended: two at once would write over each other. Once one has failed every later
   * one fails with the same error.
   *
   * @param action what the work does, for the message when the disk refuses
   */
  write(action: () => string, work: () => Promise<void>): Promise<void> {
    const begin = () => this.#do(action, work);
    const done = this.#working ? this.#working.then(begin) : begin();
    const ended = done
      .catch(() => {})
      .then(() => {
        if (this.#working === ended) this.#working = undefined;
      });
    this.#working = ended;
    return done;
  }

  async #do(action: () => string, work: () => Promise<void>): Promise<void> {
    if (this.#failure) throw this.#failure.error;
    try {
      await work();
    } catch (cause) {
      this.#failure = { error: this.#directory.failure(action(), cause) };
      throw this.#failure.error;
    }
  }

  /** Resolves when the records are durable: one write and one sync for all of them. One call at a time. */
  append(payloads: readonly Uint8Array[]): Promise<void> {
    return this.#writer.append(payloads);
  }

  /**
   * Like `append`. After a failure the records are written again, each time into a new segment: what the disk holds of the old
   * one behind its durable records is unknown, and no recovery reads it. Fails with the error of the last attempt.
   *
   * @param begin the first record of a new segment
   * @param due whether a new segment is to be begun at once
   * @param failed called after each failure, with the number of failures
   */
  async appendRetried(
    payloads: readonly Uint8Array[],
    begin: (before: readonly S[]) => B,
    { due, attempts, failed }: AppendRetries,
  ): Promise<void> {
    for (let failures = 0; ; ) {
      try {
        if (due || failures > 0) await this.rotate(begin);
        await this.append(payloads);
        return;
      } catch (error) {
        failed(error, ++failures);
        if (failures >= attempts || error instanceof FencedError) throw error;
      }
    }
  }

  /** Closes the file to which records were appended: the next ones need a new segment. */
  closeSegment(): Promise<void> {
    return this.#writer.close();
  }

  /** Begins the next segment. One that another process has begun under the same number is not overwritten. */
  async rotate(begin: (before: readonly S[]) => B): Promise<void> {
    await this.#directory.checkOwner();
    failpoint(`${this.#format.prefix}:before-rotate`);
    const before = this.#writer;
    const finished = this.#format.finish(this.#begin, this.#number, before.size);
    const next = begin([...this.#finished, finished]);
    this.#writer = await beginSegment(this.#directory, this.#format, this.#number + 1, next);
    // `remove` may have been called meanwhile.
    this.#finished = [...this.#finished, finished];
    this.#begin = next;
    this.#number++;
    await before.close();
    failpoint(`${this.#format.prefix}:after-rotate`);
  }

  /** Deletes finished segments that nobody needs any more, which must be the oldest. */
  async remove(segments: readonly S[]): Promise<void> {
    this.#finished = this.#finished.filter((segment) => !segments.includes(segment));
    await this.#directory.checkOwner();
    for (const { number } of segments) {
      await this.#directory.remove(`${this.#format.prefix}-${number}`);
      failpoint(`${this.#format.prefix}:deleted`);
    }
  }

  /** Closes the file and releases the directory. To be called when nothing is being written. */
  async close(): Promise<void> {
    try {
      await this.#writer.close();
    } catch (cause) {
      throw this.#directory.failure(`close the ${this.#format.prefix}`, cause);
    } finally {
      await this.#directory.release();
    }
  }
}

/** How often records are written. */
export interface AppendRetries {
  readonly due: boolean;
  readonly attempts: number;
  readonly failed: (error: unknown, failures: number) => void;
}

/** Resolves when the segment, with its first record and its name, is durable. */
async function beginSegment<S extends FinishedSegment, B extends SegmentBegin<S>>(
  directory: LockedDirectory,
  format: SegmentFormat<S, B>,
  number: number,
  begin: B,
): Promise<LogWriter> {
  const name = `${format.prefix}-${number}`;
  const writer = await directory.createLog(name, format.prefix);
  try {
    await writer.append([format.encode(begin)]);
    await directory.sync();
    return writer;
  } catch (error) {
    await writer.close().catch(() => {});
    // Another attempt begins the same segment. Under another number it might come behind one of a process that has taken over.
    await directory.remove(name).catch(() => {});
    throw error;
  }
}
