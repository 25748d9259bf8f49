import { InvalidRecordError } from '../../batch/errors.js';
import { copyFault } from '../../collections/copyFault.js';

/**
 * Checks that a record will come back from a write-ahead log as it is.
 *
 * @param log the name of the log, for the error
 * @throws {InvalidRecordError} when the record contains something that cannot be restored
 */
export function checkLoggable(log: string, record: unknown): void {
  const fault = copyFault(record);
  if (fault === undefined) return;
  const rule = 'a record must be plain data, or built-in objects that structuredClone copies, at most 1,000 deep';
  throw new InvalidRecordError(log, record, `cannot be read back: it${fault}; ${rule}`);
}
