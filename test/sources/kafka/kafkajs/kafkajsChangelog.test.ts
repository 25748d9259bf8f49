import { describe, expect, it } from 'vitest';
import { KafkajsChangelog } from '../../../../src/sources/kafka/kafkajs/kafkajsChangelog.js';
import { sharedReads } from '../../../../src/sources/kafka/kafkajs/sharedReads.js';
import { ChangelogCut } from '../../../../src/state/kafka/changelog.js';
import { batchAt, type Script, scriptedCluster } from '../../../support/scriptedCluster.js';

const topic = 'states';
const place = { topic, partition: 0, partitions: 1, transactionTimeout: 60_000 } as const;
const clusterOf = (script: Partial<Script> = {}) =>
  scriptedCluster({
    ...{ topic, end: 40, leaders: () => ['0'] },
    answer: (_, __, offset) => ({ records: batchAt(offset, 10) }),
    ...script,
  });

describe('a changelog through kafkajs', () => {
  it('is not read on from before its beginning', async () => {
    const { kafka } = clusterOf({ begin: 20 });
    const log = new KafkajsChangelog(kafka, 'changelog', { ...place, follows: true });
    await expect(log.read({ offset: 10 }, () => {})).rejects.toMatchObject({
      cause: expect.objectContaining({
        constructor: ChangelogCut,
        message: 'topic "states" was cut or created again: it begins at 20, and was read up to 10',
      }),
    });
    expect(await log.read({ offset: 0 }, () => {})).toMatchObject({ offset: 40 });
    await log.close();
  });

  it('says where it ends though nobody else reads of its topic, over one client', async () => {
    const cluster = clusterOf();
    const log = new KafkajsChangelog(cluster.kafka, 'changelog', place);
    expect(await log.end()).toEqual({ offset: 40, epoch: 0 });
    const { client, release } = sharedReads(cluster.kafka);
    const held = await client;
    release();
    expect(await log.end()).toEqual({ offset: 40, epoch: 0 });
    const again = sharedReads(cluster.kafka);
    expect(await again.client).toBe(held);
    again.release();
    await log.close();
  });

  it('says of which epoch what it has read is, while it reads', async () => {
    const { kafka } = clusterOf();
    const log = new KafkajsChangelog(kafka, 'changelog', { ...place, follows: true });
    const epochs = new Set<number | undefined>();
    const progress = async (_: number, __: number, epoch?: number) => void epochs.add(epoch);
    expect(await log.read({ offset: 0 }, () => {}, progress)).toEqual({ offset: 40, epoch: 0 });
    expect([...epochs]).toEqual([0]);
    await log.close();
  });

  it('asks another broker for its settings when one is down, and once for all of its partitions', async () => {
    let asked = 0;
    const failure = new Error('Connection error: connect ECONNREFUSED');
    const settings = (name: string) => {
      if (name !== 'delete.retention.ms') return 'compact';
      return ++asked < 3 ? failure : '86400000';
    };
    const { kafka } = clusterOf({ settings, leaders: () => ['0', '0'] });
    const logs = [0, 1].map(
      (partition) => new KafkajsChangelog(kafka, 'changelog', { ...place, partition, follows: true }),
    );
    const states = await Promise.all(logs.map((log) => log.describe()));
    expect(states.map(({ tombstonesMs }) => tombstonesMs)).toEqual([86_400_000, 86_400_000]);
    expect(asked).toBe(3);
    await Promise.all(logs.map((log) => log.close()));
  });

  it('tells settings that may not be read from those that no broker could be asked for', async () => {
    const refused = Object.assign(new Error('Topic authorization failed'), { type: 'TOPIC_AUTHORIZATION_FAILED' });
    const tombstonesOf = async (failure: Error) => {
      const log = new KafkajsChangelog(clusterOf({ settings: () => failure }).kafka, 'changelog', {
        ...place,
        follows: true,
      });
      const { tombstonesMs } = await log.describe();
      await log.close();
      return tombstonesMs;
    };
    expect(await tombstonesOf(refused)).toBeUndefined();
    expect(await tombstonesOf(new Error('Connection timeout'))).toBe('unknown');
  });
});
