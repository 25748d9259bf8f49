import { setTimeout as sleep } from 'node:timers/promises';
import type { Kafka } from 'kafkajs';

/** The offset of the next record of each partition, by a client that goes around the proxies: asked for until a cluster answers. */
export async function endsOf(kafka: Kafka, topic: string): Promise<ReadonlyMap<number, number>> {
  for (;;) {
    const admin = kafka.admin();
    try {
      await admin.connect();
      const ends = await admin.fetchTopicOffsets(topic);
      return new Map(ends.map(({ partition, high }) => [partition, Number(high)]));
    } catch {
      // Leaders are elected, or a broker has just come back.
      await sleep(200);
    } finally {
      await admin.disconnect().catch(() => {});
    }
  }
}
