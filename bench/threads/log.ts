import { encodedLog } from '../../test/support/encodedLog.js';
import { encodeBatch } from '../../test/support/recordBatch.js';

const recordsPerBatch = 1_000;

/** A topic of one partition with this many records of 100 bytes, as record batches of Kafka. */
export function logOf(records: number) {
  const value = Buffer.alloc(100, 'x');
  const batches = Array.from({ length: Math.ceil(records / recordsPerBatch) }, (_, batch) =>
    encodeBatch(
      Array.from({ length: recordsPerBatch }, (_, i) => {
        const offset = batch * recordsPerBatch + i;
        return { offset, timestamp: 0, key: Buffer.from(`key${i % 50}`), value, headers: [] };
      }),
    ),
  );
  return encodedLog('t', [{ batches, latest: batches.length * recordsPerBatch }], 20);
}
