import type { Kafka } from 'kafkajs';
import { type Observable, timeout } from 'rxjs';
import { committedOffsets } from './kafka.js';

/** A group that reads a topic. */
export interface ReadingGroup {
  readonly kafka: Kafka;
  readonly groupId: string;
  readonly input: string;
}

/** Subscribes to a stream until the group has committed these offsets of its input, one a partition. */
export function untilCommitted(
  { kafka, groupId, input }: ReadingGroup,
  stream: Observable<unknown>,
  expected: readonly number[],
): Promise<void> {
  return new Promise((resolve, reject) => {
    const subscription = stream.pipe(timeout({ each: 300_000 })).subscribe({
      next: async () => {
        const offsets = await committedOffsets(kafka, groupId, input);
        if (!offsets.every((offset, i) => offset === expected[i])) return;
        subscription.unsubscribe();
        resolve();
      },
      error: reject,
    });
  });
}
