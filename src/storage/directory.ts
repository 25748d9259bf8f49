import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { DStreamError, StorageError } from '../batch/errors.js';
import { type FileSystem, type OpenFile, syncDirectory } from './fileSystem.js';
import { LogWriter } from './logWriter.js';
import { privateFileSystem } from './privateFileSystem.js';
import { type ReadOptions, readRecord, readRecords } from './readRecords.js';
import { frameBytes } from './recordFrame.js';
import { macBytes, RecordMac } from './recordMac.js';
import { type SalvageVisitor, salvageRecords } from './salvageRecords.js';

/** What authenticates the records in the files of a directory. */
export interface Integrity {
  readonly key: KeyObject;
  /** What the directory is for: files of one kind are not taken for another. */
  readonly what: string;
}

/** The files of one directory, by their names. */
export class Directory {
  readonly location: string;
  protected readonly fs: FileSystem;
  readonly #integrity: Integrity | undefined;

  /** @param location an absolute path */
  constructor(location: string, fs: FileSystem = privateFileSystem, integrity?: Integrity) {
    this.location = location;
    this.fs = fs;
    this.#integrity = integrity;
  }

  /** What authenticates the records of a file, under its final name; `undefined` where nothing does. */
  macOf(name: string): RecordMac | undefined {
    return this.#integrity && new RecordMac(this.#integrity.key, this.#integrity.what, name);
  }

  /** How many bytes a record takes beside its payload. */
  get recordOverhead(): number {
    return frameBytes + (this.#integrity ? macBytes : 0);
  }

  pathOf(name: string): string {
    return join(this.location, name);
  }

  names(): Promise<readonly string[]> {
    return this.fs.list(this.location);
  }

  /** Opens a file to be written; with `wx` it must not exist. */
  openFile(name: string, flags: 'w' | 'wx'): Promise<OpenFile> {
    return this.fs.open(this.pathOf(name), flags);
  }

  rename(from: string, to: string): Promise<void> {
    return this.fs.rename(this.pathOf(from), this.pathOf(to));
  }

  remove(name: string): Promise<void> {
    return this.fs.remove(this.pathOf(name));
  }

  /** Makes the names durable: without it, a file that was created or renamed may be gone after a power cut. */
  sync(): Promise<void> {
    return syncDirectory(this.location, this.fs);
  }

  /**
   * Calls `visit` with the payload of each record of a file. Returns where the whole records end.
   *
   * @throws {CorruptCheckpointError} naming file and offset
   */
  readRecords(name: string, options: ReadOptions, visit: (payload: Buffer, at: number) => void): Promise<number> {
    return readRecords(this.fs, this.pathOf(name), { ...options, mac: this.macOf(name) }, visit);
  }

  /** Reads all records of a file that are whole, and says what it has passed over. Returns where the last whole record ends. */
  salvageRecords(name: string, options: Omit<ReadOptions, 'kept' | 'mac'>, visitor: SalvageVisitor): Promise<number> {
    return salvageRecords(this.fs, this.pathOf(name), { ...options, mac: this.macOf(name) }, visitor);
  }

  /**
   * Returns the payload of the record whose frame begins at `at`, and whose length is known.
   *
   * @throws {CorruptCheckpointError} naming file and offset
   */
  readRecord(name: string, at: number, length: number): Promise<Buffer> {
    return readRecord(this.fs, this.pathOf(name), { at, length }, this.macOf(name));
  }

  /** Creates a log file; `kind` is for the names of its failpoints. */
  createLog(name: string, kind: string): Promise<LogWriter> {
    return LogWriter.create(this.fs, this.pathOf(name), kind, this.macOf(name));
  }

  /** What a failure is reported as: an error that is not ours came from the disk. */
  failure(action: string, cause: unknown): DStreamError {
    return cause instanceof DStreamError ? cause : new StorageError(this.location, action, { cause });
  }
}
