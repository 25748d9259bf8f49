import { resolve } from 'node:path';
import { of } from 'rxjs';
import { InvalidOptionError } from '../../../batch/errors.js';
import { checkOptions, type OptionChecks } from '../../../options/checkOptions.js';
import { checkFunction, checkNonNegative, checkPositiveInteger, checkText, oneOf } from '../../../options/checks.js';
import { withDefaults } from '../../../options/withDefaults.js';
import type { Source } from '../../source.js';
import type { FileReceiverOptions, FileReceiverSettings } from './fileReceiverOptions.js';
import { FileReceiverRun } from './fileReceiverRun.js';

const defaultPattern = /^(?![._]).*(?<!\.tmp)$/;

const optionChecks: OptionChecks<FileReceiverOptions<never>> = {
  parse: checkFunction,
  pattern: checkPattern,
  order: oneOf('name', 'time'),
  start: oneOf('earliest', 'latest'),
  maxBatchBytes: checkPositiveInteger,
  maxLineBytes: checkPositiveInteger,
  idleTime: checkNonNegative,
};

function checkPattern(owner: string, option: string, pattern: unknown): void {
  if (!(pattern instanceof RegExp)) {
    throw new InvalidOptionError(owner, option, pattern, 'must be a regular expression');
  }
}

/**
 * A source over the files of a directory, for `batchesFrom`: each line of each file once. Files are read in order, one after the
 * other, and files that grow are read on where they ended. A batch is byte ranges of files, decided before they are
 * read: with a checkpoint a restart replays it from the files themselves, and needs no write-ahead log. Files are neither
 * changed nor deleted; a file may be deleted once its batch is saved.
 *
 * Files of a directory below are not read. The checkpoint has a position for each file that has been read.
 *
 * Source: Spark's `textFileStream`, which reads each file once and whole.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 * @throws {ReceiverError} (as a notification) when a file has become shorter or was deleted while it was being read
 *
 * @example
 * ```ts
 * import { mkdtempSync, writeFileSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { batchesFrom, foreachBatch } from 'dstream';
 * import { fileReceiver } from 'dstream/node';
 *
 * const directory = mkdtempSync(join(tmpdir(), 'incoming-'));
 * writeFileSync(join(directory, '1.txt'), 'a\nb\n');
 * const { lines } = batchesFrom({ lines: fileReceiver(directory) }, { interval: 50 });
 * const subscription = lines
 *   .pipe(
 *     foreachBatch((records) => {
 *       if (records.length === 0) return;
 *       console.log(records);
 *       subscription.unsubscribe();
 *     }),
 *   )
 *   .subscribe();
 * // => [ 'a', 'b' ]
 * ```
 */
export function fileReceiver<T = string>(directory: string, options: FileReceiverOptions<T> = {}): Source<T> {
  const owner = 'fileReceiver';
  checkText(owner, 'directory', directory);
  checkOptions(owner, options, optionChecks);
  const defaults = {
    parse: (line: string) => line as T,
    pattern: defaultPattern,
    order: 'name' as const,
    start: 'earliest' as const,
    maxBatchBytes: 64 << 20,
    maxLineBytes: 1 << 20,
    idleTime: 10_000,
  };
  const settings: FileReceiverSettings<T> = withDefaults(defaults, options);
  const location = resolve(directory);
  return { kind: owner, durable: false, open: (setup) => of(new FileReceiverRun<T>(location, settings, setup)) };
}
