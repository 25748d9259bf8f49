import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type PartitionerCall, stickyPartitioner } from '../../../../src/sources/kafka/kafkajs/stickyPartitioner.js';
import { propertySettings } from '../../../property/settings.js';

const { Partitioners } = createRequire(import.meta.url)('kafkajs');
const partitionMetadata = Array.from({ length: 6 }, (_, partitionId) => ({ partitionId, leader: partitionId % 3 }));
const call = (message: PartitionerCall['message']) => ({ topic: 't', partitionMetadata, message });

describe('stickyPartitioner', () => {
  it('places keys and explicit partitions as the default partitioner of kafkajs does', () => {
    const message = fc.oneof(
      fc.record({ key: fc.string({ unit: 'binary' }) }),
      fc.record({ key: fc.uint8Array().map((bytes) => Buffer.from(bytes)) }),
      fc.record({ partition: fc.nat(5), key: fc.string() }),
    );
    const partition = stickyPartitioner(() => {});
    const expected = Partitioners.DefaultPartitioner();
    fc.assert(
      fc.property(message, (one) => {
        expect(partition(call(one))).toBe(expected(call(one)));
      }),
      propertySettings(),
    );
  });

  it('keeps the partition of a message when kafkajs asks again for a retry, also without a key', () => {
    const chosen: number[] = [];
    const partition = stickyPartitioner((_, one) => chosen.push(one));
    const messages = Array.from({ length: 12 }, () => ({ key: null }));
    const first = messages.map((message) => partition(call(message)));
    expect(messages.map((message) => partition(call(message)))).toEqual(first);
    expect(chosen).toEqual([...first, ...first]);
    expect(new Set(first)).toEqual(new Set([0, 1, 2, 3, 4, 5]));
  });

  it('uses only partitions that have a leader for messages without a key', () => {
    const partition = stickyPartitioner(() => {});
    const metadata = partitionMetadata.map((one) => ({ ...one, leader: one.partitionId === 3 ? 1 : -1 }));
    const used = [1, 2, 3].map(() => partition({ topic: 't', partitionMetadata: metadata, message: {} }));
    expect(used).toEqual([3, 3, 3]);
  });
});
