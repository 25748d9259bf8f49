import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import { perBatch } from '../operators/base/perBatch.js';
import { checkOptions, type OptionChecks } from '../options/checkOptions.js';
import { checkFunction, checkNonNegativeInteger } from '../options/checks.js';

/** Options of `printBatches`. */
export interface PrintBatchesOptions<T> {
  /**
   * Number of records of a batch that are printed.
   * @default 10
   */
  readonly count?: number | undefined;
  /**
   * Converts a record to text.
   * @default String
   */
  readonly format?: ((record: T) => string) | undefined;
  /**
   * Receives each line.
   * @default console.log
   */
  readonly write?: ((line: string) => void) | undefined;
}

const optionChecks: OptionChecks<PrintBatchesOptions<never>> = {
  count: checkNonNegativeInteger,
  format: checkFunction,
  write: checkFunction,
};

/**
 * Output operation for a first look: prints the time of each batch and its first records. Passes the batch on.
 *
 * Source: Spark's `print`.
 *
 * @throws {InvalidOptionError} if `count` is not an integer of at least 0, or `format` or `write` is not a function
 *
 * @example
 * ```ts
 * import { fromBatches, printBatches } from 'dstream';
 *
 * fromBatches([['a', 'b', 'c']], { interval: 10 })
 *   .pipe(printBatches({ count: 2, write: (line) => console.log(line.replace(/\d{4,}/, 'T')) }))
 *   .subscribe();
 * // => time T: 3 records
 * // =>   a
 * // =>   b
 * // =>   ...
 * ```
 *
 * @see {@link foreachBatch}
 */
export function printBatches<T>(options: PrintBatchesOptions<T> = {}): OperatorFunction<Batch<T>, Batch<T>> {
  checkOptions('printBatches', options, optionChecks);
  const { count = 10, format = String, write = (line: string) => console.log(line) } = options;
  return perBatch('printBatches', () => (batch) => {
    const { records } = batch;
    write(`time ${batch.context.time}: ${records.length} records`);
    for (const record of records.slice(0, count)) write(`  ${format(record)}`);
    if (records.length > count) write('  ...');
    batch.context.hold().release();
    return batch;
  });
}
