import type { ChangelogRecord } from './changelog.js';

/** As of when a copy is. */
export interface CopyMark {
  /** The log: a topic that was created again is another one. */
  readonly log: string;
  /** Everything before it is in the copy. */
  readonly offset: number;
  /** The epoch of the leader at that offset or before it; absent where that is unknown. */
  readonly epoch?: number | undefined;
  /** When that was the end of the log, or later than that: ms on the wall clock of this machine. */
  readonly at: number;
  /** For how long a tombstone of the log was there at least, ms, when that could be asked last. */
  readonly tombstonesMs?: number | undefined;
}

/** Receives a record in place: the bytes of its key and of its value, which are valid until the next one is visited. */
export type VisitSlice = (
  key: Buffer,
  keyStart: number,
  keyEnd: number,
  value: Buffer,
  valueStart: number,
  valueEnd: number,
) => void;

/** A copy of a changelog on this machine: the newest record of each key. */
export interface LocalCopy {
  /** Bytes on disk; `undefined` where that is unknown. */
  readonly bytes: number | undefined;
  /** `undefined` for one that is not complete, or new. */
  mark(): CopyMark | undefined;
  /** @throws {CorruptCheckpointError} when it is damaged: some records may have been visited */
  read(visit: VisitSlice): Promise<void>;
  /** Takes the right to write: its former owner writes nothing more. */
  own(): Promise<void>;
  /**
   * Writes records, the newer ones last, and with a mark what it is as of then, in one transaction.
   *
   * @throws {FencedError} when another has taken it: nothing was written then
   */
  write(records: readonly ChangelogRecord[], mark: CopyMark | undefined): Promise<void>;
  close(): Promise<void>;
}

/** Where copies of one changelog are. */
export interface LocalCopies {
  /** Names the place in messages. */
  readonly location: string;
  /** Nobody deletes the copies here, and what nobody wants beside them is deleted, until what it returns is called. That never fails. */
  hold(): () => Promise<void>;
  /** Fails where the package that it takes is not installed: then there would never be a copy. */
  ready(): Promise<void>;
  /** Whether there is a copy that could be used, as far as that can be known without opening it and without the log: it is whole, and young enough. */
  exists(): Promise<boolean>;
  /** The newest copy, else a new one. With `toRead` nothing is written to it before it was read, which checks what this does not. */
  open(how?: { readonly toRead?: boolean }): Promise<LocalCopy>;
  /** A new one, in place of all that are there. */
  renew(): Promise<LocalCopy>;
}
