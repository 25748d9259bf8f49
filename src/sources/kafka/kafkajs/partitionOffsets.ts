import { ProtocolError, TimedOutError, UnknownTopicError } from '../../../batch/errors.js';
import { identityOf } from '../../../batch/logIdentity.js';
import { partitionKey, type TopicPartition, type TopicPartitionOffset } from '../../../batch/topicPartition.js';
import { topicsOf } from '../../../batch/topicsOf.js';
import { firstOf } from '../../../storage/firstOf.js';
import { isOtherTopic } from '../../log/logBreak.js';
import type { LogClient, LogOffset, LogPoint } from '../../log/logClient.js';
import { unknownTopic } from '../protocol/errorCodes.js';
import type { IsolationLevel } from '../protocol/fetchProtocol.js';
import type { ListedOffset } from '../protocol/listOffsetsProtocol.js';
import { describeResources } from '../protocol/requestResources.js';
import type { KafkajsPort } from './kafkajsPort.js';
import type { LogEnds, LogIdentities } from './logIdentities.js';
import { OffsetAsker, type OffsetQuestion } from './offsetAsker.js';
import type { PatientRequests } from './patientRequests.js';
import { noLeader, type TopicLeaders } from './topicLeaders.js';
import { translateError } from './translateError.js';
import { UnavailablePartitions } from './unavailablePartitions.js';

/** How long a leader that has moved is looked for before the other partitions go on. */
const patienceMs = 1_000;

/** What the offsets of partitions are asked with. */
export interface PartitionOffsetsParts {
  readonly port: KafkajsPort;
  readonly identities: LogIdentities;
  readonly leaders: TopicLeaders;
  readonly requests: PatientRequests;
  /** Partitions whose records could not be fetched. */
  readonly unfetched: UnavailablePartitions;
  readonly isolationLevel: IsolationLevel;
}

/** Where logs begin and end, where they have a timestamp, and where they are another one than before. */
export class PartitionOffsets {
  readonly #identities: LogIdentities;
  readonly #leaders: TopicLeaders;
  readonly #requests: PatientRequests;
  readonly #offsetAsker: OffsetAsker;
  /** Partitions whose offsets could not be asked for. */
  readonly #unlisted = new UnavailablePartitions();
  readonly #unfetched: UnavailablePartitions;
  readonly #isolationLevel: IsolationLevel;

  constructor({ port, identities, leaders, requests, unfetched, isolationLevel }: PartitionOffsetsParts) {
    this.#identities = identities;
    this.#leaders = leaders;
    this.#requests = requests;
    this.#offsetAsker = new OffsetAsker(port);
    this.#unfetched = unfetched;
    this.#isolationLevel = isolationLevel;
  }

  /** With `partial`, without the partitions that stay away, if there are others. */
  async of(partitions: readonly TopicPartition[], point: LogPoint, partial: boolean): Promise<readonly LogOffset[]> {
    if (partitions.length === 0) return [];
    const isolationLevel = this.#isolationLevel;
    if (point !== 'latest') return this.#offsets(partitions, point, isolationLevel, partial);
    // Asked at the same time: the end of what is written, as far as it lies behind, and the ids of the topics.
    const [ends, written] = await Promise.all([
      this.#offsets(partitions, point, isolationLevel, partial),
      isolationLevel === 'read_committed' ? this.#offsets(partitions, point, 'read_uncommitted', partial) : undefined,
      this.#refreshed(),
    ]);
    // The end of a topic that was created again meanwhile may be that of the former one.
    const stale = ends.filter((end) => isOtherTopic(end.topicId, this.#identities.of(end).topicId));
    if (stale.length > 0) return this.of(partitions, point, partial);
    if (!written) return ends;
    const highWatermarks = new Map(written.map((position) => [partitionKey(position), position.offset]));
    return ends.flatMap((position) => {
      const end = highWatermarks.get(partitionKey(position));
      // One of the two is not known.
      return end === undefined ? [] : { ...position, highWatermark: Math.max(position.offset, end) };
    });
  }

  /** Waits for fresh metadata, not for long: where it is late, a fetch still finds out that a topic is another one. */
  async #refreshed(): Promise<void> {
    await firstOf([this.#leaders.refresh().catch(() => {})], patienceMs);
  }

  async #offsets(
    partitions: readonly TopicPartition[],
    point: LogPoint,
    isolationLevel: IsolationLevel,
    partial: boolean,
  ): Promise<readonly TopicPartitionOffset[]> {
    const timestamp = point === 'latest' ? -1 : point === 'earliest' ? -2 : point.timestamp;
    // As known before: the answer may be of the topic before one that was created since.
    const topicIds = new Map(partitions.map((place) => [partitionKey(place), this.#identities.of(place).topicId]));
    const question = { timestamp, isolationLevel };
    const listed = await this.#listOffsets(partitions, question, partial);
    const found = point === 'latest' ? await this.#confirmed(listed, question, partial) : listed;
    const beyond = found.filter(({ offset }) => offset < 0);
    const positions = found
      .filter(({ offset }) => offset >= 0)
      .map((listed) => {
        const topicId = topicIds.get(partitionKey(listed));
        const leaderEpoch = listed.leaderEpoch >= 0 ? listed.leaderEpoch : undefined;
        const { topic, partition, offset } = listed;
        return { topic, partition, offset, ...identityOf({ topicId, leaderEpoch }) };
      });
    if (beyond.length === 0) return positions;
    // No record is that new: reading begins at the end.
    return [...positions, ...(await this.#offsets(beyond, 'latest', isolationLevel, partial))];
  }

  /** Asks again for the ends whose leader has an epoch that has not been heard before. One that it does not repeat is left out. */
  async #confirmed(
    listed: readonly ListedOffset[],
    question: OffsetQuestion,
    partial: boolean,
  ): Promise<readonly ListedOffset[]> {
    const isHeard = (end: ListedOffset) => this.#identities.heardEpoch(end, end.leaderEpoch);
    const doubtful = listed.filter((end) => !isHeard(end));
    if (doubtful.length === 0) return listed;
    const again = await this.#listOffsets(doubtful, question, partial);
    return [
      ...listed.filter((end) => !doubtful.includes(end)),
      ...again.map((end) => (isHeard(end) ? end : { ...end, leaderEpoch: -1 })),
    ];
  }

  /** The positions behind which the log is another one now. */
  async diverged(
    positions: readonly TopicPartitionOffset[],
    partial: boolean,
  ): Promise<readonly TopicPartitionOffset[]> {
    if (partial) return this.#divergedNow(positions);
    return this.#requests.retrying('OffsetForLeaderEpoch', { topics: topicsOf(positions) }, async () => {
      const byLeader = this.#leaders.group(positions);
      const [leaderless] = byLeader.get(noLeader) ?? [];
      if (leaderless) throw this.#leaders.absence('OffsetForLeaderEpoch', leaderless);
      const found = [...byLeader].map(([leader, led]) => this.#identities.diverged(leader, led));
      return (await Promise.all(found)).flat();
    });
  }

  /** Asks each leader once. Those of one that does not answer are unavailable. */
  async #divergedNow(positions: readonly TopicPartitionOffset[]): Promise<readonly TopicPartitionOffset[]> {
    const answers = [...this.#leaders.group(positions)].map(async ([leader, led]) => {
      const [first] = led as [TopicPartitionOffset];
      const name = `OffsetForLeaderEpoch of ${describeResources({ topics: topicsOf(led) })}`;
      try {
        if (leader === noLeader) throw this.#leaders.absence('OffsetForLeaderEpoch', first);
        const answer = await firstOf([this.#identities.diverged(leader, led)], patienceMs);
        if (answer) return answer;
        throw new TimedOutError(name, patienceMs);
      } catch (cause) {
        const error = translateError(cause, 'OffsetForLeaderEpoch', { topics: topicsOf(led) });
        if (!error.retriable) throw error;
        for (const position of led) this.#unlisted.failed(position, error);
        this.#leaders.refreshSoon();
        return [];
      }
    });
    return (await Promise.all(answers)).flat();
  }

  unavailable(): ReturnType<NonNullable<LogClient['unavailable']>> {
    return this.#unlisted.list.map(({ topic, partition, error }) => {
      const isGone = error instanceof ProtocolError && error.kafkaError === unknownTopic;
      return { topic, partition, error: isGone ? new UnknownTopicError(topic, { cause: error }) : error };
    });
  }

  async endsOf({ topic, partition }: TopicPartition): Promise<LogEnds> {
    const isolationLevel = this.#isolationLevel;
    const ends = await Promise.all([
      this.#offsets([{ topic, partition }], 'earliest', isolationLevel, false),
      this.#offsets([{ topic, partition }], 'latest', isolationLevel, false),
    ]);
    const [earliest = 0, latest = 0] = ends.map((positions) => positions[0]?.offset ?? 0);
    return { earliest, latest };
  }

  /** With `partial`, goes on without the partitions that stay away, if there are others. */
  async #listOffsets(
    partitions: readonly TopicPartition[],
    question: OffsetQuestion,
    partial: boolean,
  ): Promise<readonly ListedOffset[]> {
    const due = partial ? partitions.filter((partition) => !this.#unlisted.waits(partition)) : partitions;
    const found: ListedOffset[] = [];
    const begun = performance.now();
    let left = due.length > 0 ? due : partitions;
    await this.#requests.retrying('ListOffsets', { topics: topicsOf(left) }, async () => {
      const byLeader = this.#leaders.group(left);
      const leaderless = (byLeader.get(noLeader) ?? []).map((partition) => {
        return { partition, error: this.#leaders.absence('ListOffsets', partition) };
      });
      byLeader.delete(noLeader);
      const { listed, failed: refused } = await this.#offsetAsker.ask(byLeader, question);
      const failed = [...leaderless, ...refused];
      found.push(...listed);
      for (const answer of listed) {
        // What had failed before it was away says nothing about how long it fails now.
        if (this.#unlisted.has(answer)) this.#unfetched.answered(answer);
        this.#unlisted.answered(answer);
      }
      left = failed.map(({ partition }) => partition);
      const error = (failed.find((one) => !one.error.retriable) ?? failed[0])?.error;
      if (!error) return;
      // A leader that has moved is found at once.
      const mayBeBack = failed.some((one) => one.error instanceof ProtocolError && !this.#unlisted.has(one.partition));
      const isPatient = mayBeBack && performance.now() - begun < patienceMs;
      if (!error.retriable || !partial || found.length === 0 || isPatient) throw error;
      for (const one of failed) this.#unlisted.failed(one.partition, one.error);
      this.#leaders.refreshSoon();
    });
    return found;
  }
}
