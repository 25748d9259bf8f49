import {
  type Batch,
  type BatchContext,
  type DriverOptions,
  foreachBatch,
  foreachPartition,
  foreachPartitionOnce,
  fromBatches,
  logMonitor,
  type StreamMonitor,
  TimedOutError,
} from 'dstream';
import { type KafkaCheckpoint, sendInTransaction } from 'dstream/kafka';
import { foreachBatchInTransaction, type PostgresCheckpoint, saveAsObjectFiles, saveAsTextFiles } from 'dstream/node';
import { prometheusMonitor } from 'dstream/prometheus';
import * as client from 'prom-client';
import { NEVER, type OperatorFunction, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { StageSpans } from '../../src/dashboard/server/stageSpans.js';
import { BatchTransactions } from '../../src/outputs/kafka/batchTransactions.js';
import type { ProducerPort, TransactionsPort } from '../../src/outputs/kafka/producerPort.js';
import { virtual } from '../support/virtual.js';

type Output = OperatorFunction<Batch<{ value: string }>, unknown>;

const no = () => throwError(() => new Error('no'));
const id = 'store';
/** Checkpoints in whose transactions nothing can be written. */
const postgres = { inTransaction: no, wasFenced: async () => false } as unknown as PostgresCheckpoint;
const kafka = {
  client: {},
  inTransaction: (): never => {
    throw new Error('no');
  },
} as unknown as KafkaCheckpoint;
const sink = { write: no };

const failing: readonly (readonly [string, string, () => Output])[] = [
  ['foreachBatch', 'foreachBatch', () => foreachBatch(no, { id })],
  ['foreachPartition', 'foreachPartition', () => foreachPartition(no, { id })],
  ['foreachPartitionOnce', 'foreachPartition', () => foreachPartitionOnce(no, { id, written: () => [[]] })],
  ['saveAsTextFiles', 'foreachPartition', () => saveAsTextFiles('out', { id, sink })],
  ['saveAsObjectFiles', 'foreachPartition', () => saveAsObjectFiles('out', { id, sink })],
  ['foreachBatchInTransaction', 'foreachBatchInTransaction', () => foreachBatchInTransaction(postgres, no, { id })],
  ['sendInTransaction', 'sendInTransaction', () => sendInTransaction(kafka, { id, topic: 't' })],
];

/** What a monitor is told of one batch, and what the stream fails with. */
async function told(output: Output, options: Partial<DriverOptions> = {}) {
  const events: unknown[] = [];
  const monitor: StreamMonitor = {
    run: () => ({
      stage: (stage, work) => {
        if (stage.kind === 'effect') events.push(['effect', stage.operator, stage.id]);
        return work();
      },
      failed: ({ stage, operator, id }) => events.push(['failed', stage, operator, id]),
      retried: ({ operator, id }) => events.push(['retried', operator, id]),
      deadLettered: ({ operator, id }) => events.push(['deadLettered', operator, id]),
    }),
  };
  const monitors = [monitor, ...(options.monitors ?? [])];
  const error = await new Promise<unknown>((over) => {
    fromBatches([[{ value: 'a' }]], { interval: 5, partitions: 1, ...options, monitors })
      .pipe(output)
      .subscribe({ error: over, complete: () => over(undefined) });
  });
  return { events, error };
}

describe('the id of an output', () => {
  it.each(failing)('is in the stage and the failure of %s', async (_, operator, output) => {
    const { events } = await told(output());
    expect(events).toEqual([
      ['effect', operator, 'store'],
      ['failed', 'effect', operator, 'store'],
    ]);
  });

  it.each([
    ['foreachBatch "store" of batch', foreachBatch(() => NEVER, { id })],
    ['foreachPartition "store" on partition 0 of batch', foreachPartition(() => NEVER, { id })],
  ] as const)('is in what a time limit says: %s', async (text, output) => {
    const { error } = await told(output, { outputTimeout: 5 });
    expect(error).toBeInstanceOf(TimedOutError);
    expect((error as Error).message).toContain(text);
  });

  it('is in the metrics, events and log lines of retries and dead letters', async () => {
    const registry = new client.Registry();
    const lines: object[] = [];
    const note = (fields: object) => lines.push(fields);
    const log = logMonitor({ debug: note, info: note, warn: note, error: note });
    const monitors = [prometheusMonitor({ client, registry }), log];
    const options = { id, retry: { count: 1, delay: 1 }, onError: { next: () => {} } };
    const { events } = await told(foreachPartition(no, options), { monitors });
    expect(events.slice(1)).toEqual([
      ['retried', 'foreachPartition', 'store'],
      ['deadLettered', 'foreachPartition', 'store'],
    ]);
    const metrics = await registry.metrics();
    for (const metric of ['partition_retries', 'dead_letters']) {
      expect(metrics).toMatch(
        new RegExp(`^dstream_${metric}_total\\{.*operator="foreachPartition",id="store".*\\} 1$`, 'm'),
      );
    }
    for (const event of ['partition-retried', 'dead-lettered']) {
      expect(lines).toContainEqual(expect.objectContaining({ event, operator: 'foreachPartition', id: 'store' }));
    }
  });

  it('tells two outputs apart that are the same otherwise', () => {
    const spans = new StageSpans();
    const monitor: StreamMonitor = {
      run: () => ({
        stage: (stage, work) => {
          spans.watch(stage);
          return work();
        },
      }),
    };
    virtual(() => {
      fromBatches([['a']], { interval: 10, monitors: [monitor] })
        .pipe(
          foreachBatch(() => {}, { id: 'store' }),
          foreachBatch(() => {}, { id: 'notify' }),
        )
        .subscribe();
    });
    const effects = spans.all().filter(({ kind }) => kind === 'effect');
    expect(effects.map(({ operator, id }) => `${operator} ${id}`).sort()).toEqual([
      'foreachBatch notify',
      'foreachBatch store',
    ]);
  });

  it('is with the records that it has sent, where several outputs write in one transaction', async () => {
    const producer: ProducerPort = {
      begin: async () => {},
      send: async () => {},
      sendOffsets: async () => {},
      commit: async () => {},
      abort: async () => {},
      close: async () => {},
    };
    const port: TransactionsPort = {
      producer: () => producer,
      stableOffsets: async () => [],
      close: async () => {},
    };
    const sent: unknown[] = [];
    const context = {
      time: 10,
      inputs: { kafka: { ranges: [{ topic: 'in', partition: 0, from: 0, until: 5 }] } },
      run: {},
      state: {},
      effects: { sending: (event: object) => () => sent.push(event) },
    } as unknown as BatchContext;
    const transactions = new BatchTransactions(port, { groupId: 'g', transactionalId: 'ids' }, () => {});
    const write = (operator: string, id: string | undefined, ...values: readonly string[]) =>
      transactions.add(context, { operator, id }, new Map([['out', values.map((value) => ({ value }))]]));
    write('sendToKafka', 'bills', 'a', 'b');
    write('sendToKafka', 'reminders', 'c');
    write('deadLetterTopic', undefined, 'd');
    write('deadLetterTopic', undefined, 'e');
    await transactions.write(context);
    transactions.close();
    const one = { system: 'kafka', topic: 'out' };
    expect(sent).toEqual([
      { ...one, operator: 'sendToKafka', id: 'bills', records: 2 },
      { ...one, operator: 'sendToKafka', id: 'reminders', records: 1 },
      { ...one, operator: 'deadLetterTopic', id: undefined, records: 2 },
    ]);
  });
});
