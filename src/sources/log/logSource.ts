import { checkOptions } from '../../options/checkOptions.js';
import type { Source } from '../source.js';
import { checkLogClient } from './checkLogClient.js';
import type { LogClient } from './logClient.js';
import type { LogSourceOptions } from './logSourceOptions.js';
import { resolvedLogSource } from './resolvedLogSource.js';
import { logSourceChecks, resolveLogSourceOptions } from './resolveLogSourceOptions.js';

/**
 * A source over a partitioned log, for `batchesFrom`. It keeps its progress in the log when `groupId` is set.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 *
 * @see {@link logBatches} for a stream of this source alone
 * @see {@link batchesFrom} for an example
 */
export function logSource<T>(client: LogClient, options: LogSourceOptions<T>): Source<T> {
  checkLogClient('logSource', 'client', client);
  checkOptions('logSource', options, logSourceChecks);
  return resolvedLogSource('logSource', () => client, resolveLogSourceOptions('logSource', options));
}
