import { concat, EMPTY, from, last, map, type Observable, of } from 'rxjs';
import type { OffsetRange } from '../../batch/offsetRange.js';
import { partitionKey, type TopicPartition, type TopicPartitionOffset } from '../../batch/topicPartition.js';
import type { LogClient, LogPartition } from './logClient.js';
import type { ResolvedLogSourceOptions } from './resolveLogSourceOptions.js';
import { placeOf, startPositions } from './startPositions.js';

/** Where partitions start. */
interface Started {
  readonly positions: readonly TopicPartitionOffset[];
  readonly lost: readonly OffsetRange[];
}

/** Partitions that were away when they should have been started: they start once they can be read. */
export class UnstartedPartitions {
  readonly #owner: string;
  readonly #client: LogClient;
  readonly #options: ResolvedLogSourceOptions<unknown>;
  /** Those that are new start at their earliest offset. */
  #entries = new Map<string, { readonly partition: LogPartition; readonly isNew: boolean }>();

  constructor(owner: string, client: LogClient, options: ResolvedLogSourceOptions<unknown>) {
    this.#owner = owner;
    this.#client = client;
    this.#options = options;
  }

  has(partition: TopicPartition): boolean {
    return this.#entries.has(partitionKey(partition));
  }

  get size(): number {
    return this.#entries.size;
  }

  get list(): readonly LogPartition[] {
    return Array.from(this.#entries.values(), ({ partition }) => partition);
  }

  /** Returns the partitions that can be started now, and those of `replay`, which have to be waited for. */
  reachable(partitions: readonly LogPartition[], replay: readonly OffsetRange[]): Observable<readonly LogPartition[]> {
    // A stream that ends at what there is at its start has to know that of all its partitions.
    const waitsForAll = !this.#client.unavailable || this.#options.until !== undefined;
    if (waitsForAll || partitions.length === 0) return of(partitions);
    return from(this.#client.offsets(partitions, 'latest', { partial: true })).pipe(
      last(undefined, []),
      map((heard) => {
        const needed = new Set([...heard, ...replay].map(partitionKey));
        const away = partitions.filter((partition) => !needed.has(partitionKey(partition)));
        for (const partition of away) this.#entries.set(partitionKey(partition), { partition, isNew: false });
        return partitions.filter((partition) => !this.has(partition));
      }),
    );
  }

  /** These were found while the stream ran: everything in them is new. */
  add(partitions: readonly LogPartition[]): void {
    for (const partition of partitions) this.#entries.set(partitionKey(partition), { partition, isNew: true });
  }

  /** Starts those that have been heard of. */
  start(heard: readonly TopicPartition[], restored: readonly TopicPartitionOffset[] | undefined): Observable<Started> {
    const ready = heard.flatMap((partition) => this.#entries.get(partitionKey(partition)) ?? []);
    for (const { partition } of ready) this.#entries.delete(partitionKey(partition));
    const added = ready.filter(({ isNew }) => isNew).map(({ partition }) => partition);
    const known = ready.filter(({ isNew }) => !isNew).map(({ partition }) => partition);
    // Batches run already, so that outputs are ready.
    const options = { ...this.#options, outputsReady: EMPTY };
    const starts = known.length > 0 ? startPositions(this.#owner, this.#client, known, options, restored, []) : EMPTY;
    const earliest = added.length > 0 ? from(this.#client.offsets(added, 'earliest')) : EMPTY;
    return concat(starts, earliest.pipe(map((positions) => ({ positions: positions.map(placeOf), lost: [] }))));
  }
}
