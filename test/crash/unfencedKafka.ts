import type { Kafka, ProducerConfig } from 'kafkajs';

/** A client for a control: each process has a transactional id of its own, so that none fences another. */
export function unfencedKafka(kafka: Kafka): Kafka {
  const producer = function (this: Kafka, config: ProducerConfig = {}) {
    const { transactionalId: id } = config;
    return kafka.producer.call(this, { ...config, ...(id && { transactionalId: `${id}-${process.pid}` }) });
  };
  return Object.assign(Object.create(kafka), { producer }) as Kafka;
}
