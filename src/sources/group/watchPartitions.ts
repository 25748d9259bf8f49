import { defer, Subscription } from 'rxjs';
import { scheduleAfter } from '../../backpressure/longDelay.js';
import type { TopicPartition } from '../../batch/topicPartition.js';
import type { GroupClient } from './groupClient.js';
import { samePartitions } from './groupTask.js';
import type { GroupMemberOptions } from './memberOptions.js';

/** Looks from time to time whether the topics have other partitions than those that are known, until they do. */
export function watchPartitions(
  client: Pick<GroupClient, 'partitions'>,
  { discoverInterval, scheduler, topics }: Pick<GroupMemberOptions, 'discoverInterval' | 'scheduler' | 'topics'>,
  known: readonly TopicPartition[],
  changed: () => void,
): Subscription {
  const watch = new Subscription();
  const look = (): void => {
    const looking = new Subscription();
    watch.add(looking);
    const again = (): void => {
      watch.remove(looking);
      if (!watch.closed) look();
    };
    looking.add(
      scheduleAfter(scheduler, discoverInterval, () => {
        const asked = defer(() => client.partitions(topics)).subscribe({
          next: (partitions) => (samePartitions(known, partitions) ? again() : changed()),
          error: again,
        });
        looking.add(asked);
      }),
    );
  };
  look();
  return watch;
}
