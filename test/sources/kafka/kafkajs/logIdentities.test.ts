import { OffsetOutOfRangeError } from 'dstream';
import { describe, expect, it } from 'vitest';
import type { KafkajsPort } from '../../../../src/sources/kafka/kafkajs/kafkajsPort.js';
import { LogIdentities } from '../../../../src/sources/kafka/kafkajs/logIdentities.js';
import type { TopicMetadata } from '../../../../src/sources/kafka/protocol/metadataProtocol.js';

const [first, second] = ['01'.repeat(16), '02'.repeat(16)];
const place = { topic: 't', partition: 0 };
const metadata = (topicId: string | undefined, leaderEpoch: number, errorCode = 0): TopicMetadata[] => [
  {
    errorCode,
    topic: 't',
    topicId,
    isInternal: false,
    partitions: [{ errorCode: 0, partition: 0, leader: 1, leaderEpoch }],
  },
];

/** A leader whose epoch ends here, as the answers to OffsetForLeaderEpoch, version 3, say it. */
function leader(endOffset: number, errorCode = 0, later = endOffset) {
  const asked: string[] = [];
  const body = Buffer.alloc(33);
  body.writeInt32BE(1, 4);
  body.writeInt16BE(1, 8);
  body.write('t', 10);
  body.writeInt32BE(1, 11);
  body.writeInt16BE(errorCode, 15);
  body.writeBigInt64BE(BigInt(endOffset), 25);
  const port = {
    request: async (nodeId: string, { apiName }: { apiName: string }, read: (bytes: Buffer) => unknown) => {
      asked.push(`${apiName} ${nodeId}`);
      if (asked.length > 1) body.writeBigInt64BE(BigInt(later), 25);
      return read(body);
    },
  } as unknown as KafkajsPort;
  return { identities: new LogIdentities(port), asked };
}

const ends = async () => ({ earliest: 0, latest: 80 });
const request = { ...place, offset: 50, maxBytes: 1, topicId: first, leaderEpoch: 3 };

describe('the identities of logs', () => {
  it('are those that brokers told last, and never one that was replaced', () => {
    const { identities } = leader(0);
    identities.learn(metadata(first, 4));
    expect(identities.of(place)).toEqual({ topicId: first, leaderEpoch: 4 });
    identities.learn(metadata(first, 4));
    identities.learn(metadata(first, 3));
    expect(identities.of(place)).toEqual({ topicId: first, leaderEpoch: 4 });
    identities.learn(metadata(second, 0));
    expect(identities.of(place)).toEqual({ topicId: second, leaderEpoch: 0 });
    // A broker that is late.
    identities.learn(metadata(first, 9));
    expect(identities.of(place)).toEqual({ topicId: second, leaderEpoch: 0 });
  });

  it('have an epoch that is newer than the known one once it has been heard twice', () => {
    const { identities } = leader(0);
    identities.learn(metadata(first, 4));
    // A flipped bit: no checksum covers an answer.
    expect(identities.heardEpoch(place, 4 + 2 ** 20)).toBe(false);
    expect(identities.of(place).leaderEpoch).toBe(4);
    expect(identities.heardEpoch(place, 4)).toBe(true);
    expect(identities.heardEpoch(place, 5)).toBe(false);
    identities.learn(metadata(first, 5));
    expect(identities.of(place).leaderEpoch).toBe(5);
    // A broker that is late.
    expect(identities.heardEpoch(place, 4)).toBe(true);
    expect(identities.of(place).leaderEpoch).toBe(5);
  });

  it('have the lower epoch where the first two answers differ', () => {
    const { identities } = leader(0);
    identities.learn(metadata(first, 4 + 2 ** 20));
    expect(identities.heardEpoch(place, 4)).toBe(true);
    expect(identities.of(place).leaderEpoch).toBe(4);
  });

  it('are unknown where brokers have none', () => {
    const { identities } = leader(0);
    identities.learn(metadata('00'.repeat(16), -1));
    expect(identities.of(place)).toEqual({});
    expect(identities.request(place)).toEqual(place);
  });

  it('refuse a request for a topic that was created again', async () => {
    const { identities, asked } = leader(80);
    identities.learn(metadata(second, 0));
    const broken = await identities.broken('1', [request], ends);
    expect(broken.get(request)).toMatchObject({
      topicId: second,
      error: { reason: 'recreated', earliest: 0, latest: 80 },
    });
    expect(asked).toEqual([]);
  });

  it('refuse a request behind a cut, and compare each leader once', async () => {
    const cut = leader(40);
    cut.identities.learn(metadata(first, 4));
    const error = (await cut.identities.broken('1', [request], ends)).get(request)?.error;
    expect(error).toBeInstanceOf(OffsetOutOfRangeError);
    expect(error).toMatchObject({ reason: 'diverged', earliest: 40, latest: 80, lost: { from: 40, until: 50 } });

    const sound = leader(50);
    sound.identities.learn(metadata(first, 4));
    for (let i = 0; i < 3; i++) expect((await sound.identities.broken('1', [request], ends)).size).toBe(0);
    expect(sound.asked).toEqual(['OffsetForLeaderEpoch 1']);
    for (let heard = 0; heard < 2; heard++) sound.identities.learn(metadata(first, 5));
    await sound.identities.broken('1', [request], ends);
    expect(sound.asked).toHaveLength(2);
  });

  it('give up nothing for an answer that the leader does not repeat', async () => {
    const { identities, asked } = leader(40, 0, 50);
    identities.learn(metadata(first, 4));
    expect(await identities.diverged('1', [{ ...place, offset: 50, leaderEpoch: 3 }])).toEqual([]);
    expect(asked).toHaveLength(2);
  });

  it('take a log that does not know the epoch for another one', async () => {
    const { identities } = leader(-1);
    identities.learn(metadata(first, 4));
    expect(await identities.diverged('1', [{ ...place, offset: 50, leaderEpoch: 3 }])).toEqual([
      { ...place, offset: 0 },
    ]);
  });

  it('fail as the leader does, so that it is asked again', async () => {
    const { identities } = leader(0, 74);
    identities.learn(metadata(first, 4));
    await expect(identities.diverged('1', [{ ...place, offset: 50, leaderEpoch: 3 }])).rejects.toMatchObject({
      code: 'PROTOCOL',
      kafkaError: 'FENCED_LEADER_EPOCH',
      retriable: true,
    });
  });
});
