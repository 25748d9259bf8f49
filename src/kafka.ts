// Kafka through kafkajs. Runs in Node.
export type { OutputMessage } from './outputs/kafka/batchTransactions.js';
export { type SendToKafkaOptions, sendToKafka } from './outputs/kafka/sendToKafka.js';
export { type KafkaBatchesOptions, kafkaBatches } from './sources/kafka/kafkajs/kafkaBatches.js';
export { type FetchEvent, type KafkaClientOptions, KafkajsClient } from './sources/kafka/kafkajs/kafkajsClient.js';
export type { IsolationLevel } from './sources/kafka/kafkajs/kafkajsPort.js';
export { type KafkaSourceOptions, kafkaSource } from './sources/kafka/kafkajs/kafkaSource.js';
