import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import { checkOptions } from '../../options/checkOptions.js';
import { withMethods } from '../../options/checks.js';
import type { FileFormat } from './fileFormat.js';
import { type FilePrefix, type SaveFilesOptions, saveFiles, saveFilesChecks } from './saveFiles.js';

/** Options of `saveAsTextFiles`. */
export interface SaveAsTextFilesOptions<T = unknown> extends SaveFilesOptions<T> {
  /** How a record is written: `csv()`, `jsonLines()`, or one of your own. Default: one line each, as `String` converts it. */
  readonly format?: FileFormat<T> | undefined;
}

/**
 * Output operation: writes each partition of each batch to its own file, one record per line, as `String` converts it.
 *
 * The files are `PREFIX-TIME/part-INDEX[.SUFFIX]`, by batch time and partition index; with a prefix that ends with `/` they are
 * `PREFIXTIME-part-INDEX[.SUFFIX]`, in a folder that batches share. In a job that is divided into tasks they are `part-TASK-INDEX`. A partition without records results in an empty file. A file exists
 * whole or not at all, and a batch that runs again replaces its files: the files contain every record once. Temporary files that a process
 * which died has left are removed when the first batch is written, if they are older than an hour.
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
  prefix: FilePrefix,
  options: SaveAsTextFilesOptions<T> = {},
): OperatorFunction<Batch<T>, Batch<T>> {
  checkOptions('saveAsTextFiles', options, { ...saveFilesChecks, format: withMethods('line') });
  const { format = { line: String }, ...others } = options;
  return saveFiles('saveAsTextFiles', prefix, others, format);
}
