import { defer, Subscription } from 'rxjs';
import { scheduleAfter } from '../../backpressure/longDelay.js';
import type { TopicPartition } from '../../batch/topicPartition.js';
import { FailuresInARow, type TellFailures } from './failuresInARow.js';
import type { GroupClient } from './groupClient.js';
import { samePartitions } from './groupTask.js';
import type { GroupMemberOptions } from './memberOptions.js';

type WatchOptions = Pick<GroupMemberOptions, 'discoverInterval' | 'scheduler' | 'sessionTimeout' | 'topics'>;

/** Looks from time to time whether the topics have other partitions than those that are known, until they do. */
export class PartitionWatch {
  readonly #client: Pick<GroupClient, 'partitions'>;
  readonly #options: WatchOptions;
  readonly #changed: () => void;
  readonly #failures: FailuresInARow;
  #look = new Subscription();

  constructor(client: Pick<GroupClient, 'partitions'>, options: WatchOptions, changed: () => void, tell: TellFailures) {
    this.#client = client;
    this.#options = options;
    this.#changed = changed;
    this.#failures = new FailuresInARow(options, tell);
  }

  /** Begins, for the member that leads: it has just looked. Another one knows no partitions, and does not look. */
  start(known: readonly TopicPartition[] | undefined): void {
    this.#failures.succeeded();
    if (known) this.#lookLater(known);
  }

  stop(): void {
    this.#look.unsubscribe();
  }

  #lookLater(known: readonly TopicPartition[]): void {
    const { discoverInterval, scheduler, topics } = this.#options;
    this.#look.unsubscribe();
    const look = new Subscription();
    this.#look = look;
    look.add(
      scheduleAfter(scheduler, discoverInterval, () => {
        const asked = defer(() => this.#client.partitions(topics)).subscribe({
          next: (partitions) => {
            this.#failures.succeeded();
            if (samePartitions(known, partitions)) this.#lookLater(known);
            else this.#changed();
          },
          error: (error: unknown) => {
            this.#failures.failed(error);
            this.#lookLater(known);
          },
        });
        look.add(asked);
      }),
    );
  }
}
