import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import { checkOptions } from '../../options/checkOptions.js';
import { jsonLines } from './fileFormat.js';
import { type FilePrefix, type SaveFilesOptions, saveFiles, saveFilesChecks } from './saveFiles.js';

/**
 * Output operation: writes each partition of each batch to its own file, one record per line, as JSON (JSON Lines). Names,
 * replacement and durability are those of `saveAsTextFiles`; the suffix is `jsonl` unless you set another.
 *
 * Source: Spark's `saveAsObjectFiles`, in a format that everything can read.
 *
 * @throws {InvalidOptionError} if the prefix is empty, or an option of `foreachPartition` is out of its range
 * @throws {InvalidRecordError} (as a notification) if a record has no JSON form, such as `undefined` or a bigint
 * @throws {StorageError} (as a notification) if a file cannot be written
 *
 * @example
 * ```ts
 * import { mkdtempSync, readFileSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { fromBatches } from 'dstream';
 * import { saveAsObjectFiles } from 'dstream/node';
 *
 * const folder = mkdtempSync(join(tmpdir(), 'words-'));
 * fromBatches([[{ word: 'to', count: 2 }]], { interval: 10, partitions: 1 })
 *   .pipe(saveAsObjectFiles(`${folder}/words`))
 *   .subscribe(({ context }) => {
 *     console.log(readFileSync(`${folder}/words-${context.time}/part-00000.jsonl`, 'utf8').trim());
 *   });
 * // => {"word":"to","count":2}
 * ```
 *
 * @see {@link saveAsTextFiles}
 * @see {@link foreachPartition}
 */
export function saveAsObjectFiles<T>(
  prefix: FilePrefix,
  options: SaveFilesOptions<T> = {},
): OperatorFunction<Batch<T>, Batch<T>> {
  checkOptions('saveAsObjectFiles', options, saveFilesChecks);
  return saveFiles<T>('saveAsObjectFiles', prefix, options, jsonLines());
}
