import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ProducerMessage } from '../../../../src/outputs/kafka/producerPort.js';
import { MessagePartitioner } from '../../../../src/sources/kafka/kafkajs/messagePartitioner.js';
import { propertySettings } from '../../../property/settings.js';

const { Partitioners } = createRequire(import.meta.url)('kafkajs');
const partitionMetadata = Array.from({ length: 6 }, (_, partitionId) => ({ partitionId, leader: partitionId % 3 }));
const leadersOf = (count: number, isLed = (_: number) => true) =>
  Array.from({ length: count }, (_, partition) => ({
    topic: 't',
    partition,
    leader: isLed(partition) ? String(partition % 3) : '-1',
  }));
/** The partition of each message. */
async function placesOf(partitioner: MessagePartitioner, messages: readonly ProducerMessage[]): Promise<number[]> {
  const groups = await partitioner.partition('t', messages);
  return messages.map((message) => groups.find((group) => group.messages.includes(message))?.partition ?? -1);
}

describe('MessagePartitioner', () => {
  it('places keys and explicit partitions as the default partitioner of kafkajs does', async () => {
    const message = fc.oneof(
      fc.record({ value: fc.constant('v'), key: fc.string({ unit: 'binary' }) }),
      fc.record({ value: fc.constant('v'), key: fc.uint8Array().map((bytes) => Buffer.from(bytes)) }),
      fc.record({ value: fc.constant('v'), partition: fc.nat(5), key: fc.string() }),
    );
    const partitioner = new MessagePartitioner(async () => leadersOf(6));
    const expected = Partitioners.DefaultPartitioner();
    await fc.assert(
      fc.asyncProperty(fc.array(message), async (messages) => {
        const places = messages.map((one) => expected({ topic: 't', partitionMetadata, message: one }));
        expect(await placesOf(partitioner, messages)).toEqual(places);
      }),
      propertySettings(),
    );
  });

  it('puts messages without a key into partitions in turn, over all requests', async () => {
    const partitioner = new MessagePartitioner(async () => leadersOf(4));
    const messages = Array.from({ length: 3 }, () => ({ value: 'v' }));
    expect(await placesOf(partitioner, messages)).toEqual([0, 1, 2]);
    expect(await placesOf(partitioner, [...messages, { key: null, value: 'v' }])).toEqual([3, 0, 1, 2]);
  });

  it('uses only partitions that have a leader for messages without a key, or all where none has one', async () => {
    const messages = () => Array.from({ length: 3 }, () => ({ value: 'v' }));
    const oneLed = new MessagePartitioner(async () => leadersOf(6, (partition) => partition === 3));
    expect(await placesOf(oneLed, messages())).toEqual([3, 3, 3]);
    const noneLed = new MessagePartitioner(async () => leadersOf(2, () => false));
    expect(await placesOf(noneLed, messages())).toEqual([0, 1, 0]);
  });

  it('looks a topic up again where a message names a partition that it has not seen, or when it has forgotten it', async () => {
    let count = 2;
    const asked: number[] = [];
    const partitioner = new MessagePartitioner(async () => {
      asked.push(count);
      return leadersOf(count);
    });
    await partitioner.partition('t', [{ value: 'v', partition: 1 }]);
    count = 4;
    expect(await placesOf(partitioner, [{ value: 'v' }, { value: 'v', partition: 3 }])).toEqual([0, 3]);
    partitioner.forget('t');
    await partitioner.partition('t', [{ value: 'v' }]);
    expect(asked).toEqual([2, 4, 4]);
  });

  it('refuses a message for a partition that the topic does not have', async () => {
    const partitioner = new MessagePartitioner(async () => leadersOf(2));
    const message = { value: 'v', partition: 2 };
    await expect(partitioner.partition('t', [{ value: 'v' }, message])).rejects.toMatchObject({
      code: 'INVALID_RECORD',
      message: expect.stringContaining('is for partition 2, and topic "t" has the partitions 0 to 1'),
    });
  });
});
