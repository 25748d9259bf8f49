import { describe, expect, it } from 'vitest';
import { KafkajsChangelog } from '../../../../src/sources/kafka/kafkajs/kafkajsChangelog.js';
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
});
