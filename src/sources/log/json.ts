import { checkOptions, type OptionChecks } from '../../options/checkOptions.js';
import { oneOf } from '../../options/checks.js';
import type { RecordView } from './recordView.js';
import { isStandardSchema, type StandardSchema, type StandardSchemaOutput, validated } from './standardSchema.js';

/** Options of `json`. */
export interface JsonOptions {
  /**
   * What becomes of a record without a value (a tombstone): an invalid record, for the policy `invalidRecords`, or `null`.
   * @default 'error'
   */
  readonly tombstones?: 'error' | 'null' | undefined;
}

const optionChecks: OptionChecks<JsonOptions> = { tombstones: oneOf('error', 'null') };

/**
 * A deserializer that parses the value of each record as JSON. With a schema (zod, valibot, arktype: anything that implements Standard
 * Schema) the result has passed it, and the type of the records is the output of the schema. Without one nothing checks that the
 * result has the shape of `T`.
 *
 * A record without a value (a tombstone) is an invalid record, as text that is not JSON and what does not fit the schema are:
 * `invalidRecords` says what to do with it. With `tombstones: 'null'` a tombstone becomes `null`.
 *
 * @throws {InvalidOptionError} if `tombstones` is neither `'error'` nor `'null'`; as a notification, if the schema validates
 * asynchronously
 *
 * @see {@link string} for text
 * @see {@link bytes} for any other format
 *
 * @example
 * ```ts
 * import { foreachBatch, json, logBatches, memoryLog } from 'dstream';
 *
 * const log = memoryLog({ topics: { flights: 1 } });
 * log.append('flights', [{ value: '{"origin":"SFO","delay":7}' }]);
 * const flights = logBatches(log, {
 *   topics: ['flights'],
 *   start: 'earliest',
 *   interval: 10,
 *   deserialize: json<{ origin: string; delay: number }>(),
 * });
 * flights.pipe(foreachBatch(([flight]) => console.log(flight?.origin))).subscribe(() => flights.stop());
 * // => SFO
 * ```
 */
export function json<S extends StandardSchema>(
  schema: S,
  options: JsonOptions & { readonly tombstones: 'null' },
): (view: RecordView) => StandardSchemaOutput<S> | null;
/** A deserializer that parses the value of each record as JSON and validates it. */
export function json<S extends StandardSchema>(
  schema: S,
  options?: JsonOptions,
): (view: RecordView) => StandardSchemaOutput<S>;
/** A deserializer that parses the value of each record as JSON. */
export function json<T>(options: JsonOptions & { readonly tombstones: 'null' }): (view: RecordView) => T | null;
/** A deserializer that parses the value of each record as JSON. */
export function json<T>(options?: JsonOptions): (view: RecordView) => T;
export function json(
  first: StandardSchema | JsonOptions = {},
  second: JsonOptions = {},
): (view: RecordView) => unknown {
  const schema = isStandardSchema(first) ? first : undefined;
  const options: JsonOptions = isStandardSchema(first) ? second : first;
  checkOptions('json', options, optionChecks);
  const { tombstones = 'error' } = options;
  return (view) => {
    const text = view.valueText();
    if (text !== null) return schema ? validated(schema, JSON.parse(text)) : JSON.parse(text);
    if (tombstones === 'null') return null;
    throw new Error("it has no value (a tombstone): set invalidRecords, or json({ tombstones: 'null' })");
  };
}
