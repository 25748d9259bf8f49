import type { ChangelogTopics, ClusterAccess, SaslLogin } from '../sources/kafka/kafkajs/changelogTopics.js';
import type { Location, Part, Place } from './place.js';
import { UsageError } from './usageError.js';

/** `kafka://HOST:PORT[,HOST:PORT...]/TOPIC[/PARTITION]`, or `kafka+ssl://` with TLS. */
const locationPattern = /^kafka(\+ssl)?:\/\/([^/@]+)\/([\w.-]+)(?:\/(\d+))?$/;

export function isKafkaLocation(place: string): boolean {
  return /^kafka(\+ssl)?:/.test(place);
}

/** A partition of a compacted topic; that of `part` where a checkpoint has been split. */
export function inKafka(place: string, { job, store }: Place, part: Part | undefined): Location {
  const [, tls, hosts = '', topic = '', ofPlace] = locationPattern.exec(place) ?? [];
  if (topic === '') throw new UsageError('a location in Kafka is kafka://HOST:PORT[,HOST:PORT...]/TOPIC[/PARTITION]');
  if (job !== undefined) throw new UsageError('--job is for a location in PostgreSQL');
  if (store !== undefined) throw new UsageError('--store is for a location in a directory');
  if (part && ofPlace !== undefined)
    throw new UsageError(`the parts go to partitions of ${topic}: leave out /${ofPlace}`);
  const opened = openTopics({ brokers: hosts.split(','), tls: tls !== undefined, sasl: saslOf(process.env) });
  // Reported where it is awaited.
  opened.catch(() => {});
  const number = part?.number ?? (ofPlace === undefined ? undefined : Number(ofPlace));
  return {
    existing: async () => {
      const topics = await opened;
      const partition = await existingPartition(topics, topic, number);
      return topics.checkpoint(topic, partition, undefined);
    },
    any: async () => (await opened).checkpoint(topic, number ?? 0, part?.of ?? (number === undefined ? 1 : undefined)),
    close: async () => {},
  };
}

/** Not before there is a location in Kafka: kafkajs is an optional package. */
async function openTopics(access: ClusterAccess): Promise<ChangelogTopics> {
  const { changelogTopics } = await import('../sources/kafka/kafkajs/changelogTopics.js');
  return changelogTopics(access);
}

/** Of the environment, not of the command line, which others on the machine can see. */
function saslOf({
  DSTREAM_KAFKA_USERNAME: username,
  DSTREAM_KAFKA_PASSWORD: password = '',
  DSTREAM_KAFKA_MECHANISM: mechanism = 'plain',
}: NodeJS.ProcessEnv): SaslLogin | undefined {
  if (username === undefined) return undefined;
  if (mechanism !== 'plain' && mechanism !== 'scram-sha-256' && mechanism !== 'scram-sha-512') {
    throw new UsageError('DSTREAM_KAFKA_MECHANISM must be plain, scram-sha-256 or scram-sha-512');
  }
  return { mechanism, username, password };
}

async function existingPartition(topics: ChangelogTopics, topic: string, number: number | undefined): Promise<number> {
  const partitions = await topics.partitions(topic);
  if (partitions.length === 0) throw new UsageError(`there is no topic ${topic}`);
  if (number === undefined && partitions.length > 1) {
    throw new UsageError(`topic ${topic} has ${partitions.length} partitions: name one, as in ${topic}/0`);
  }
  const partition = number ?? 0;
  const found = partitions.find((one) => one.partition === partition);
  if (!found) throw new UsageError(`topic ${topic} has no partition ${partition}: it has ${partitions.length}`);
  if (found.isEmpty) throw new UsageError(`partition ${partition} of topic ${topic} has no checkpoint: it is empty`);
  return partition;
}
