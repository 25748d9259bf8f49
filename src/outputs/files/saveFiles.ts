import { pipeline, Readable } from 'node:stream';
import { createBrotliCompress, createGzip } from 'node:zlib';
import { from, lastValueFrom, type ObservableInput, type OperatorFunction } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import { DStreamError, InvalidOptionError, StorageError } from '../../batch/errors.js';
import type { OptionChecks } from '../../options/checkOptions.js';
import { checkText, oneOf, withMethods } from '../../options/checks.js';
import { type ForeachPartitionOptions, foreachPartition, foreachPartitionChecks } from '../foreachPartition.js';
import type { FileFormat } from './fileFormat.js';
import type { FileSink } from './fileSink.js';
import { localFiles } from './localFiles.js';

/** The batch that a file is of. */
export interface FileContext {
  /** The batch time, in ms. */
  readonly time: number;
  /** The batch interval, in ms. */
  readonly interval: number;
}

/** What the names of files start with: a path, or a function that returns one for each batch. */
export type FilePrefix = string | ((context: FileContext) => string);

/** Options of outputs to files: those of `foreachPartition` (retries, policy for a partition that cannot be written) and names. */
export interface SaveFilesOptions<T = unknown> extends ForeachPartitionOptions<T> {
  /** Extension of the file names, without the dot. Default: that of the format. */
  readonly suffix?: string | undefined;
  /**
   * How the files are compressed; their names get `.gz` or `.br` as another extension.
   * @default 'none'
   */
  readonly compression?: 'none' | 'gzip' | 'brotli' | undefined;
  /** Where the files are written, such as an object store. Default: the local file system. */
  readonly sink?: FileSink | undefined;
}

/** What each option must be. */
export const saveFilesChecks: OptionChecks<SaveFilesOptions> = {
  ...foreachPartitionChecks,
  suffix: checkText,
  compression: oneOf('none', 'gzip', 'brotli'),
  sink: withMethods('write'),
};

const extensions = { none: '', gzip: '.gz', brotli: '.br' } as const;

/** Characters per write: enough for few writes, without the whole file in memory. */
const chunkCharacters = 65_536;

/** Makes the outputs to files. */
export function saveFiles<T>(
  operator: string,
  prefix: FilePrefix,
  { suffix, compression = 'none', sink = localFiles(), ...options }: SaveFilesOptions<T>,
  format: FileFormat<T>,
): OperatorFunction<Batch<T>, Batch<T>> {
  if (typeof prefix !== 'function') checkPrefix(operator, prefix);
  const extension = suffix ?? format.suffix;
  const ending = `${extension === undefined ? '' : `.${extension}`}${extensions[compression]}`;
  return foreachPartition<T>(async ({ index, records }, { time, interval, part }) => {
    const start = typeof prefix === 'function' ? checkPrefix(operator, prefix({ time, interval })) : prefix;
    // Files of several parts of a job have the same index.
    const file = `part-${part === undefined ? '' : `${part}-`}${String(index).padStart(5, '0')}${ending}`;
    // In a folder that batches share, such as that of an hour, the time is in the name of the file.
    const name = start.endsWith('/') ? `${start}${time}-${file}` : `${start}-${time}/${file}`;
    try {
      await completed(sink.write(name, compressed(chunksOf(records, format), compression)));
    } catch (cause) {
      if (cause instanceof DStreamError) throw cause;
      throw new StorageError(name, `write a partition of the batch of time ${time}`, { cause });
    }
  }, options);
}

function completed(input: ObservableInput<unknown>): Promise<unknown> {
  return lastValueFrom(from(input), { defaultValue: undefined });
}

function checkPrefix(operator: string, prefix: string): string {
  if (typeof prefix === 'string' && prefix !== '') return prefix;
  throw new InvalidOptionError(operator, 'prefix', prefix, 'must be a non-empty path');
}

/** The lines of the records, joined to chunks. */
async function* chunksOf<T>(records: readonly T[], { header, line }: FileFormat<T>): AsyncGenerator<Uint8Array> {
  let part = header === undefined ? '' : `${header}\n`;
  for (const record of records) {
    part += `${line(record)}\n`;
    if (part.length < chunkCharacters) continue;
    yield Buffer.from(part);
    part = '';
  }
  if (part !== '') yield Buffer.from(part);
}

function compressed(
  chunks: AsyncIterable<Uint8Array>,
  compression: keyof typeof extensions,
): AsyncIterable<Uint8Array> {
  if (compression === 'none') return chunks;
  const compressor = compression === 'gzip' ? createGzip() : createBrotliCompress();
  // An error of the records arrives where the compressor is read.
  return pipeline(Readable.from(chunks), compressor, () => {});
}
