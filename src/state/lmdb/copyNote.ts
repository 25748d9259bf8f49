import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFully } from '../../storage/fileSystem.js';
import { privateFileSystem } from '../../storage/privateFileSystem.js';
import type { ChangelogRecord } from '../kafka/changelog.js';
import { isYoung } from '../kafka/copyFlaw.js';
import type { CopyMark, LocalCopy, VisitSlice } from '../kafka/localCopy.js';

// Beside the data file of a copy, a small file with a mark of it, so that a process can tell a thousand copies that it could use from others before it
// opens any: to open one takes a check of all its pages. It is written after the mark, and may be older, never newer.

const version = 1;
const noteFile = 'mark.json';
/** How much older than the mark it may be while the copy is open, in ms, unless tombstones are there for too short a time. */
const maxLagMs = 60_000;
const lagsPerRetention = 10;

/** What a note says. */
export type Note = Pick<CopyMark, 'log' | 'offset' | 'at' | 'tombstonesMs'>;

/** The note of a copy; `undefined` where it has none, as one that was not whole yet, or an unreadable one. */
export async function noteIn(directory: string): Promise<Note | undefined> {
  try {
    const note = JSON.parse(await privateFileSystem.readFile(join(directory, noteFile)));
    return note.version === version ? note : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the copy with this note could be used now, as far as that is known without its log. */
export function isUsable(note: Note | undefined, now: number): boolean {
  return note?.tombstonesMs !== undefined && isYoung(note.at, note.tombstonesMs, now);
}

/** A copy that keeps a note of its marks. */
export class NotedCopy implements LocalCopy {
  readonly #copy: LocalCopy;
  readonly #directory: string;
  /** The time of the mark that was noted last. */
  #notedAt = Number.NEGATIVE_INFINITY;
  /** The newest mark, until it is noted. */
  #pending: CopyMark | undefined;

  constructor(copy: LocalCopy, directory: string) {
    this.#copy = copy;
    this.#directory = directory;
  }

  get bytes(): number | undefined {
    return this.#copy.bytes;
  }

  mark(): CopyMark | undefined {
    return this.#copy.mark();
  }

  read(visit: VisitSlice): Promise<void> {
    return this.#copy.read(visit);
  }

  own(): Promise<void> {
    return this.#copy.own();
  }

  async write(records: readonly ChangelogRecord[], mark: CopyMark | undefined): Promise<void> {
    try {
      await this.#copy.write(records, mark);
    } catch (error) {
      // Another may have it, with a note of its own.
      this.#pending = undefined;
      throw error;
    }
    if (!mark) return;
    this.#pending = mark;
    const lag = Math.min(maxLagMs, (mark.tombstonesMs ?? maxLagMs) / lagsPerRetention);
    if (mark.at - this.#notedAt >= lag) await this.#note(mark);
  }

  async close(): Promise<void> {
    if (this.#pending) await this.#note(this.#pending);
    await this.#copy.close();
  }

  /** Never fails: without a note the copy is as good, and nobody knows so before it is opened. */
  async #note({ log, offset, at, tombstonesMs }: CopyMark): Promise<void> {
    this.#pending = undefined;
    this.#notedAt = at;
    const path = join(this.#directory, noteFile);
    const next = `${path}-${randomUUID()}`;
    try {
      const file = await privateFileSystem.open(next, 'wx');
      try {
        await writeFully(file, Buffer.from(JSON.stringify({ version, log, offset, at, tombstonesMs })), 0);
      } finally {
        await file.close();
      }
      await privateFileSystem.rename(next, path);
    } catch {
      await rm(next, { force: true }).catch(() => {});
    }
  }
}
