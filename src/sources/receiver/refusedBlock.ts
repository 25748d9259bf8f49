import { CheckpointError } from '../../batch/errors.js';
import type { Block } from './writeAheadLog.js';

/**
 * Why a log cannot take a block; `undefined` when it can. A log with a gap, or with records that come twice, could not be opened again.
 *
 * @param next the offset of the record that comes next; `undefined` when the log is closed
 * @param gaps whether records may be left out, where nobody opens it again
 */
export function refusedBlock(
  location: string,
  { from, records }: Block<unknown>,
  next: number | undefined,
  gaps = false,
): CheckpointError | undefined {
  if (from === next || (gaps && next !== undefined && from > next)) return undefined;
  const cause = new Error(next === undefined ? 'it is closed' : `record ${next} comes next`);
  return new CheckpointError(location, `write records ${from} to ${from + records.length}`, { cause });
}
