import { kafkaPartitioner } from 'dstream';
import { encodeBatch } from '../../test/support/recordBatch.js';

export const partitions = 32;
/** In ms. */
export const interval = 1_000;
/** Records of a partition that a producer sends as one record batch. */
export const perRecordBatch = 100;

const keysPerPartition = 200;
const keysOf = Array.from({ length: partitions }, (): Buffer[] => []);
for (let i = 0; keysOf.some((keys) => keys.length < keysPerPartition); i++) {
  const keys = keysOf[kafkaPartitioner(`key${i}`, partitions)];
  if (keys && keys.length < keysPerPartition) keys.push(Buffer.from(`key${i}`));
}
const value = Buffer.alloc(100, 'x');

/** Record batches of Kafka with this number of records of a partition: 200 keys, which are only in it, and values of 100 bytes. */
export function recordBatches(partition: number, records: number, timestamp = 0): Buffer[] {
  const keys = keysOf[partition] ?? [];
  const batches: Buffer[] = [];
  for (let from = 0; from < records; from += perRecordBatch) {
    const count = Math.min(perRecordBatch, records - from);
    const all = Array.from({ length: count }, (_, i) => {
      return { offset: from + i, timestamp, key: keys[(from + i) % keys.length] ?? null, value, headers: [] };
    });
    batches.push(encodeBatch(all));
  }
  return batches;
}
