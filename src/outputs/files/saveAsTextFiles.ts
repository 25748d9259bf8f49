import { join, resolve } from 'node:path';
import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import { DStreamError, InvalidOptionError, StorageError } from '../../batch/errors.js';
import { makeDirectory } from '../../storage/makeDirectory.js';
import { type ForeachPartitionOptions, foreachPartition } from '../foreachPartition.js';
import { writeFileAtomically } from './writeFileAtomically.js';

/** Options of outputs to files: those of `foreachPartition` (retries, policy for a partition that cannot be written) and names. */
export interface SaveFilesOptions<T = unknown> extends ForeachPartitionOptions<T> {
  /** Extension of the file names, without the dot. Default: none, or `jsonl` for `saveAsObjectFiles`. */
  readonly suffix?: string;
}

/**
 * Output operation: writes each partition of each batch to its own file, one record per line, as `String` converts it.
 *
 * The files are `PREFIX-TIME/part-INDEX[.SUFFIX]`, by batch time and partition index. A partition without records results
 * in an empty file. A file exists whole or not at all, and a batch that runs again replaces its files: the files contain
 * every record once.
 *
 * Takes batches of any records; passes them on unchanged once their files are durable.
 *
 * Source: Spark's `saveAsTextFiles`.
 *
 * @throws {InvalidOptionError} if the prefix is empty, or an option of `foreachPartition` is out of its range
 * @throws {StorageError} (as a notification, unless `onError` says otherwise) if a file cannot be written
 *
 * @example
 * ```ts
 * import { mkdtempSync, readFileSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { fromBatches } from 'dstream';
 * import { saveAsTextFiles } from 'dstream/node';
 *
 * const folder = mkdtempSync(join(tmpdir(), 'words-'));
 * fromBatches([['to', 'be']], { interval: 10, partitions: 1 })
 *   .pipe(saveAsTextFiles(`${folder}/words`))
 *   .subscribe(({ context }) => console.log(readFileSync(`${folder}/words-${context.time}/part-00000`, 'utf8').trim()));
 * // => to
 * // => be
 * ```
 *
 * @see {@link saveAsObjectFiles}
 * @see {@link foreachPartition}
 */
export function saveAsTextFiles<T>(
  prefix: string,
  options: SaveFilesOptions<T> = {},
): OperatorFunction<Batch<T>, Batch<T>> {
  return saveFiles('saveAsTextFiles', prefix, options, String);
}

/** Shared with `saveAsObjectFiles`. */
export function saveFiles<T>(
  operator: string,
  prefix: string,
  { suffix, ...options }: SaveFilesOptions<T>,
  format: (record: T) => string,
): OperatorFunction<Batch<T>, Batch<T>> {
  if (typeof prefix !== 'string' || prefix === '') {
    throw new InvalidOptionError(operator, 'prefix', prefix, 'must be a non-empty path');
  }
  const ending = suffix === undefined ? '' : `.${suffix}`;
  // A batch has one directory, which the first partition creates and syncs for all.
  let last: { readonly folder: string; readonly made: Promise<void> } | undefined;
  const directory = (folder: string): Promise<void> => {
    if (last?.folder !== folder) last = { folder, made: makeDirectory(folder) };
    return last.made;
  };
  return foreachPartition<T>(async ({ index, records }, { time }) => {
    const folder = resolve(`${prefix}-${time}`);
    const path = join(folder, `part-${String(index).padStart(5, '0')}${ending}`);
    try {
      await directory(folder);
      await writeFileAtomically(path, lines(records, format));
    } catch (cause) {
      last = undefined;
      if (cause instanceof DStreamError) throw cause;
      throw new StorageError(path, `write a partition of the batch of time ${time}`, { cause });
    }
  }, options);
}

function* lines<T>(records: readonly T[], format: (record: T) => string): Iterable<string> {
  for (const record of records) yield format(record);
}
