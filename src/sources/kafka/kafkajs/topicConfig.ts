import type { Kafka } from './kafka.js';

/** kafkajs's number for a topic among the resources that have configurations. */
const topicResource = 2;

/** A setting of a topic; `undefined` where it cannot be read. It only explains or warns: without the right to read it, all goes on. */
export async function topicConfig(kafka: Kafka, topic: string, name: string): Promise<string | undefined> {
  const admin = kafka.admin({ retry: { retries: 0 } });
  try {
    await admin.connect();
    const resources = [{ type: topicResource, name: topic, configNames: [name] }];
    const { resources: found } = await admin.describeConfigs({ resources, includeSynonyms: false });
    return found[0]?.configEntries.find(({ configName }) => configName === name)?.configValue;
  } catch {
    return undefined;
  } finally {
    await admin.disconnect().catch(() => {});
  }
}

/** The `cleanup.policy` of a topic whose records expire, be they the newest of their key; `undefined` where none does, or that is unknown. */
export async function expiringPolicy(kafka: Kafka, topic: string): Promise<string | undefined> {
  const policy = await topicConfig(kafka, topic, 'cleanup.policy');
  return policy === 'compact' ? undefined : policy;
}
