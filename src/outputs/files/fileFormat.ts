import { InvalidOptionError, InvalidRecordError } from '../../batch/errors.js';
import { checkOptions, type OptionChecks, required } from '../../options/checkOptions.js';
import { checkBoolean, checkText } from '../../options/checks.js';

/** How records are written to files as text: `jsonLines()`, `csv()`, or one of your own. */
export interface FileFormat<T> {
  /** Extension of the file names, without the dot. Default: none. */
  readonly suffix?: string;
  /** First line of each file. Default: none. */
  readonly header?: string;
  /** The text of a record, without the line break at its end. */
  readonly line: (record: T) => string;
}

/**
 * One record per line, as JSON: the format of `saveAsObjectFiles`.
 *
 * @see {@link csv}
 */
export function jsonLines<T>(): FileFormat<T> {
  return { suffix: 'jsonl', line: toJson };
}

/** Options of `csv`. */
export interface CsvOptions<T> {
  /** The fields of a record to write, in this order. */
  readonly columns: readonly (keyof T & string)[];
  /**
   * Whether each file begins with the names of the columns.
   * @default true
   */
  readonly header?: boolean | undefined;
  /**
   * What separates the fields.
   * @default ','
   */
  readonly separator?: string | undefined;
}

const csvChecks: OptionChecks<CsvOptions<never>> = {
  columns: required(checkColumns),
  header: checkBoolean,
  separator: checkSeparator,
};

function checkColumns(owner: string, option: string, columns: unknown): void {
  if (!Array.isArray(columns) || columns.length === 0) {
    throw new InvalidOptionError(owner, option, columns, 'must name at least one column');
  }
  for (const [i, column] of columns.entries()) checkText(owner, `${option}[${i}]`, column);
}

function checkSeparator(owner: string, option: string, separator: unknown): void {
  if (typeof separator === 'string' && separator.length === 1 && !/["\r\n]/.test(separator)) return;
  throw new InvalidOptionError(owner, option, separator, 'must be a single character, and no quote or line break');
}

/**
 * Comma-separated values, as RFC 4180 has them: a field with a separator, a quote or a line break is quoted. `null` and `undefined` are empty
 * fields; dates are written in ISO 8601, objects as JSON, and all else as `String` converts it. Lines end with a line feed.
 *
 * @throws {InvalidOptionError} if there is no column, or the separator is not a single character
 *
 * @example
 * ```ts
 * import { csv } from 'dstream/node';
 *
 * const { header, line } = csv<{ item: string; price: number }>({ columns: ['item', 'price'] });
 * console.log(header);
 * console.log(line({ item: 'tea, green', price: 3 }));
 * // => item,price
 * // => "tea, green",3
 * ```
 *
 * @see {@link jsonLines}
 * @see {@link saveAsTextFiles}
 */
export function csv<T>(options: CsvOptions<T>): FileFormat<T> {
  checkOptions('csv', options, csvChecks);
  const { columns, header = true, separator = ',' } = options;
  const lineOf = (fields: readonly unknown[]) =>
    fields.map((field) => quoted(textOf(field), separator)).join(separator);
  return {
    suffix: 'csv',
    ...(header && { header: lineOf(columns) }),
    line: (record) => lineOf(columns.map((column) => record[column])),
  };
}

function textOf(field: unknown): string {
  if (field === null || field === undefined) return '';
  if (field instanceof Date) return field.toISOString();
  return typeof field === 'object' ? toJson(field) : String(field);
}

function quoted(text: string, separator: string): string {
  return text.includes(separator) || /["\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function toJson(record: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(record);
  } catch (cause) {
    throw new InvalidRecordError('saveAsObjectFiles', String(record), `has no JSON form: ${String(cause)}`);
  }
  if (text === undefined) throw new InvalidRecordError('saveAsObjectFiles', record, 'has no JSON form');
  return text;
}
