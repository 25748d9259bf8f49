import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EMPTY, type ObservableInput } from 'rxjs';
import { DeserializationError, ReceiverError } from '../../../batch/errors.js';
import type { OffsetRange } from '../../../batch/offsetRange.js';
import type { Partition } from '../../../batch/partition.js';
import type { Fetched, Plan, PlanRequest, SourceRun, SourceSetup, SourceStatus } from '../../source.js';
import { endOfLines, meanLineBytes, readRange } from './fileLines.js';
import type { FileReceiverSettings } from './fileReceiverOptions.js';

/** Assumed before anything has been read. */
const firstRecordBytes = 100;
const partition = 0;

/** A file that is being read. */
interface FollowedFile {
  readonly name: string;
  readonly start: number;
  /** After what is planned, in bytes. */
  planned: number;
  size: number;
  modified: number;
}

/** An opened directory: positions are bytes, a file is a topic with one partition. */
export class FileReceiverRun<T> implements SourceRun<T> {
  readonly #location: string;
  readonly #settings: FileReceiverSettings<T>;
  readonly #setup: SourceSetup;
  /** In the order in which they are read. */
  readonly #files = new Map<string, FollowedFile>();
  readonly #positions: Map<string, number>;
  /** On average; `undefined` before anything has been read. */
  #meanBytes: number | undefined;
  /** Before the first plan. */
  #fresh = true;

  constructor(location: string, settings: FileReceiverSettings<T>, setup: SourceSetup) {
    this.#location = location;
    this.#settings = settings;
    this.#setup = setup;
    this.#positions = new Map(setup.restored?.map(({ topic, offset }) => [topic, offset]));
    for (const { topic, until } of setup.replay.flat()) {
      this.#positions.set(topic, Math.max(until, this.#positions.get(topic) ?? 0));
    }
  }

  async plan({ interval, rate }: PlanRequest): Promise<Plan> {
    await this.#look();
    const waiting = [...this.#files.values()].filter(({ planned, size }) => planned < size);
    const [first] = waiting;
    if (first) this.#meanBytes ??= await meanLineBytes(join(this.#location, first.name), first.planned);
    const recordBytes = this.#meanBytes ?? firstRecordBytes;
    const bytesOf = (files: readonly FollowedFile[]) =>
      files.reduce((sum, { planned, size }) => sum + size - planned, 0);
    const allowed = rate(Math.ceil(bytesOf(waiting) / recordBytes));
    const most = allowed === undefined ? Infinity : (allowed * interval * recordBytes) / 1_000;
    const ranges: OffsetRange[] = [];
    let left = Math.min(most, this.#settings.maxBatchBytes);
    for (const file of waiting) {
      if (left <= 0) break;
      const range = await this.#rangeOf(file, left);
      if (!range) continue;
      ranges.push(range);
      left -= range.until - range.from;
      file.planned = range.until;
    }
    return { ranges, lag: Math.ceil(bytesOf(waiting) / recordBytes), rate: allowed };
  }

  async fetch({ ranges }: Plan): Promise<Fetched<T>> {
    const partitions: Partition<T>[] = [];
    let bytes = 0;
    let records = 0;
    for (const [index, range] of ranges.entries()) {
      const lines = await this.#lines(range);
      bytes += range.until - range.from;
      records += lines.length;
      partitions.push({ index, range, records: lines });
    }
    if (records > 0) this.#meanBytes = Math.max(bytes / records, 1);
    return { partitions, bytes };
  }

  commit(): ObservableInput<unknown> {
    return EMPTY;
  }

  snapshot(): SourceStatus {
    const partitions = [...this.#files.values()].map(({ name, start, planned, size }) => {
      return { topic: name, partition, start, planned, end: size, bufferedBytes: 0 };
    });
    return { partitions, bufferedBytes: 0 };
  }

  close(): ObservableInput<unknown> {
    return EMPTY;
  }

  /** Looks for files that are new, or have grown. */
  async #look(): Promise<void> {
    const { pattern, order, start } = this.#settings;
    const listed = await readdir(this.#location).catch((cause: Error) => {
      throw new ReceiverError(`fileReceiver ${this.#location}`, cause.message, { cause });
    });
    const names = listed.filter((name) => name.search(pattern) >= 0);
    const found: FollowedFile[] = [];
    for (const name of names) {
      const facts = await stat(join(this.#location, name)).catch(ignoreMissing);
      if (!facts?.isFile()) continue;
      const { size, mtimeMs: modified } = facts;
      const known = this.#files.get(name);
      if (known) {
        this.#checkLength(name, size, known.planned);
        known.size = size;
        known.modified = modified;
        continue;
      }
      const isOld = this.#fresh && start === 'latest' && this.#setup.restored === undefined;
      const planned = this.#positions.get(name) ?? (isOld ? size : 0);
      this.#checkLength(name, size, planned);
      found.push({ name, start: planned, planned, size, modified });
    }
    this.#fresh = false;
    const byName = (a: FollowedFile, b: FollowedFile) => (a.name < b.name ? -1 : 1);
    found.sort((a, b) => (order === 'time' ? a.modified - b.modified : 0) || byName(a, b));
    for (const file of found) this.#files.set(file.name, file);
    this.#forget(new Set(names));
  }

  #checkLength(name: string, size: number, read: number): void {
    if (size >= read) return;
    const reason = `it has ${size} bytes, and ${read} of it have been read: it was truncated, or another file has its name`;
    throw new ReceiverError(`fileReceiver ${join(this.#location, name)}`, reason);
  }

  /** Files that are gone need no memory. */
  #forget(names: ReadonlySet<string>): void {
    for (const [name, { planned }] of this.#files) {
      if (names.has(name)) continue;
      this.#files.delete(name);
      this.#positions.set(name, planned);
    }
  }

  /** Whole lines; `undefined` if no line has ended yet. */
  async #rangeOf({ name, planned, size, modified }: FollowedFile, bytes: number): Promise<OffsetRange | undefined> {
    const { maxLineBytes, idleTime } = this.#settings;
    const path = join(this.#location, name);
    const complete = this.#setup.scheduler.now() - modified >= idleTime;
    const until = await endOfLines(path, { from: planned, size, bytes, maxLineBytes, complete });
    return until > planned ? { topic: name, partition, from: planned, until } : undefined;
  }

  async #lines({ topic, from, until }: OffsetRange): Promise<readonly T[]> {
    const { parse } = this.#settings;
    const path = join(this.#location, topic);
    const bytes = await readRange(path, from, until);
    const records: T[] = [];
    let at = 0;
    while (at < bytes.length) {
      const newline = bytes.indexOf(0x0a, at);
      const end = newline < 0 ? bytes.length : newline;
      const line = bytes.toString('utf8', at, bytes[end - 1] === 0x0d && end > at ? end - 1 : end);
      try {
        records.push(parse(line, topic));
      } catch (cause) {
        throw new DeserializationError(topic, partition, from + at, { cause });
      }
      at = end + 1;
    }
    return records;
  }
}

/** A file may be gone between the listing and a look at it. */
function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}
