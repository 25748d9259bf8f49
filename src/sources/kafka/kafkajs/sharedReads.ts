import { asyncScheduler, from, lastValueFrom } from 'rxjs';
import type { LogClient } from '../../log/logClient.js';
import { sharedLog } from '../../tasks/sharedLog.js';
import type { Kafka, KafkaRuntime } from './kafka.js';
import { KafkajsClient } from './kafkajsClient.js';

/** A client that others use too. */
export interface SharedRead {
  readonly client: Promise<LogClient>;
  /** It is not used any more; called once. */
  release(): void;
}

interface Used {
  readonly client: Promise<LogClient>;
  users: number;
}

/** Bytes of one response, for all copies together: those whose records did not fit ask again. */
const maxFetchBytes = 8 * 1_024 * 1_024;

const used = new WeakMap<Kafka | KafkaRuntime, Used>();

/**
 * A client that reads for all copies of a process: one request to each broker is under way, with what all of them want. It is connected while
 * somebody uses it.
 */
export function sharedReads(kafka: Kafka | KafkaRuntime): SharedRead {
  const one = used.get(kafka) ?? { client: connected(kafka), users: 0 };
  used.set(kafka, one);
  one.users++;
  const forget = (): void => {
    if (used.get(kafka) === one) used.delete(kafka);
  };
  // The next one tries again.
  one.client.catch(forget);
  return {
    client: one.client,
    release: () => {
      if (--one.users > 0) return;
      forget();
      one.client.then(
        (client) => client.close(),
        () => {},
      );
    },
  };
}

async function connected(kafka: Kafka | KafkaRuntime): Promise<LogClient> {
  const client = sharedLog(new KafkajsClient(kafka, { checkCrcs: true }), asyncScheduler, maxFetchBytes);
  await lastValueFrom(from(client.connect()), { defaultValue: undefined });
  return client;
}
