import type { LogClient } from 'dstream';
import { KafkajsClient } from 'dstream/kafka';
import { Kafka, logLevel } from 'kafkajs';
import { defer, from, tap } from 'rxjs';
import { failpoint } from '../../src/storage/failpoint.js';
import { createTopics } from '../support/createTopics.js';
import { eventsOf, partitions } from './records.js';

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';

/** So many records go into one record batch: a batch of the stream begins and ends in the middle of them. */
const recordsPerSend = 15;

export function newKafka(brokers: string): Kafka {
  return new Kafka({ clientId: 'crash', brokers: brokers.split(','), logLevel: logLevel.NOTHING });
}

/** A topic with as many partitions as the log has. */
export async function createTopic(kafka: Kafka, topic: string): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  await createTopics(admin, [{ topic, numPartitions: partitions }]);
  await admin.disconnect();
}

/** Writes the log once, for all lives: into a topic of a real Kafka. */
export async function writeTopic(kafka: Kafka, topic: string): Promise<void> {
  await createTopic(kafka, topic);
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  // Near now: the broker deletes what is older than it keeps.
  const begin = Date.now();
  for (let partition = 0; partition < partitions; partition++) {
    const messages = eventsOf(partition).map((event) => ({
      partition,
      value: JSON.stringify(event),
      timestamp: String(begin + event.at),
    }));
    for (let i = 0; i < messages.length; i += recordsPerSend) {
      await producer.send({ topic, messages: messages.slice(i, i + recordsPerSend) });
    }
  }
  await producer.disconnect();
}

/** The client that `kafkaBatches` reads by, with failure points around fetch and commit. */
export function kafkaLog(kafka: Kafka): LogClient {
  const client = new KafkajsClient(kafka);
  return {
    name: 'Kafka',
    connect: () => client.connect(),
    partitions: (topics) => client.partitions(topics),
    offsets: (of, point) => client.offsets(of, point),
    committed: (groupId, of) => client.committed(groupId, of),
    broker: (of) => client.broker(of),
    fetch: (requests, options) =>
      defer(() => {
        failpoint('fetch:before');
        return from(client.fetch(requests, options));
      }).pipe(tap(() => failpoint('fetch:after'))),
    commit: async (groupId, positions) => {
      failpoint('commit:before');
      await client.commit(groupId, positions);
      failpoint('commit:after');
    },
    close: () => client.close(),
  };
}
