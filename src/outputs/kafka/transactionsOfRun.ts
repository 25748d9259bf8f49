import type { BatchRun } from '../../batch/batchContext.js';
import type { Kafka, KafkaRuntime } from '../../sources/kafka/kafkajs/kafka.js';
import { kafkajsTransactions } from '../../sources/kafka/kafkajs/kafkajsTransactions.js';
import { BatchTransactions } from './batchTransactions.js';
import { noteRefusal } from './topicLimits.js';

/** What outputs to Kafka have in common. */
export interface TransactionOptions {
  readonly groupId: string;
  readonly transactionTimeout: number;
}

const runs = new WeakMap<BatchRun, Map<Kafka | KafkaRuntime, Map<string, BatchTransactions>>>();

/**
 * The transactions that all outputs of one run share which have the same client and group: two producers with one transactional id
 * would fence each other. The first output sets the transaction timeout. They close when the run ends.
 */
export function transactionsOfRun(
  run: BatchRun,
  kafka: Kafka | KafkaRuntime,
  { groupId, transactionTimeout }: TransactionOptions,
): BatchTransactions {
  const byClient = runs.get(run) ?? new Map<Kafka | KafkaRuntime, Map<string, BatchTransactions>>();
  const byGroup = byClient.get(kafka) ?? new Map<string, BatchTransactions>();
  const known = byGroup.get(groupId);
  if (known) return known;
  // Each task has an owner of its own: with one id for all, their owners would fence each other.
  const transactionalId = run.task ? `${groupId}-${run.task.id}` : groupId;
  const port = kafkajsTransactions(kafka, transactionTimeout);
  const member = run.membership;
  const made = new BatchTransactions(port, { groupId, transactionalId, member }, (error) => noteRefusal(kafka, error));
  runs.set(run, byClient.set(kafka, byGroup.set(groupId, made)));
  run.whenClosed(() => made.close());
  return made;
}
