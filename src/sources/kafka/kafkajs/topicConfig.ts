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

/** They are asked for together. */
const sharedSettings = ['cleanup.policy', 'delete.retention.ms'] as const;
type SharedSetting = (typeof sharedSettings)[number];
type Values = ReadonlyMap<string, string>;

/** Each attempt asks a random broker of those that the client was given: one may be down. */
const patience = { firstPauseMs: 50, maxPauseMs: 400, timeoutMs: 1_500 } as const;
/** So that a thousand copies of one topic ask once, ms. */
const validForMs = 10_000;
const asked = new WeakMap<Kafka, Map<string, { readonly at: number; readonly values: Promise<Values | undefined> }>>();

/** A setting of a topic, as it was at most ten seconds ago. Never fails. */
export async function topicSetting(kafka: Kafka, topic: string, name: SharedSetting): Promise<TopicSetting> {
  const values = await sharedValues(kafka, topic);
  return { isKnown: values !== undefined, value: values?.get(name) };
}

/** Without any where they may not be read; `undefined` where no broker could be asked now. */
function sharedValues(kafka: Kafka, topic: string): Promise<Values | undefined> {
  const ofKafka = asked.get(kafka) ?? new Map();
  asked.set(kafka, ofKafka);
  const known = ofKafka.get(topic);
  const now = performance.now();
  if (known && now - known.at < validForMs) return known.values;
  const ask = () => askedSettings(kafka, topic, sharedSettings);
  const values = withBackOff(ask, { ...patience, isRetriable: (error) => !isRefusal(error) }).catch(
    (error: unknown) => {
      if (ofKafka.get(topic)?.values === values) ofKafka.delete(topic);
      return isRefusal(error) ? new Map<string, string>() : undefined;
    },
  );
  ofKafka.set(topic, { at: now, values });
  return values;
}

/** A setting of a topic; `undefined` where it cannot be read. It only explains or warns: without the right to read it, all goes on. */
export async function topicConfig(kafka: Kafka, topic: string, name: string): Promise<string | undefined> {
  const values = await askedSettings(kafka, topic, [name]).catch(() => undefined);
  return values?.get(name);
}

async function askedSettings(kafka: Kafka, topic: string, configNames: readonly string[]): Promise<Values> {
  const admin = kafka.admin({ retry: { retries: 0 } });
  try {
    await admin.connect();
    const resources = [{ type: topicResource, name: topic, configNames: [...configNames] }];
    const { resources: found } = await admin.describeConfigs({ resources, includeSynonyms: false });
    const values = new Map<string, string>();
    for (const { configName, configValue } of found[0]?.configEntries ?? []) {
      if (configValue !== null && configValue !== undefined) values.set(configName, configValue);
    }
    return values;
  } finally {
    await admin.disconnect().catch(() => {});
  }
}

function isRefusal(error: unknown): boolean {
  return String((error as { readonly type?: unknown }).type).endsWith('_AUTHORIZATION_FAILED');
}

/** The `cleanup.policy` of a topic whose records expire, be they the newest of their key; `undefined` where none does, or that is unknown. */
export async function expiringPolicy(kafka: Kafka, topic: string): Promise<string | undefined> {
  const { value } = await topicSetting(kafka, topic, 'cleanup.policy');
  return value === 'compact' ? undefined : value;
}
