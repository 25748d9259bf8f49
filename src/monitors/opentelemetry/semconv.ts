/**
 * Names of OpenTelemetry's semantic conventions, version 1.45.0, copied as the package of the conventions asks of libraries: its
 * messaging part is in development, and an update of that package must not rename anything here unnoticed.
 */
export const schemaUrl = 'https://opentelemetry.io/schemas/1.45.0';

export const attribute = {
  errorType: 'error.type',
  serverAddress: 'server.address',
  serverPort: 'server.port',
  kafkaClusterId: 'kafka.cluster.id',
  batchMessageCount: 'messaging.batch.message_count',
  clientId: 'messaging.client.id',
  consumerGroup: 'messaging.consumer.group.name',
  destination: 'messaging.destination.name',
  destinationPartition: 'messaging.destination.partition.id',
  operationName: 'messaging.operation.name',
  operationType: 'messaging.operation.type',
  system: 'messaging.system.name',
} as const;

/** What 1.45.0 calls deprecated, by the name that replaces it: also written with `messaging/dup`. */
export const deprecatedNames: Readonly<Record<string, string>> = {
  [attribute.system]: 'messaging.system',
  [attribute.kafkaClusterId]: 'messaging.kafka.cluster.id',
};

/** What conventions do not name. */
export const own = {
  stream: 'dstream.stream',
  source: 'dstream.source',
  operator: 'dstream.operator',
  id: 'dstream.id',
  partition: 'dstream.partition',
  result: 'dstream.result',
  batchTime: 'dstream.batch.time',
  batchInterval: 'dstream.batch.interval',
  schedulingDelay: 'dstream.batch.scheduling_delay',
  rateLimit: 'dstream.rate.limit',
  rateRule: 'dstream.rate.rule',
  fetchBytes: 'dstream.fetch.bytes',
  checkpointBytes: 'dstream.checkpoint.bytes',
} as const;
