import { resolve } from 'node:path';
import { defer, type Observer } from 'rxjs';
import { checkOptions, type OptionChecks } from '../../../options/checkOptions.js';
import {
  checkBoolean,
  checkObserver,
  checkPositive,
  checkPositiveInteger,
  checkText,
  orInfinity,
  withMethods,
} from '../../../options/checks.js';
import type { OpenOptions } from '../../../state/checkpoint.js';
import { logCommand } from '../../../state/directoryCommand.js';
import { resolveTakeover, takeoverChecks } from '../../../state/resolveTakeover.js';
import { withSalvageHint } from '../../../state/salvageHint.js';
import type { FileSystem } from '../../../storage/fileSystem.js';
import { type IntegrityOptions, integrityChecks, integrityKeyOf } from '../../../storage/integrityKey.js';
import { LockedDirectory } from '../../../storage/lockedDirectory.js';
import { privateFileSystem } from '../../../storage/privateFileSystem.js';
import type { Acquisition, TakeoverOptions } from '../../../storage/takeover.js';
import type { WriteAheadLog, WriteAheadLogRequest, WriteAheadLogSession } from '../writeAheadLog.js';
import { FileLogSession, type FileLogSettings, type LogWriteFailure } from './fileLogSession.js';
import type { BlockCodec } from './segmentRecords.js';

/** Options of `fileWriteAheadLog`. */
export interface FileWriteAheadLogOptions extends TakeoverOptions, IntegrityOptions {
  /**
   * Size at which a segment is finished and the next one begun, in bytes. A segment is deleted as a whole, when all its
   * records are saved: so this is about how much more disk the log takes than what is still needed.
   * @default 16777216 (16 MiB)
   */
  readonly segmentBytes?: number | undefined;
  /**
   * Age at which a segment is finished and the next one begun, at the next write, in ms.
   * @default no limit
   */
  readonly rollInterval?: number | undefined;
  /**
   * The number of times in a row that a write may fail before the stream fails. After each failure the records are written again, into a
   * new segment.
   * @default 3
   */
  readonly maxFailures?: number | undefined;
  /**
   * Whether each write has a segment of its own, which is closed after it: for file systems on which only a file that is
   * closed is durable.
   * @default false
   */
  readonly closeAfterWrite?: boolean | undefined;
  /**
   * Its `next` receives each write that failed, also one that was repeated with success.
   * @default none
   */
  readonly failureObserver?: Partial<Observer<LogWriteFailure>> | undefined;
  /**
   * How records are encoded. With a codec of your own they may be anything that it encodes; what it cannot encode fails the
   * stream.
   * @default as V8 writes what the structured clone algorithm can copy
   */
  readonly codec?: BlockCodec | undefined;
}

/** What each option must be. */
export const fileLogChecks: OptionChecks<FileWriteAheadLogOptions> = {
  segmentBytes: checkPositiveInteger,
  rollInterval: orInfinity(checkPositive),
  maxFailures: checkPositiveInteger,
  closeAfterWrite: checkBoolean,
  failureObserver: checkObserver,
  codec: checkCodec,
  ...takeoverChecks,
  ...integrityChecks,
};

function checkCodec(owner: string, option: string, codec: unknown): void {
  withMethods('encode', 'decode')(owner, option, codec);
  checkText(owner, `${option}.name`, (codec as Partial<BlockCodec>).name);
}

/**
 * A write-ahead log in files of one directory, for one receiver: each group of records is written and synced
 * (`fdatasync`) before a batch may take it. While one group is written the next one gathers.
 *
 * Records must be plain data, or built-in objects that the structured clone algorithm copies (`Map`, `Set`, `Date`, bigints,
 * typed arrays), at most 1,000 deep; others are refused with an `InvalidRecordError`. Files have a version and checksums. A record that a crash cut off is
 * removed; other damage is refused with file and offset. One process uses a directory at a time: another one waits until its owner has
 * left or shows no sign of life.
 *
 * Source: Spark's `FileBasedWriteAheadLog`, with checksums, and synced.
 *
 * @param directory Created if it is missing. Belongs to the checkpoint of the stream: keep both, or remove both.
 * @throws {InvalidOptionError} when `directory` is empty or an option is out of its range
 * @throws {CheckpointError} (as a notification) when the directory is in use by another stream of this process, or by any with
 * `takeover: 'refuse'`
 * @throws {StorageError} (as a notification) when it cannot be read or written: the disk is full, or fails
 * @throws {FencedError} (as a notification) when another process has taken the directory over
 * @throws {CorruptCheckpointError} (as a notification) when a file is damaged, missing, of an unknown version, or not
 * written with this `integrityKey`
 * @throws {InvalidRecordError} (as a notification) when a record cannot be written, such as a function
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { foreachBatch, receiverBatches } from 'dstream';
 * import { fileCheckpoint, fileWriteAheadLog } from 'dstream/node';
 *
 * const directory = mkdtempSync(join(tmpdir(), 'receiver-'));
 * receiverBatches<string>(
 *   ({ store, complete }) => {
 *     // The message will survive a crash: its sender may forget it.
 *     store('a message', () => console.log('stored'));
 *     complete();
 *   },
 *   {
 *     interval: 5,
 *     checkpoint: fileCheckpoint(`${directory}/checkpoint`),
 *     writeAheadLog: fileWriteAheadLog(`${directory}/wal`),
 *   },
 * )
 *   .pipe(
 *     foreachBatch((records) => {
 *       if (records.length > 0) console.log(records);
 *     }),
 *   )
 *   .subscribe();
 * // => stored
 * // => [ 'a message' ]
 * ```
 */
export function fileWriteAheadLog(directory: string, options: FileWriteAheadLogOptions = {}): WriteAheadLog {
  checkText('fileWriteAheadLog', 'directory', directory);
  checkOptions('fileWriteAheadLog', options, fileLogChecks);
  const settings = resolveFileLogOptions(options);
  const location = resolve(directory);
  const takeover = resolveTakeover(options);
  const open = async (request: WriteAheadLogRequest) => {
    try {
      return await openSegments(privateFileSystem, location, settings, request, takeover(waitOf(request)));
    } catch (error) {
      throw withSalvageHint(error, { command: (action) => logCommand(location, action) });
    }
  };
  return { location, open: (request) => defer(() => open(request)) };
}

export function resolveFileLogOptions(options: FileWriteAheadLogOptions): FileLogSettings {
  const { segmentBytes = 16 * 1024 * 1024, rollInterval = Infinity, maxFailures = 3 } = options;
  const { closeAfterWrite = false, failureObserver, codec } = options;
  const integrityKey = integrityKeyOf(options);
  return { segmentBytes, rollInterval, maxFailures, closeAfterWrite, failureObserver, codec, integrityKey };
}

/** Opens the directory on any file system: tests pass one that is full or fails. */
export function openSegments(
  fs: FileSystem,
  location: string,
  settings: FileLogSettings,
  request: WriteAheadLogRequest,
  acquisition?: Acquisition,
): Promise<WriteAheadLogSession> {
  const open = (directory: LockedDirectory) => FileLogSession.open(directory, settings, request);
  return LockedDirectory.open(location, 'write-ahead log', open, fs, acquisition, settings.integrityKey);
}

function waitOf({ waiting, signal }: WriteAheadLogRequest): OpenOptions {
  return { ...(waiting && { waiting }), ...(signal && { signal }) };
}
