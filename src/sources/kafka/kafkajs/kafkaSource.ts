import { checkOptions } from '../../../options/checkOptions.js';
import type { LogSourceOptions } from '../../log/logSourceOptions.js';
import { resolvedLogSource } from '../../log/resolvedLogSource.js';
import { logSourceChecks, resolveLogSourceOptions } from '../../log/resolveLogSourceOptions.js';
import type { Source } from '../../source.js';
import type { Kafka, KafkaRuntime } from './kafka.js';
import { kafkaAccess } from './kafkaAccess.js';
import { type KafkaClientOptions, kafkaClientChecks, resolveKafkaClientOptions } from './kafkaClientOptions.js';
import { KafkajsClient } from './kafkajsClient.js';

/** What a source over Kafka takes. */
export type KafkaSourceOptions<T> = LogSourceOptions<T> & KafkaClientOptions;

/**
 * Topics of a Kafka cluster as a source for `batchesFrom`. Each subscription has a client, and so connections, of its own.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 * @throws {UnsupportedClientError} when `kafka` is not a client of kafkajs 2.2.4
 * @throws {RuntimeClosedError} when `kafka` is a `kafkaRuntime` that is closed
 *
 * @see {@link kafkaBatches} for a stream of this source alone
 * @see {@link batchesFrom} for several sources on one driver
 */
export function kafkaSource<T>(kafka: Kafka | KafkaRuntime, options: KafkaSourceOptions<T>): Source<T> {
  checkOptions('kafkaSource', options, { ...logSourceChecks, ...kafkaClientChecks });
  return kafkaSourceOf('kafkaSource', kafka, options);
}

/** `kind` names the source in messages. */
export function kafkaSourceOf<T>(kind: string, kafka: Kafka | KafkaRuntime, options: KafkaSourceOptions<T>): Source<T> {
  const resolved = resolveLogSourceOptions(kind, options);
  const { fetchObserver, ...rest } = resolveKafkaClientOptions(options);
  const newClient = () => new KafkajsClient(kafka, { ...rest, ...(fetchObserver && { fetchObserver }) });
  // Fails now if `kafka` is not supported.
  newClient();
  return resolvedLogSource(kind, newClient, { ...resolved, budget: kafkaAccess(kafka).budget });
}
