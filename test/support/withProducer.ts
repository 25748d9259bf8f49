import type { Kafka, Producer, ProducerConfig } from 'kafkajs';

/** A client whose producers do something else, made as instrumentation does it: the library makes a client of its own from this one. */
export function withProducer(
  kafka: Kafka,
  change: (producer: Producer, transactionalId: string | undefined) => Partial<Producer>,
): Kafka {
  const producer = function (this: Kafka, config?: ProducerConfig): Producer {
    const inner = kafka.producer.call(this, config);
    return { ...inner, ...change(inner, config?.transactionalId) };
  };
  return Object.assign(Object.create(kafka), { producer }) as Kafka;
}
