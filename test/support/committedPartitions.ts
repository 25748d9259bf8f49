import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';

const patience = 120_000;

/**
 * What a group has committed of a topic. On a busy machine the coordinator of a group moves, or loads, and kafkajs passes its refusal on;
 * it is asked again, for no test is about that.
 */
export async function committedPartitions(admin: Admin, groupId: string, topic: string) {
  const deadline = performance.now() + patience;
  for (;;) {
    try {
      const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
      return found?.partitions ?? [];
    } catch (error) {
      if ((error as { retriable?: boolean }).retriable !== true || performance.now() > deadline) throw error;
      await sleep(200);
    }
  }
}
