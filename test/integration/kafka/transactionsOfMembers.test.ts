import { randomUUID } from 'node:crypto';
import type { GroupMembership } from 'dstream';
import { defer, firstValueFrom, retry } from 'rxjs';
import { expect, it } from 'vitest';
import { KafkajsClient } from '../../../src/sources/kafka/kafkajs/kafkajsClient.js';
import { KafkajsGroupClient } from '../../../src/sources/kafka/kafkajs/kafkajsGroupClient.js';
import { kafkajsTransactions } from '../../../src/sources/kafka/kafkajs/kafkajsTransactions.js';
import { describeKafka, makeTopic, newKafka } from '../../support/kafka.js';

const kafka = newKafka();

/** The only member of a new group of a new topic with one partition, and what the group has committed. */
async function onlyMember() {
  const topic = await makeTopic(kafka, 1);
  const groupId = randomUUID();
  const [group, port] = [new KafkajsGroupClient('test', kafka), kafkajsTransactions(kafka, 60_000)];
  const producer = port.producer(`${groupId}-0`);
  await group.connect();
  const subscription = { topics: [topic], processId: 'test', since: 0, owned: [], generation: -1 };
  const times = { sessionTimeout: 30_000, rebalanceTimeout: 30_000 };
  const join = defer(() => group.join({ groupId, memberId: '', protocol: 'dstream-1', ...times, subscription }));
  // The first group of a broker waits for the topic that groups are kept in.
  const joined = await firstValueFrom(join.pipe(retry({ count: 50, delay: 100 })));
  const { generation, memberId } = joined;
  const member: GroupMembership = { groupId, generation, memberId };
  await group.sync(member, new Map([[memberId, { partitions: [], tasks: 0, rejoin: false }]]));
  return {
    ...{ groupId, group, producer, member, older: { ...member, generation: generation - 1 } },
    offsets: (offset: number) => [{ topic, partition: 0, offset, metadata: '' }],
    committed: async () => (await port.stableOffsets(groupId, [{ topic, partition: 0 }]))[0]?.offset,
    close: async () => {
      await producer.close();
      await port.close(Promise.resolve());
      await group.close();
    },
  };
}

describeKafka('offsets of a member', () => {
  it('are committed in the next generation, which a member may hear of later than that its own is over', async () => {
    const { groupId, producer, member, older, offsets, committed, close } = await onlyMember();
    const client = new KafkajsClient(kafka);
    let answers: readonly GroupMembership[] = [];
    const asked = (...next: readonly GroupMembership[]) => {
      answers = next;
      return () => {
        const [first = member, ...others] = answers;
        answers = others;
        return first;
      };
    };
    const joining = { ...older, isJoining: true };
    try {
      await producer.begin();
      await producer.sendOffsets(groupId, offsets(5), asked(joining, joining, joining));
      await producer.commit();
      expect(await committed()).toBe(5);
      await client.connect();
      await client.commit(groupId, offsets(6), asked(joining, joining, joining));
      expect(await committed()).toBe(6);
      expect(answers).toEqual([]);
    } finally {
      await client.close();
      await close();
    }
  });

  it('are refused in a transaction once the group has removed the member, where those of nobody are set back', async () => {
    const { groupId, group, producer, member, older, offsets, committed, close } = await onlyMember();
    try {
      await producer.begin();
      await producer.sendOffsets(groupId, offsets(5), () => member);
      await producer.commit();
      expect(await committed()).toBe(5);

      // An older generation of the same member, then a member that has left.
      await producer.begin();
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
      await close();
    }
  });
});
