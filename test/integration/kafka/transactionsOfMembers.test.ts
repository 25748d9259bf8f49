import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { KafkajsGroupClient } from '../../../src/sources/kafka/kafkajs/kafkajsGroupClient.js';
import { kafkajsTransactions } from '../../../src/sources/kafka/kafkajs/kafkajsTransactions.js';
import { describeKafka, makeTopic, newKafka } from '../../support/kafka.js';

const kafka = newKafka();

describeKafka('offsets of a member in a transaction', () => {
  it('are refused once the group has removed the member, where those of nobody are set back', async () => {
    const topic = await makeTopic(kafka, 1);
    const groupId = randomUUID();
    const [group, port] = [new KafkajsGroupClient('test', kafka), kafkajsTransactions(kafka, 60_000)];
    const producer = port.producer(`${groupId}-0`);
    const offsets = (offset: number) => [{ topic, partition: 0, offset, metadata: '' }];
    const committed = async () => (await port.stableOffsets(groupId, [{ topic, partition: 0 }]))[0]?.offset;
    try {
      await group.connect();
      const subscription = { topics: [topic], processId: 'test', since: 0, owned: [], generation: -1 };
      const times = { sessionTimeout: 30_000, rebalanceTimeout: 30_000 };
      const { generation, memberId } = await group.join({
        ...{ groupId, memberId: '', protocol: 'dstream-1', ...times, subscription },
      });
      const member = { groupId, generation, memberId };
      await group.sync(member, new Map([[memberId, { partitions: [], tasks: 0, rejoin: false }]]));
      await producer.begin();
      await producer.sendOffsets(groupId, offsets(5), () => member);
      await producer.commit();
      expect(await committed()).toBe(5);

      // An older generation of the same member, then a member that has left.
      await producer.begin();
      const older = { ...member, generation: generation - 1 };
      const refused = producer.sendOffsets(groupId, offsets(3), () => older);
      await expect(refused).rejects.toMatchObject({ kafkaError: 'ILLEGAL_GENERATION' });
      await producer.abort();
      await group.leave(member);
      await producer.begin();
      const gone = producer.sendOffsets(groupId, offsets(3), () => member);
      await expect(gone).rejects.toMatchObject({ kafkaError: 'UNKNOWN_MEMBER_ID' });
      await producer.abort();
      expect(await committed()).toBe(5);

      await producer.begin();
      await expect(producer.sendOffsets(groupId, offsets(3), () => undefined)).rejects.toMatchObject({
        kafkaError: 'UNKNOWN_MEMBER_ID',
      });
      await producer.abort();
      // What kafkajs sends names no member.
      await producer.begin();
      await producer.sendOffsets(groupId, offsets(3));
      await producer.commit();
      expect(await committed()).toBe(3);
    } finally {
      await producer.close();
      await port.close(Promise.resolve());
      await group.close();
    }
  });
});
