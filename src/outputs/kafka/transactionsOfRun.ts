import type { BatchRun } from '../../batch/batchContext.js';
import { InvalidOptionError } from '../../batch/errors.js';
import type { Kafka, KafkaRuntime } from '../../sources/kafka/kafkajs/kafka.js';
import { kafkajsTransactions } from '../../sources/kafka/kafkajs/kafkajsTransactions.js';
import { BatchTransactions } from './batchTransactions.js';
import { noteRefusal } from './topicLimits.js';

/** What outputs to Kafka have in common. */
export interface TransactionOptions {
  readonly groupId: string;
  readonly transactionTimeout: number;
}

interface SharedTransactions {
  readonly kafka: Kafka | KafkaRuntime;
  readonly transactions: BatchTransactions;
}

const runs = new WeakMap<BatchRun, Map<string, SharedTransactions>>();

/**
 * The transactions that all outputs of one run share which have the same group: two producers with one transactional id would fence each
 * other, and each would take the batches whose offsets the other has committed for written. The first output sets the transaction
 * timeout. They close when the run ends.
 *
 * @throws {InvalidOptionError} when another output of the run has the same group and another client
 */
export function transactionsOfRun(
  run: BatchRun,
  kafka: Kafka | KafkaRuntime,
  { groupId, transactionTimeout }: TransactionOptions,
): BatchTransactions {
  const byGroup = runs.get(run) ?? new Map<string, SharedTransactions>();
  const known = byGroup.get(groupId);
  if (known?.kafka === kafka) return known.transactions;
  if (known) {
    const rule = 'is that of another output of this stream with another client: give both the same client';
    throw new InvalidOptionError('sendToKafka', 'groupId', groupId, rule);
  }
  // Each part of a job has an owner of its own: with one id for all, their owners would fence each other.
  const part = run.task ? run.task.id : run.selection?.first;
  const transactionalId = part === undefined ? groupId : `${groupId}-${part}`;
  // Streams that are given partitions had the id of the group once: one that still runs, or was killed, is fenced too.
  const formerId = run.task || part === undefined ? undefined : groupId;
  const port = kafkajsTransactions(kafka, transactionTimeout);
  const member = run.membership;
  const owner = { groupId, transactionalId, formerId, member };
  const transactions = new BatchTransactions(port, owner, (error) => noteRefusal(kafka, error));
  runs.set(run, byGroup.set(groupId, { kafka, transactions }));
  run.whenClosed(() => transactions.close());
  return transactions;
}
