import type { Batch } from 'dstream';
import { sendToKafka } from 'dstream/kafka';
import type { Kafka, Message, Transaction } from 'kafkajs';
import { map, type OperatorFunction, tap } from 'rxjs';
import { failpoint, isDue } from '../../src/storage/failpoint.js';
import { withProducer } from '../support/withProducer.js';

/** What a message says: a line of an output, or that the output is there. */
export type Said = readonly [name: string, line: string | null];

/** Long enough for a run to be judged, and killed transactions do not hold readers up for a minute. */
const transactionTimeout = 20_000;

/**
 * Writes the lines of each batch by transactions. `raw` keeps the partitions of the input, each of them a transaction; what
 * has no partition any more is one transaction a batch, with a message that says that it is there.
 */
export function saveInTopic<T>(
  kafka: Kafka,
  options: {
    readonly topic: string;
    readonly name: string;
    linesOf(records: readonly T[]): readonly string[];
  },
): OperatorFunction<Batch<T>, unknown> {
  const { topic, name, linesOf } = options;
  const messages = (batch: Batch<T>): Batch<Message> => {
    failpoint('send:before');
    const id = `${name}-${batch.context.time}`;
    const message = (partition: number, line: string | null): Message => {
      const said: Said = [id, line];
      return { partition, value: JSON.stringify(said) };
    };
    if (name !== 'raw') return batch.withRecords([null, ...linesOf(batch.records)].map((line) => message(0, line)));
    return batch.withPartitions(({ records, range }) =>
      linesOf(records).map((line) => message(range?.partition ?? 0, line)),
    );
  };
  return (source) =>
    source.pipe(
      map(messages),
      sendToKafka(pointedKafka(kafka), { topic, groupId: `${topic}-${name}`, transactionTimeout }),
      tap(() => failpoint('send:after')),
    );
}

/** No death: who hears of it takes over, and wakes this process up later. */
function fallAsleep(): void {
  process.stderr.write('asleep in a transaction\n');
  process.kill(process.pid, 'SIGSTOP');
}

/** Failure points in the transactions of a producer. */
export function pointedKafka(kafka: Kafka, point: (name: string) => void = failpoint): Kafka {
  const pointed = (transaction: Transaction): Transaction => ({
    ...transaction,
    sendOffsets: async (offsets) => {
      await transaction.sendOffsets(offsets);
      point('send:offsets');
    },
    sendBatch: async (batch) => {
      const sent = await transaction.sendBatch(batch);
      point('send:written');
      if (isDue('send:asleep')) fallAsleep();
      return sent;
    },
    commit: async () => {
      const sent = transaction.commit();
      point('send:commit-asked');
      await sent;
      point('send:after-commit');
    },
  });
  return withProducer(kafka, (inner) => ({
    transaction: async () => {
      const transaction = await inner.transaction();
      point('send:begun');
      return pointed(transaction);
    },
  }));
}
