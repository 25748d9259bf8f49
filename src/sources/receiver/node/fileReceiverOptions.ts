import type { Resolved } from '../../../options/resolved.js';
/** Options of `fileReceiver`. */
export interface FileReceiverOptions<T> {
  /**
   * Makes a record of a line. What it throws fails the stream, with file and offset.
   * @default the line itself
   */
  readonly parse?: ((line: string, file: string) => T) | undefined;
  /**
   * Which files are read, by their names.
   * @default all but those that begin with `.` or `_`, or end with `.tmp`
   */
  readonly pattern?: RegExp | undefined;
  /**
   * In which order files are read: by name, or by the time of their last change when they are first seen.
   * @default 'name'
   */
  readonly order?: 'name' | 'time' | undefined;
  /**
   * Where a stream without a checkpoint begins: with the files that are there, or with what is added later.
   * @default 'earliest'
   */
  readonly start?: 'earliest' | 'latest' | undefined;
  /**
   * How many bytes a batch takes at most, also without a rate.
   * @default 67108864 (64 MiB)
   */
  readonly maxBatchBytes?: number | undefined;
  /**
   * The longest line, in bytes: a longer one fails the stream.
   * @default 1048576 (1 MiB)
   */
  readonly maxLineBytes?: number | undefined;
  /**
   * How long a file must not have changed before a last line without a line end is taken, in ms. Until then it may be
   * half written.
   * @default 10000
   */
  readonly idleTime?: number | undefined;
}

export type FileReceiverSettings<T> = Resolved<FileReceiverOptions<T>>;
