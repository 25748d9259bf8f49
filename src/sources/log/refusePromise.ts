import { InvalidOptionError } from '../../batch/errors.js';
import type { RecordView } from './recordView.js';

/**
 * A promise from `deserialize` would read the view after its buffer has moved on to other records, and reach operators as a record.
 * It is a fault of the program and not of a record, so it fails the stream whatever `invalidRecords` says.
 *
 * @throws {InvalidOptionError} when `record` is a promise
 */
export function refusePromise(
  owner: string,
  deserialize: (view: RecordView) => unknown,
  view: RecordView,
  record: object,
): void {
  if (!('then' in record && typeof record.then === 'function')) return;
  const { topic, partition, offset } = view;
  // Nobody waits for it any more: a rejection must not end the process.
  Promise.resolve(record).catch(() => {});
  const rule =
    `must be synchronous: it returned a promise for ${topic}/${partition} at offset ${offset}; decode to bytes() or string() ` +
    'and await in concatMapBatch instead';
  throw new InvalidOptionError(owner, 'deserialize', deserialize, rule);
}
