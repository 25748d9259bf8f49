import type { BatchContext, OffsetRange } from 'dstream';
import { describe, expect, it } from 'vitest';
import type { MessagesByTopic } from '../../src/outputs/kafka/batchMessages.js';
import { BatchTransactions } from '../../src/outputs/kafka/batchTransactions.js';
import type { ProducerPort, TransactionsPort } from '../../src/outputs/kafka/producerPort.js';

const output = { operator: 'mergeTasks', id: undefined };
const messages = (time: number): MessagesByTopic => new Map([['out', [{ value: String(time) }]]]);
const idle: OffsetRange = { topic: 'in', partition: 0, from: 5, until: 5 };

/** What a new owner writes of these batches, whose former one has committed offset 5 and the batch time 1000, and which requests it sends. */
async function write(
  batches: readonly Partial<BatchContext>[],
  added: MessagesByTopic | typeof messages = messages,
  fencedFirst = true,
) {
  const values: unknown[] = [];
  const commits: unknown[] = [];
  let asked = 0;
  const producer: ProducerPort = {
    begin: async () => {},
    send: async (_, sent) => void values.push(...sent.map(({ value }) => value)),
    sendOffsets: async (_, offsets) => void commits.push(...offsets.map(({ offset, metadata }) => [offset, metadata])),
    commit: async () => {},
    abort: async () => {},
    close: async () => {},
  };
  const port: TransactionsPort = {
    producer: () => producer,
    stableOffsets: async () => {
      asked++;
      return [{ topic: 'in', partition: 0, offset: 5, metadata: 'dstream 1000' }];
    },
    close: async () => {},
  };
  const transactions = new BatchTransactions(port, { groupId: 'g', transactionalId: 'g-0' }, () => {});
  if (fencedFirst) await transactions.connect();
  for (const batch of batches) {
    const inputs = { log: { records: 0, ranges: [idle] } };
    const context = { interval: 100, inputs, run: {}, state: {}, ...batch } as unknown as BatchContext;
    transactions.add(context, output, added);
    await transactions.write(context);
  }
  transactions.close();
  return { values, commits, asked };
}

describe('an owner whose clock is behind what its former one has written', () => {
  const batches = [{ time: 300 }, { time: 400 }, { time: 1_500 }];

  it('goes on from there without input, as others wait for its times', async () => {
    expect(await write(batches)).toEqual({
      values: ['1100', '1200', '1500'],
      commits: [1_100, 1_200, 1_500].map((time) => [5, `dstream ${time}`]),
      asked: 1,
    });
  });

  it('writes what it has without input: without a checkpoint no batch is replayed', async () => {
    const { values } = await write(batches, new Map([['out', [{ value: 'a' }]]]));
    expect(values).toEqual(['a', 'a', 'a']);
  });

  it('writes no batch without input again that it replays from a checkpoint', async () => {
    const state = { durable: true } as BatchContext['state'];
    const { values, asked } = await write([900, 1_000, 1_100, 1_200].map((time) => ({ time, state })));
    expect([values, asked]).toEqual([['1100', '1200'], 3]);
  });

  it('goes on by the longest interval where intervals change: windows have no other times', async () => {
    const { values } = await write([{ time: 400, maxInterval: 400 }]);
    expect(values).toEqual(['1200']);
  });

  it('asks until the first batch with input, where the sources may have read their positions before the former one was fenced', async () => {
    const again = { log: { records: 5, ranges: [{ ...idle, from: 0 }] } } as unknown as BatchContext['inputs'];
    const next = { log: { records: 1, ranges: [{ ...idle, until: 6 }] } } as unknown as BatchContext['inputs'];
    const { values, asked } = await write(
      [{ time: 300 }, { time: 400, inputs: again }, { time: 500, inputs: next }, { time: 600 }],
      messages,
      false,
    );
    expect([values, asked]).toEqual([['1100', '1200', '1300'], 3]);
  });
});

describe('two sources that read a partition, each at its position', () => {
  const range = (from: number, until: number): OffsetRange => ({ topic: 'in', partition: 0, from, until });
  const batch = (time: number, one: OffsetRange, other: OffsetRange) => ({
    ...{ time, state: { durable: true } as BatchContext['state'] },
    inputs: {
      one: { records: 1, ranges: [one] },
      other: { records: 1, ranges: [other] },
    } as unknown as BatchContext['inputs'],
  });

  it.each<[string, OffsetRange, OffsetRange]>([
    ['ahead', range(8, 9), range(3, 5)],
    ['in the middle', range(4, 9), range(3, 5)],
    ['behind', range(3, 5), range(5, 8)],
    ['without records', range(3, 5), range(8, 8)],
    ['the same', range(3, 5), range(4, 5)],
  ])(
    'commit that of the one behind, and know a batch that was written by it: the other one is %s',
    async (_, ...ranges) => {
      const written = batch(1_000, ...ranges);
      const { values, commits } = await write([written, batch(1_100, range(5, 8), range(5, 6))]);
      expect(values).toEqual(['1100']);
      expect(commits).toEqual([[6, 'dstream 1100']]);
    },
  );

  it('commit it when nothing is sent, too', async () => {
    const batches = [batch(1_100, range(8, 8), range(5, 8)), batch(1_200, range(8, 9), range(8, 10))];
    const { commits } = await write(batches, new Map());
    expect(commits).toEqual([
      [8, 'dstream 1100'],
      [9, 'dstream 1200'],
    ]);
  });
});
