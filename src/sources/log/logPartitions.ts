import { TimedOutError } from '../../batch/errors.js';
import { positionAfter } from '../../batch/logIdentity.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import { partitionKey, type TopicPartition, type TopicPartitionOffset } from '../../batch/topicPartition.js';
import type { UnavailablePartition } from '../../batch/unavailablePartition.js';
import { sumOf } from '../../collections/sumOf.js';
import type { Plan, SourceSetup } from '../source.js';
import { AwayPartitions } from './awayPartitions.js';
import type { LogClient } from './logClient.js';
import { PartitionState } from './partitionState.js';
import { stallMs } from './stallWatch.js';

/** The partitions that a run reads, and which of them it can read now. */
export class LogPartitions {
  readonly #client: LogClient;
  readonly #setup: Pick<SourceSetup, 'scheduler' | 'hasOthers'>;
  readonly #states = new Map<string, PartitionState>();
  /** Those that are planned; `undefined` where it has to be made again. */
  #active: readonly PartitionState[] | undefined;
  readonly #away = new AwayPartitions();

  constructor(client: LogClient, setup: Pick<SourceSetup, 'scheduler' | 'hasOthers'>) {
    this.#client = client;
    this.#setup = setup;
  }

  /** All of them, by their `partitionKey`. */
  get byKey(): ReadonlyMap<string, PartitionState> {
    return this.#states;
  }

  /** The partitions that are planned. */
  get active(): readonly PartitionState[] {
    this.#active ??= [...this.#states.values()].filter(({ leaving }) => !leaving);
    return this.#active;
  }

  /** The active partitions that can be read now. */
  get present(): readonly PartitionState[] {
    const { active } = this;
    return active.every(isPresent) ? active : active.filter(isPresent);
  }

  /** The partitions that a plan does without. */
  get unavailable(): readonly UnavailablePartition[] {
    const stalled = this.active.flatMap(({ topic, partition, away, stalled }) => {
      return stalled && !away ? [{ topic, partition, ...stalled }] : [];
    });
    return [...this.#away.list, ...stalled];
  }

  /** Whether every partition has been planned to its end. */
  get allEnded(): boolean {
    return this.active.every(({ planned, bound }) => planned >= bound);
  }

  /** Of one that is `leaving` only what is planned is read. */
  add(position: TopicPartitionOffset, leaving = false): PartitionState {
    const state = new PartitionState(position);
    state.leaving = leaving;
    this.#states.set(state.key, state);
    this.#active = undefined;
    return state;
  }

  /** The state of a partition that is there. */
  of(partition: TopicPartition): PartitionState {
    return this.#states.get(partitionKey(partition)) as PartitionState;
  }

  /** The state of a planned range; one that leaves nothing to read for a partition that is not there any more. */
  ofRange(range: OffsetRange): PartitionState {
    return this.#states.get(partitionKey(range)) ?? new PartitionState(positionAfter(range));
  }

  /** These ranges are fixed. */
  plan(ranges: readonly OffsetRange[]): void {
    // One that is absent has been lost.
    for (const range of ranges) this.#states.get(partitionKey(range))?.plan(range);
  }

  /** Batches that are replayed: where one had been cut short, the next begins where that ended. */
  replan(replay: readonly (readonly OffsetRange[])[], restored: readonly TopicPartitionOffset[]): void {
    const ends = new Map(restored.map((position) => [partitionKey(position), position.offset]));
    for (const range of replay.flat()) {
      const key = partitionKey(range);
      const begin = Math.min(ends.get(key) ?? range.from, range.from);
      this.#states.get(key)?.plan(range, begin);
      ends.set(key, range.from === range.until ? begin : range.until);
    }
  }

  /** A plan says which partitions it does without; what waits in them counts too. */
  withUnavailable(plan: Plan): Plan {
    const { unavailable } = this;
    if (unavailable.length === 0) return plan;
    const waiting = this.active.filter((state) => !isPresent(state));
    return { ...plan, unavailable, lag: plan.lag + sumOf(waiting, ({ lag }) => lag) };
  }

  /** What waits beyond these ranges. */
  lagBeyond(ranges: readonly OffsetRange[]): number {
    const ends = new Map(ranges.map((range) => [partitionKey(range), range.until]));
    return sumOf(this.active, ({ key, start, latest }) => Math.max(latest - (ends.get(key) ?? start), 0));
  }

  /** Takes from the client which partitions it cannot read now. */
  noteAway(): void {
    this.#away.note(this.#client.unavailable?.() ?? [], this.#setup.scheduler.now());
    for (const state of this.#states.values()) state.away = this.#away.has(state);
  }

  /** These hold up others: batches do without them until they answer. Returns whether there are others. */
  leave(states: readonly PartitionState[]): boolean {
    if (states.length >= this.active.length && !this.#setup.hasOthers) return false;
    const since = this.#setup.scheduler.now();
    for (const state of states) {
      const error = new TimedOutError(`Fetch of ${state.key}`, stallMs);
      state.stalled ??= { error, since };
      state.sampling = false;
    }
    return true;
  }
}

function isPresent({ away, stalled }: PartitionState): boolean {
  return !away && !stalled;
}
