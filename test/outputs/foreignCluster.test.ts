import { type BatchContext, ForeignClusterError, InvalidOptionError } from 'dstream';
import { describe, expect, it } from 'vitest';
import { BatchTransactions } from '../../src/outputs/kafka/batchTransactions.js';
import type { ProducerPort, TransactionsPort } from '../../src/outputs/kafka/producerPort.js';

/** What a transaction of cluster B and group g does when a batch of the given clusters is written, whose sources commit under these groups. */
async function write(clusters: readonly string[] | undefined, groups?: readonly string[]): Promise<readonly string[]> {
  const done: string[] = [];
  const producer: ProducerPort = {
    begin: async () => {},
    send: async (topic) => void done.push(`send ${topic}`),
    sendOffsets: async () => void done.push('offsets'),
    commit: async () => void done.push('commit'),
    abort: async () => {},
    close: async () => {},
  };
  const port: TransactionsPort = {
    producer: () => producer,
    clusterId: () => 'B',
    stableOffsets: async () => [],
    close: async () => {},
  };
  const transactions = new BatchTransactions(port, { groupId: 'g', transactionalId: `g-${clusters}` }, () => {});
  const context = {
    time: 10,
    inputs: { kafka: { ranges: [{ topic: 'in', partition: 0, from: 0, until: 5 }] } },
    run: { clusters, groups },
    state: {},
  } as unknown as BatchContext;
  transactions.add(context, { operator: 'sendToKafka', id: undefined }, new Map([['out', [{ value: 'a' }]]]));
  try {
    await transactions.write(context);
  } catch (error) {
    if (!(error instanceof ForeignClusterError || error instanceof InvalidOptionError)) throw error;
    done.push(error.message);
  }
  transactions.close();
  return done;
}

describe('an output to another cluster', () => {
  it('writes nothing, and names both', async () => {
    expect(await write(['A', 'B'])).toEqual([
      'sendToKafka: it writes to cluster "B", and the stream reads from "A": a transaction commits offsets of its own cluster only',
    ]);
  });

  it('is not suspected where the cluster is the same, or unknown', async () => {
    const written = ['offsets', 'send out', 'commit'];
    expect(await write(['B'])).toEqual(written);
    expect(await write([])).toEqual(written);
    expect(await write(undefined)).toEqual(written);
  });
});

describe('an output under a group', () => {
  it('writes nothing where a source commits under it too: a late commit would take back what transactions have committed', async () => {
    expect(await write(['B'], ['other', 'g'])).toEqual([
      'sendToKafka: groupId ("g") is that of a source which commits offsets itself, and late commits would take back those of ' +
        'transactions: set its commitOffsets to false',
    ]);
    expect(await write(['B'], ['other'])).toEqual(['offsets', 'send out', 'commit']);
  });
});
