import type { Kafka } from 'kafkajs';
import { defer } from 'rxjs';
import { logSource } from '../../log/logSource.js';
import { type LogSourceOptions, resolveLogSourceOptions } from '../../log/logSourceOptions.js';
import type { Source } from '../../source.js';
import { type KafkaClientOptions, KafkajsClient } from './kafkajsClient.js';

/** What a source over Kafka takes. */
export type KafkaSourceOptions<T> = LogSourceOptions<T> & KafkaClientOptions;

/**
 * Topics of a Kafka cluster as a source for `batchesFrom`; `kafkaBatches` makes a stream of one alone.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 * @throws {UnsupportedClientError} when `kafka` is no client of kafkajs 2.2.4
 */
export function kafkaSource<T>(kafka: Kafka, options: KafkaSourceOptions<T>, kind = 'kafkaSource'): Source<T> {
  const resolved = resolveLogSourceOptions(kind, options);
  // Made once to be checked now; each subscription has a client, and so connections, of its own.
  new KafkajsClient(kafka, options);
  return {
    kind,
    durable: resolved.groupId !== undefined,
    open: (setup) => defer(() => logSource(new KafkajsClient(kafka, options), options, kind).open(setup)),
  };
}
