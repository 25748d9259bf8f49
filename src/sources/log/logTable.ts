import type { Key } from '../../batch/key.js';
import { checkOptions } from '../../options/checkOptions.js';
import type { Source } from '../source.js';
import { checkLogClient } from './checkLogClient.js';
import type { LogClient } from './logClient.js';
import { resolvedLogSource } from './resolvedLogSource.js';
import { resolveLogSourceOptions } from './resolveLogSourceOptions.js';
import {
  type LogTableOptions,
  logTableChecks,
  readFirst,
  type TableChange,
  tableSourceOptions,
} from './tableOptions.js';

/**
 * A topic of a log as a table for `batchesFrom` and `joinTable`: the newest record of each key is its row, and a record without a value
 * deletes it. It is read from its beginning, or from the checkpoint, to its end before any other source of the driver begins, and kept in
 * step from then on.
 *
 * A record without a key is an invalid record: `invalidRecords` says what to do with it.
 *
 * Source: a `KTable` of Kafka Streams.
 *
 * @throws {InvalidOptionError} if an option is out of its range
 *
 * @example
 * ```ts
 * import { batchesFrom, foreachBatch, joinTable, json, logSource, logTable, mapRecords, memoryLog } from 'dstream';
 *
 * const log = memoryLog({ topics: { clicks: 1, users: 1 } });
 * log.append('users', [{ key: 'ann', value: '{"city":"Paris"}' }]);
 * const { clicks, users } = batchesFrom(
 *   {
 *     clicks: logSource(log, { topics: ['clicks'], start: 'earliest', deserialize: json<string>() }),
 *     users: logTable(log, { topic: 'users', deserialize: json<{ city: string }>() }),
 *   },
 *   { interval: 10 },
 * );
 * log.append('clicks', [{ value: '"ann"' }, { value: '"bob"' }]);
 * clicks
 *   .pipe(
 *     mapRecords((user) => [user, 'click']),
 *     joinTable(users),
 *     foreachBatch((joined) => {
 *       for (const [user, [what, { city }]] of joined) {
 *         console.log(user, what, city);
 *         void clicks.stop();
 *       }
 *     }),
 *   )
 *   .subscribe();
 * // => ann click Paris
 * ```
 *
 * @see {@link joinTable}
 * @see {@link tableFrom}
 */
export function logTable<V, K extends Key = string>(
  client: LogClient,
  options: LogTableOptions<K, V>,
): Source<TableChange<K, V>> {
  checkLogClient('logTable', 'client', client);
  checkOptions('logTable', options, logTableChecks);
  const resolved = resolveLogSourceOptions('logTable', tableSourceOptions(options));
  return readFirst(resolvedLogSource('logTable', () => client, resolved));
}
