import { withRelayedHeartbeats } from '../../group/heartbeatRelay.js';
import type { JobSetup } from '../../tasks/taskOptions.js';
import type { TaskClients } from '../../tasks/taskStreamOf.js';
import type { Kafka, KafkaRuntime } from './kafka.js';
import { kafkaAccess } from './kafkaAccess.js';
import { type KafkaClientOptions, resolveKafkaClientOptions } from './kafkaClientOptions.js';
import { KafkajsClient } from './kafkajsClient.js';
import { KafkajsGroupClient } from './kafkajsGroupClient.js';
import { processId } from './processId.js';

/**
 * The clients that the tasks of a process share, and what its member is called.
 *
 * @throws {UnsupportedClientError} when `kafka` is not a client of kafkajs 2.2.4
 */
export function taskClients(
  owner: string,
  kafka: Kafka | KafkaRuntime,
  options: KafkaClientOptions,
): { readonly newClients: () => TaskClients; readonly setup: Omit<JobSetup, 'sources'> } {
  const { fetchObserver, ...client } = resolveKafkaClientOptions(options);
  const newLog = () => new KafkajsClient(kafka, { ...client, ...(fetchObserver && { fetchObserver }) });
  // Fails now if `kafka` is not supported.
  newLog();
  return {
    newClients: () => ({
      log: newLog(),
      group: withRelayedHeartbeats(new KafkajsGroupClient(owner, kafka)),
      budget: kafkaAccess(kafka).budget,
    }),
    setup: { retryTimeout: client.retryTimeout, processId },
  };
}
