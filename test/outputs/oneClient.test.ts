import { type BatchRun, InvalidOptionError } from 'dstream';
import { Kafka, logLevel } from 'kafkajs';
import { expect, it } from 'vitest';
import { transactionsOfRun } from '../../src/outputs/kafka/transactionsOfRun.js';

const newClient = () => new Kafka({ brokers: ['127.0.0.1:1'], logLevel: logLevel.NOTHING });
const newRun = () => ({ whenClosed: () => {} }) as unknown as BatchRun;
const options = { groupId: 'group', transactionTimeout: 60_000 };

it('refuses outputs of one stream with one group and several clients: the second would take what the first commits for its own', () => {
  const [run, kafka] = [newRun(), newClient()];
  const transactions = transactionsOfRun(run, kafka, options);
  expect(transactionsOfRun(run, kafka, options)).toBe(transactions);
  let refused: unknown;
  try {
    transactionsOfRun(run, newClient(), options);
  } catch (error) {
    refused = error;
  }
  expect(refused).toBeInstanceOf(InvalidOptionError);
  expect((refused as Error).message).toBe(
    'sendToKafka: groupId ("group") is that of another output of this stream with another client: give both the same client',
  );
});

it('takes another client for another group, and for another stream', () => {
  const [run, kafka] = [newRun(), newClient()];
  transactionsOfRun(run, kafka, options);
  transactionsOfRun(run, newClient(), { ...options, groupId: 'other' });
  transactionsOfRun(newRun(), newClient(), options);
});
