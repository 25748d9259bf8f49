import type { Kafka } from './kafka.js';
import { withBackOff } from './withBackOff.js';

/** kafkajs's number for a topic among the resources that have configurations. */
const topicResource = 2;

/** What brokers answer. `isKnown` is false where none could be asked now. */
export interface TopicSetting {
  readonly isKnown: boolean;
  /** `undefined` where it may not be read, too. */
  readonly value: string | undefined;
}

/** Each attempt asks a random broker of those that the client was given: one may be down. */
const patience = { firstPauseMs: 50, maxPauseMs: 400, timeoutMs: 1_500 } as const;
/** So that a thousand copies of one topic ask once, ms. */
const validForMs = 10_000;
const asked = new WeakMap<Kafka, Map<string, { readonly at: number; readonly setting: Promise<TopicSetting> }>>();

/** A setting of a topic, as it was at most ten seconds ago. Never fails. */
export function topicSetting(kafka: Kafka, topic: string, name: string): Promise<TopicSetting> {
  const ofKafka = asked.get(kafka) ?? new Map();
  asked.set(kafka, ofKafka);
  const key = JSON.stringify([topic, name]);
  const known = ofKafka.get(key);
  const now = performance.now();
  if (known && now - known.at < validForMs) return known.setting;
  const forget = (): void => {
    if (ofKafka.get(key)?.setting === setting) ofKafka.delete(key);
  };
  const ask = () => askedSetting(kafka, topic, name);
  const setting = withBackOff(ask, { ...patience, isRetriable: (error) => !isRefusal(error) }).then(
    (value): TopicSetting => ({ isKnown: true, value }),
    (error: unknown): TopicSetting => {
      forget();
      return { isKnown: isRefusal(error), value: undefined };
    },
  );
  ofKafka.set(key, { at: now, setting });
  return setting;
}

/** A setting of a topic; `undefined` where it cannot be read. It only explains or warns: without the right to read it, all goes on. */
export function topicConfig(kafka: Kafka, topic: string, name: string): Promise<string | undefined> {
  return askedSetting(kafka, topic, name).catch(() => undefined);
}

async function askedSetting(kafka: Kafka, topic: string, name: string): Promise<string | undefined> {
  const admin = kafka.admin({ retry: { retries: 0 } });
  try {
    await admin.connect();
    const resources = [{ type: topicResource, name: topic, configNames: [name] }];
    const { resources: found } = await admin.describeConfigs({ resources, includeSynonyms: false });
    return found[0]?.configEntries.find(({ configName }) => configName === name)?.configValue ?? undefined;
  } finally {
    await admin.disconnect().catch(() => {});
  }
}

function isRefusal(error: unknown): boolean {
  return String((error as { readonly type?: unknown }).type).endsWith('_AUTHORIZATION_FAILED');
}

/** The `cleanup.policy` of a topic whose records expire, be they the newest of their key; `undefined` where none does, or that is unknown. */
export async function expiringPolicy(kafka: Kafka, topic: string): Promise<string | undefined> {
  const policy = await topicConfig(kafka, topic, 'cleanup.policy');
  return policy === 'compact' ? undefined : policy;
}
