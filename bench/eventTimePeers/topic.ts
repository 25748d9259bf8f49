import kafkajs from 'kafkajs';

const keys = 10_000;
const partitions = 4;

/** Windows by event time over the topic, in ms. */
export const shape = { window: 60_000, grace: 5_000, windows: 10 } as const;

/**
 * Fills a topic with records of 100 bytes over ten minutes of event time, the timestamps of Kafka, out of order by up to four seconds; then
 * one record a partition that closes all windows of the others.
 */
export async function fillTimed(brokers: string, topic: string, records: number): Promise<void> {
  const kafka = new kafkajs.Kafka({
    clientId: 'bench-fill',
    brokers: brokers.split(','),
    logLevel: kafkajs.logLevel.NOTHING,
  });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: true });
  await admin.disconnect();
  const producer = kafka.producer();
  await producer.connect();
  const length = shape.window * shape.windows;
  const begin = Math.floor(Date.now() / shape.window) * shape.window - length - 2 * shape.window;
  const value = 'x'.repeat(90);
  const chunk = 5_000;
  for (let from = 0; from < records; from += chunk) {
    const messages = Array.from({ length: Math.min(chunk, records - from) }, (_, n) => {
      const i = from + n;
      const key = i % keys;
      const time = Math.max(begin, begin + Math.floor((i / records) * length) - ((i * 7_919) % 4_000));
      return {
        key: `key-${String(key).padStart(6, '0')}`,
        value,
        partition: key % partitions,
        timestamp: String(time),
      };
    });
    await producer.send({ topic, messages });
  }
  const closing = String(begin + length + shape.window);
  const last = Array.from({ length: partitions }, (_, partition) => ({
    key: `last-${partition}`,
    value,
    partition,
    timestamp: closing,
  }));
  await producer.send({ topic, messages: last });
  await producer.disconnect();
}
