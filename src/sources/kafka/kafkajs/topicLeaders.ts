import { type DStreamError, UnknownTopicError } from '../../../batch/errors.js';
import { partitionKey, type TopicPartition } from '../../../batch/topicPartition.js';
import { kafkaErrorName, leaderNotAvailable, responseError, unknownTopic } from '../protocol/errorCodes.js';
import type { KafkajsPort } from './kafkajsPort.js';
import type { LogIdentities } from './logIdentities.js';

/** In place of the node id of a leader, for a partition that has no leader. */
export const noLeader = '-1';

/** Which broker leads each partition of the topics that are read, as of the last metadata. Metadata is asked for by these topics. */
export class TopicLeaders {
  readonly #port: KafkajsPort;
  /** Learns from the same metadata. */
  readonly #identities: LogIdentities;
  /** By topic and partition number. */
  readonly #topics = new Map<string, Map<number, string>>();
  /** Of topics that have none now: the error code in the last metadata. */
  readonly #errors = new Map<string, number>();
  #refreshing: Promise<void> | undefined;

  constructor(port: KafkajsPort, identities: LogIdentities) {
    this.#identities = identities;
    this.#port = port;
  }

  /**
   * Looks up these topics from now on, and returns their partitions. One that is gone keeps those that it had.
   *
   * @throws {UnknownTopicError} when one does not exist and never did, or none of them exists any more
   */
  async add(topics: readonly string[]): Promise<readonly TopicPartition[]> {
    const found = await this.#port.metadata(topics);
    const absent = found.filter(({ errorCode }) => kafkaErrorName(errorCode) === unknownTopic);
    const unknown = absent.find(({ topic }) => !this.#topics.has(topic));
    const first = unknown ?? (absent.length === found.length ? absent[0] : undefined);
    if (first) throw new UnknownTopicError(first.topic);
    this.#learn(found);
    return topics.flatMap((topic) =>
      [...(this.#topics.get(topic)?.keys() ?? [])].sort((a, b) => a - b).map((partition) => ({ topic, partition })),
    );
  }

  /** The node id of the leader; `noLeader` for a partition without one, `undefined` for a partition that was never seen. */
  of({ topic, partition }: TopicPartition): string | undefined {
    return this.#topics.get(topic)?.get(partition);
  }

  /** Partitions by the node id of their leader. */
  group<P extends TopicPartition>(partitions: readonly P[]): Map<string, P[]> {
    const byLeader = new Map<string, P[]>();
    for (const partition of partitions) {
      const leader = this.of(partition);
      if (leader === undefined) throw new UnknownTopicError(partitionKey(partition));
      const led = byLeader.get(leader) ?? [];
      led.push(partition);
      byLeader.set(leader, led);
    }
    return byLeader;
  }

  /** Why a partition has no leader, as the error of a request about it. */
  absence(request: string, { topic }: TopicPartition): DStreamError {
    return responseError(request, this.#errors.get(topic) ?? leaderNotAvailable, { topics: [topic] });
  }

  /** Looks the leaders up again. */
  async refresh(): Promise<void> {
    if (this.#topics.size > 0) this.#learn(await this.#port.metadata([...this.#topics.keys()]));
  }

  /** Refreshes in the background. There is one such request at a time. */
  refreshSoon(): void {
    this.#refreshing ??= this.refresh()
      .catch(() => {})
      .finally(() => {
        this.#refreshing = undefined;
      });
  }

  /** A topic that does not exist, though the broker that does not know it may only be late. */
  async absent(): Promise<string | undefined> {
    const found = await this.#port.metadata([...this.#topics.keys()]).catch(() => []);
    return found.find(({ errorCode }) => kafkaErrorName(errorCode) === unknownTopic)?.topic;
  }

  #learn(found: Awaited<ReturnType<KafkajsPort['metadata']>>): void {
    this.#identities.learn(found);
    for (const { topic, errorCode, partitions } of found) {
      const known = this.#topics.get(topic);
      if (errorCode !== 0 && !known) throw responseError('Metadata', errorCode, { topics: [topic] });
      const leaders = known ?? new Map<number, string>();
      this.#topics.set(topic, leaders);
      if (errorCode === 0) this.#errors.delete(topic);
      else this.#errors.set(topic, errorCode);
      if (errorCode !== 0) for (const partition of leaders.keys()) leaders.set(partition, noLeader);
      for (const { partition, leader } of partitions) leaders.set(partition, String(leader));
    }
  }
}
