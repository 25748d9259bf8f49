import { describe, expect, it } from 'vitest';
import type { ProducerMessage } from '../../../../src/outputs/kafka/producerPort.js';
import type { Broker, ProduceRequest } from '../../../../src/sources/kafka/kafkajs/kafkajsCluster.js';
import { PartitionMessages } from '../../../../src/sources/kafka/kafkajs/partitionMessages.js';
import { RecordBatchProduce } from '../../../../src/sources/kafka/kafkajs/recordBatchProduce.js';
import { BodyReader } from '../../../../src/sources/kafka/protocol/bodyReader.js';
import { BodyWriter } from '../../../../src/sources/kafka/protocol/bodyWriter.js';
import { fieldAt } from '../../../../src/sources/kafka/protocol/recordBatchHeader.js';

const [ok, notLeader, timedOut, tooLarge, duplicate] = [0, 6, 7, 10, 46];

interface Written {
  readonly partition: number;
  readonly sequence: number;
  readonly count: number;
}

/** A broker whose connection answers Produce requests with these error codes by partition, in turn; `undefined` closes it. */
function brokerAnswering(answers: (Readonly<Record<number, number>> | undefined)[]) {
  const requests: Written[][] = [];
  const state = { disconnected: 0 };
  const broker = {
    disconnect: async () => {
      state.disconnected++;
    },
    connectionPool: {
      send: async ({ request, response }: { request: { encode(): Promise<{ buf: Buffer }> }; response: unknown }) => {
        const { topic, written } = readRequest((await request.encode()).buf);
        requests.push(written);
        const answer = answers.shift();
        if (!answer) throw Object.assign(new Error('Closed'), { name: 'KafkaJSConnectionClosedError' });
        const decoder = response as { decode(body: Buffer): Promise<unknown> };
        return decoder.decode(encodeAnswer(topic, written, answer));
      },
    },
  } as unknown as Broker;
  return { broker, requests, state };
}

function readRequest(bytes: Buffer): { topic: string; written: Written[] } {
  const reader = new BodyReader(bytes);
  reader.string();
  reader.int16();
  reader.int32();
  reader.count();
  const topic = reader.string();
  const written: Written[] = [];
  for (let count = reader.count(); count > 0; count--) {
    const partition = reader.int32();
    const batch = reader.bytes();
    const sequence = batch.readInt32BE(fieldAt.producerId + 10);
    written.push({ partition, sequence, count: batch.readInt32BE(fieldAt.count) });
  }
  return { topic, written };
}

function encodeAnswer(topic: string, written: readonly Written[], answer: Readonly<Record<number, number>>): Buffer {
  const writer = new BodyWriter().int32(1).string(topic).int32(written.length);
  for (const { partition } of written) {
    writer.int32(partition).int16(answer[partition] ?? ok);
    for (let i = 0; i < 3; i++) writer.int64(0n);
  }
  return writer.int32(0).bytes;
}

function messagesFor(partition: number, count: number): PartitionMessages {
  const group = new PartitionMessages(partition);
  for (let i = 0; i < count; i++) group.messages.push({ key: `k${i}`, value: `v${i}` } satisfies ProducerMessage);
  return group;
}

function requestOf(groups: readonly PartitionMessages[], producerEpoch = 0): ProduceRequest {
  const partitions = groups.map((messages) => ({ partition: messages.partition, messages: [messages] as const }));
  return { transactionalId: 'job', producerId: 7, producerEpoch, topicData: [{ topic: 't', partitions }] };
}

function adapted(answers: Parameters<typeof brokerAnswering>[0]) {
  const made = brokerAnswering(answers);
  new RecordBatchProduce({}).adapt(made.broker);
  return {
    ...made,
    produce: (groups: PartitionMessages[], epoch = 0) => made.broker.produce(requestOf(groups, epoch)),
  };
}

describe('RecordBatchProduce', () => {
  it('numbers the records of each partition, from 0 for each epoch of the producer', async () => {
    const { produce, requests } = adapted([{}, {}, {}]);
    const groups = [messagesFor(0, 3), messagesFor(1, 2)];
    await produce(groups);
    expect(groups.map(({ isWritten }) => isWritten)).toEqual([true, true]);
    await produce([messagesFor(0, 1)]);
    await produce([messagesFor(0, 1)], 1);
    expect(requests).toEqual([
      [
        { partition: 0, sequence: 0, count: 3 },
        { partition: 1, sequence: 0, count: 2 },
      ],
      [{ partition: 0, sequence: 3, count: 1 }],
      [{ partition: 0, sequence: 0, count: 1 }],
    ]);
  });

  it('repeats only what is not written, with the same numbers', async () => {
    const { produce, requests } = adapted([{ 1: notLeader }, {}]);
    const groups = [messagesFor(0, 3), messagesFor(1, 2)];
    await expect(produce(groups)).rejects.toMatchObject({ type: 'NOT_LEADER_OR_FOLLOWER', retriable: true });
    expect(groups.map(({ isWritten }) => isWritten)).toEqual([true, false]);
    await produce(groups);
    expect(requests[1]).toEqual([{ partition: 1, sequence: 0, count: 2 }]);
    expect(groups.map(({ isWritten }) => isWritten)).toEqual([true, true]);
  });

  it('keeps the numbers of records whose fate is unknown: others never have them', async () => {
    const { produce, requests, state } = adapted([undefined, { 0: timedOut }, { 0: duplicate }, {}]);
    const lost = messagesFor(0, 3);
    await expect(produce([lost])).rejects.toMatchObject({ name: 'KafkaJSConnectionClosedError' });
    expect(state.disconnected).toBe(1);
    await expect(produce([lost])).rejects.toMatchObject({ type: 'REQUEST_TIMED_OUT', retriable: true });
    // A duplicate: the partition has had them since the first request.
    await produce([lost]);
    expect(lost.isWritten).toBe(true);
    await produce([messagesFor(0, 1)]);
    expect(requests.map(([written]) => written?.sequence)).toEqual([0, 0, 0, 3]);
    const abandoned = adapted([undefined, {}]);
    await expect(abandoned.produce([messagesFor(0, 3)])).rejects.toThrow('Closed');
    await abandoned.produce([messagesFor(0, 3)]);
    expect(abandoned.requests.map(([written]) => written?.sequence)).toEqual([0, 3]);
  });

  it('gives back the numbers of records that a broker has refused', async () => {
    const { produce, requests } = adapted([{ 0: tooLarge }, {}]);
    await expect(produce([messagesFor(0, 3)])).rejects.toMatchObject({ type: 'MESSAGE_TOO_LARGE', retriable: false });
    await produce([messagesFor(0, 1)]);
    expect(requests.map(([written]) => written)).toEqual([
      { partition: 0, sequence: 0, count: 3 },
      { partition: 0, sequence: 0, count: 1 },
    ]);
  });

  it('fails with the error that a repetition cannot mend, where there are several', async () => {
    const { produce } = adapted([{ 0: notLeader, 1: tooLarge }]);
    await expect(produce([messagesFor(0, 1), messagesFor(1, 1)])).rejects.toMatchObject({ type: 'MESSAGE_TOO_LARGE' });
  });
});
