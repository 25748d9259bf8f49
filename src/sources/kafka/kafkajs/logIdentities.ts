import { type DStreamError, OffsetOutOfRangeError } from '../../../batch/errors.js';
import { identityOf, type LogIdentity } from '../../../batch/logIdentity.js';
import { partitionKey, type TopicPartition, type TopicPartitionOffset } from '../../../batch/topicPartition.js';
import { isOtherTopic } from '../../log/logBreak.js';
import type { FetchedPartition, FetchRequest } from '../../log/logClient.js';
import { responseError } from '../protocol/errorCodes.js';
import { groupByTopic } from '../protocol/groupByTopic.js';
import type { TopicMetadata } from '../protocol/metadataProtocol.js';
import {
  type EpochEnd,
  encodeOffsetForLeaderEpoch,
  readOffsetForLeaderEpochResponse,
} from '../protocol/offsetForLeaderEpochProtocol.js';
import type { KafkajsPort } from './kafkajsPort.js';

const offsetForLeaderEpochApi = { apiKey: 23, apiVersion: 3, apiName: 'OffsetForLeaderEpoch' } as const;

/** What brokers tell of topics that were created before there were ids. */
const noId = '0'.repeat(32);

/** An epoch of a leader, as heard. */
interface HeardEpoch {
  readonly epoch: number;
  /** Whether two answers had it. */
  readonly isRepeated: boolean;
  /** A newer one that one answer had. */
  newer?: number;
}

/** The first and the last offset of a partition. */
export interface LogEnds {
  readonly earliest: number;
  readonly latest: number;
}

/**
 * The ids of topics and the epochs of leaders, as brokers have told them, and which positions have been compared with which leader.
 *
 * Source: KIP-320 and KIP-516.
 */
export class LogIdentities {
  readonly #port: KafkajsPort;
  readonly #ids = new Map<string, string>();
  /** Ids that topics had before: a broker that still tells one is late. */
  readonly #formerIds = new Set<string>();
  readonly #epochs = new Map<string, HeardEpoch>();
  /** By partition, the epoch of the leader with which what was fetched has been compared. */
  readonly #compared = new Map<string, number>();

  constructor(port: KafkajsPort) {
    this.#port = port;
  }

  /** Takes what a broker says. What is older than what is known is left out. */
  learn(topics: readonly TopicMetadata[]): void {
    for (const { topic, topicId: told, errorCode, partitions } of topics) {
      const topicId = told === noId ? undefined : told;
      if (errorCode !== 0 || (topicId !== undefined && this.#formerIds.has(topicId))) continue;
      const known = this.#ids.get(topic);
      if (known !== undefined && topicId !== undefined && known !== topicId) this.#replaced(topic, known);
      if (topicId !== undefined) this.#ids.set(topic, topicId);
      for (const { partition, leaderEpoch } of partitions) this.heardEpoch({ topic, partition }, leaderEpoch);
    }
  }

  /**
   * No checksum covers an answer, and leaders refuse an epoch that they do not know: one that is newer than the known one counts once two
   * answers have had it, and of the first two answers the lower one. Returns whether an answer with this epoch can be used.
   */
  heardEpoch(partition: TopicPartition, leaderEpoch: number): boolean {
    if (leaderEpoch < 0) return true;
    const key = partitionKey(partition);
    const known = this.#epochs.get(key);
    const isNewer = known !== undefined && leaderEpoch > known.epoch;
    if (isNewer && known.newer !== leaderEpoch) {
      known.newer = leaderEpoch;
      return false;
    }
    // A broker that is late.
    if (known?.isRepeated && leaderEpoch < known.epoch) return true;
    this.#epochs.set(key, { epoch: leaderEpoch, isRepeated: isNewer || leaderEpoch === known?.epoch });
    return true;
  }

  /** The present identity of a log. */
  of({ topic, partition }: TopicPartition): LogIdentity {
    return identityOf({
      topicId: this.#ids.get(topic),
      leaderEpoch: this.#epochs.get(partitionKey({ topic, partition }))?.epoch,
    });
  }

  /** What a broker is to be asked for so that it refuses when the log is another one. */
  request<R extends TopicPartition>(
    request: R,
  ): R & { readonly topicId?: string; readonly currentLeaderEpoch?: number } {
    const { topicId, leaderEpoch: currentLeaderEpoch } = this.of(request);
    return {
      ...request,
      ...(topicId !== undefined && { topicId }),
      ...(currentLeaderEpoch !== undefined && { currentLeaderEpoch }),
    };
  }

  /**
   * Positions that the log of this leader does not have as it was there, each with the first offset that differs. No checksum covers an
   * answer: one that would give up records is believed once the leader has repeated it.
   */
  async diverged(leader: string, positions: readonly TopicPartitionOffset[]): Promise<readonly TopicPartitionOffset[]> {
    const found = await this.#diverged(leader, positions);
    if (found.length === 0) return found;
    const suspects = new Set(found.map(partitionKey));
    const again = await this.#diverged(
      leader,
      positions.filter((position) => suspects.has(partitionKey(position))),
    );
    const repeated = new Set(again.map(positionKey));
    return found.filter((position) => repeated.has(positionKey(position)));
  }

  async #diverged(
    leader: string,
    positions: readonly TopicPartitionOffset[],
  ): Promise<readonly TopicPartitionOffset[]> {
    const asked = positions.filter(({ leaderEpoch }) => leaderEpoch !== undefined);
    if (asked.length === 0) return [];
    const answers = new Map<string, readonly EpochEnd[]>();
    // One question for each partition: a response has no place for two.
    for (const round of rounds(asked)) {
      for (const end of await this.#ask(leader, round)) {
        const key = partitionKey(end);
        answers.set(key, [...(answers.get(key) ?? []), end]);
      }
    }
    return asked.flatMap((position) => {
      const key = partitionKey(position);
      const [end, ...rest] = answers.get(key) ?? [];
      answers.set(key, rest);
      const first = end && differsAt(position, end);
      return first === undefined ? [] : [{ topic: position.topic, partition: position.partition, offset: first }];
    });
  }

  /**
   * Requests whose log is another one, each with its answer. The others may be sent: what they continue has been compared with the present
   * leader.
   */
  async broken(
    leader: string,
    requests: readonly FetchRequest[],
    endsOf: (partition: TopicPartition) => Promise<LogEnds>,
  ): Promise<ReadonlyMap<FetchRequest, FetchedPartition>> {
    const broken = new Map<FetchRequest, FetchedPartition>();
    const recreated = requests.filter(({ topic, topicId }) => isOtherTopic(topicId, this.#ids.get(topic)));
    for (const request of recreated) {
      broken.set(request, this.#answer(request, 'recreated', request.offset, await endsOf(request)));
    }
    const fresh = requests.filter((request) => {
      const { leaderEpoch } = this.of(request);
      return (
        !broken.has(request) && leaderEpoch !== undefined && this.#compared.get(partitionKey(request)) !== leaderEpoch
      );
    });
    const epochs = fresh.map((request) => this.of(request).leaderEpoch as number);
    const diverged = new Map((await this.diverged(leader, fresh)).map((one) => [partitionKey(one), one.offset]));
    for (const [i, request] of fresh.entries()) {
      const first = diverged.get(partitionKey(request));
      if (first === undefined) this.#compared.set(partitionKey(request), epochs[i] as number);
      else broken.set(request, this.#answer(request, 'diverged', first, await endsOf(request)));
    }
    return broken;
  }

  #answer(
    request: FetchRequest,
    reason: 'recreated' | 'diverged',
    first: number,
    { earliest, latest }: LogEnds,
  ): FetchedPartition {
    const { topic, partition, offset } = request;
    const lost = { topic, partition, from: first, until: Math.max(first, offset) };
    const begin = reason === 'recreated' ? earliest : first;
    const error: DStreamError = new OffsetOutOfRangeError(lost, begin, latest, reason);
    return { topic, partition, offset, bytes: 0, earliest, latest, ...this.of(request), error };
  }

  #replaced(topic: string, topicId: string): void {
    this.#formerIds.add(topicId);
    for (const epochs of [this.#epochs, this.#compared]) {
      for (const key of epochs.keys()) if (key.slice(0, key.lastIndexOf('/')) === topic) epochs.delete(key);
    }
  }

  async #ask(leader: string, positions: readonly TopicPartitionOffset[]): Promise<readonly EpochEnd[]> {
    const topics = groupByTopic(positions, ({ topic, partition, leaderEpoch = -1 }) => {
      const currentLeaderEpoch = this.of({ topic, partition }).leaderEpoch ?? -1;
      return { partition, currentLeaderEpoch, leaderEpoch };
    });
    const request = { ...offsetForLeaderEpochApi, bytes: encodeOffsetForLeaderEpoch(topics) };
    const { partitions } = await this.#port.request(leader, request, readOffsetForLeaderEpochResponse);
    const failed = partitions.find(({ errorCode }) => errorCode !== 0);
    if (failed) throw responseError('OffsetForLeaderEpoch', failed.errorCode, { topics: [failed.topic] });
    return partitions;
  }
}

const positionKey = (position: TopicPartitionOffset): string => `${partitionKey(position)} ${position.offset}`;

/** A log that does not know the epoch, nor an earlier one, has nothing of what was read. */
function differsAt({ offset }: TopicPartitionOffset, { endOffset }: EpochEnd): number | undefined {
  const end = Math.max(endOffset, 0);
  return end < offset ? end : undefined;
}

/** Lists in which each partition is there once. */
function rounds<P extends TopicPartition>(partitions: readonly P[]): readonly (readonly P[])[] {
  const lists: P[][] = [];
  const counts = new Map<string, number>();
  for (const partition of partitions) {
    const round = counts.get(partitionKey(partition)) ?? 0;
    counts.set(partitionKey(partition), round + 1);
    lists[round] ??= [];
    lists[round].push(partition);
  }
  return lists;
}
