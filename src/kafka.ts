// Kafka through kafkajs. Runs in Node.
export { type DeadLetterTopicOptions, deadLetterTopic } from './outputs/kafka/deadLetterTopic.js';
export {
  type MergedTasks,
  type MergeOptions,
  type MergeTasksOptions,
  type MergeWriteOptions,
  mergeTasks,
} from './outputs/kafka/mergeTasks.js';
export type { OutputMessage } from './outputs/kafka/outputMessage.js';
export { type SendInTransactionOptions, sendInTransaction } from './outputs/kafka/sendInTransaction.js';
export { type SendToKafkaOptions, sendToKafka } from './outputs/kafka/sendToKafka.js';
export {
  type ShuffleTopic,
  type ShuffleTopicOptions,
  type ShuffleWriteOptions,
  shuffleTopic,
} from './outputs/kafka/shuffleTopic.js';
export type { MergedResult, TaskPartial } from './outputs/kafka/taskPartials.js';
export type { ExclusiveOptions } from './sources/kafka/kafkajs/exclusiveOwnership.js';
export { type KafkaBatchesOptions, kafkaBatches } from './sources/kafka/kafkajs/kafkaBatches.js';
export {
  type KafkaCheckpoint,
  type KafkaCheckpointOptions,
  kafkaCheckpoint,
} from './sources/kafka/kafkajs/kafkaCheckpoint.js';
export type { KafkaClientOptions, KafkaFetchEvent } from './sources/kafka/kafkajs/kafkaClientOptions.js';
export { KafkajsClient } from './sources/kafka/kafkajs/kafkajsClient.js';
export {
  type KafkaReceiverOptions,
  kafkaReceiver,
  type ReceivedMessage,
} from './sources/kafka/kafkajs/kafkaReceiver.js';
export {
  type KafkaRuntime,
  type KafkaRuntimeOptions,
  type KafkaRuntimeSnapshot,
  kafkaRuntime,
} from './sources/kafka/kafkajs/kafkaRuntime.js';
export { type KafkaSourceOptions, kafkaSource } from './sources/kafka/kafkajs/kafkaSource.js';
export { type KafkaTableOptions, kafkaTable } from './sources/kafka/kafkajs/kafkaTable.js';
export { type KafkaTasksOptions, kafkaTasks } from './sources/kafka/kafkajs/kafkaTasks.js';
export { type KafkaTasksFromOptions, kafkaTasksFrom } from './sources/kafka/kafkajs/kafkaTasksFrom.js';
export type { IsolationLevel } from './sources/kafka/protocol/fetchProtocol.js';
export type { StandbyOptions } from './sources/tasks/standbyOptions.js';
