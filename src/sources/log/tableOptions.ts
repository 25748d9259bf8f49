import type { Key, Pair } from '../../batch/key.js';
import { type OptionChecks, required } from '../../options/checkOptions.js';
import { checkFunction, checkText } from '../../options/checks.js';
import type { Source } from '../source.js';
import type { LogSourceOptions } from './logSourceOptions.js';
import type { RecordView } from './recordView.js';
import { logSourceChecks } from './resolveLogSourceOptions.js';

/** Options of `logTable`; `kafkaTable` has those of the client too. */
export interface LogTableOptions<K extends Key, V>
  extends Pick<
    LogSourceOptions<V>,
    'offsetOutOfRange' | 'invalidRecords' | 'maxBytesPerBatch' | 'maxBufferedBytes' | 'discoverInterval'
  > {
  /** The topic, which should be compacted: the newest record of each key is its row. */
  readonly topic: string;
  /** Turns a record with a value into a row. A record without one (a tombstone) deletes the row of its key, and is not passed. */
  readonly deserialize: (view: RecordView) => V;
  /** The key of a row. Default: the key of the record, as text. */
  readonly key?: ((view: RecordView) => K) | undefined;
}

/** A change of a table: a key with its new row, or `null` where the row is deleted. */
export type TableChange<K extends Key, V> = Pair<K, V | null>;

/** What each option must be. */
export const logTableChecks: OptionChecks<LogTableOptions<never, never>> = {
  topic: required(checkText),
  deserialize: required(checkFunction),
  key: checkFunction,
  offsetOutOfRange: logSourceChecks.offsetOutOfRange,
  invalidRecords: logSourceChecks.invalidRecords,
  maxBytesPerBatch: logSourceChecks.maxBytesPerBatch,
  maxBufferedBytes: logSourceChecks.maxBufferedBytes,
  discoverInterval: logSourceChecks.discoverInterval,
};

/** The options of the source, of those that have been checked with `logTableChecks`. */
export function tableSourceOptions<K extends Key, V>(
  options: LogTableOptions<K, V>,
): LogSourceOptions<TableChange<K, V>> {
  const { topic, deserialize, key, ...rest } = options;
  return {
    ...rest,
    topics: [topic],
    start: 'earliest',
    deserialize: (view) => {
      if (view.key === null) throw new Error('it has no key: a row of a table has one');
      const rowKey = key ? key(view) : (view.keyText() as K);
      return [rowKey, view.value === null ? null : deserialize(view)];
    },
  };
}

/** A source that is read to its end before the others of its driver begin. */
export function readFirst<T>(source: Source<T>): Source<T> {
  const { segments: _, ...eager } = source;
  return { ...eager, readFirst: true };
}
