import type { Batch } from 'dstream';
import { sendToKafka } from 'dstream/kafka';
import type { Kafka, Message, Transaction } from 'kafkajs';
import { map, type OperatorFunction, tap } from 'rxjs';
import { failpoint } from '../../src/state/node/failpoint.js';
import type { Written } from './judge.js';
import { newKafka } from './kafkaLog.js';
import { partitions } from './records.js';

/** What a message says: a line of an output, or that the output is there. */
type Said = readonly [name: string, line: string | null];

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

/** Failure points in the transactions of a producer. */
function pointedKafka(kafka: Kafka): Kafka {
  const pointed = (transaction: Transaction): Transaction => ({
    ...transaction,
    sendBatch: async (batch) => {
      const sent = await transaction.sendBatch(batch);
      failpoint('send:written');
      return sent;
    },
    sendOffsets: async (offsets) => {
      await transaction.sendOffsets(offsets);
      failpoint('send:before-commit');
    },
    commit: async () => {
      const sent = transaction.commit();
      failpoint('send:commit-asked');
      await sent;
      failpoint('send:after-commit');
    },
  });
  const producer: Kafka['producer'] = (config) => {
    const inner = kafka.producer(config);
    return {
      ...inner,
      transaction: async () => {
        const transaction = await inner.transaction();
        failpoint('send:begun');
        return pointed(transaction);
      },
    };
  };
  return { admin: () => kafka.admin(), producer } as Kafka;
}

/** What a reader of committed records sees of a run that has ended, by a consumer of kafkajs. */
export async function readTopic(brokers: string, topic: string): Promise<Written> {
  const kafka = newKafka(brokers);
  const producer = kafka.producer();
  await producer.connect();
  const end: Said = ['end', null];
  const ends = Array.from({ length: partitions }, (_, partition) => ({ partition, value: JSON.stringify(end) }));
  await producer.send({ topic, messages: ends });
  await producer.disconnect();

  const said: Said[] = [];
  const consumer = kafka.consumer({ groupId: `${topic}-judge`, readUncommitted: false });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    let left = partitions;
    consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error));
    const eachMessage = async ({ message }: { message: { value: Buffer | null } }) => {
      const one = JSON.parse(String(message.value)) as Said;
      if (one[0] !== 'end') said.push(one);
      else if (--left === 0) resolve();
    };
    consumer.run({ eachMessage }).catch(reject);
  });
  await consumer.disconnect();
  return writtenBy(said);
}

/** An output that says twice that it is there comes twice. A batch without records has no message of `raw`. */
function writtenBy(said: readonly Said[]): Written {
  const lines = new Map<string, string[]>();
  for (const [name, line] of said) {
    const known = lines.get(name) ?? [];
    lines.set(name, known);
    if (line !== null) known.push(line);
  }
  const isThere = said.filter(([, line]) => line === null).map(([name]) => name);
  const withoutRecords = [...new Set(isThere)]
    .filter((name) => name.startsWith('totals-'))
    .map((name) => name.replace('totals', 'raw'))
    .filter((name) => !lines.has(name));
  const unsaid = [...lines.keys()].filter((name) => !isThere.includes(name));
  return [...isThere, ...unsaid, ...withoutRecords].map((name) => [name, lines.get(name) ?? []]);
}
