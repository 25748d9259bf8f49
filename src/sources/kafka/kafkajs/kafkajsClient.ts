import type { Kafka } from 'kafkajs';
import { Observable, type Subscriber } from 'rxjs';
import {
  type DStreamError,
  OffsetOutOfRangeError,
  OffsetTooLargeError,
  ProtocolError,
  TimedOutError,
  UnknownTopicError,
} from '../../../batch/errors.js';
import type { GroupMembership } from '../../../batch/groupMembership.js';
import { identityOf } from '../../../batch/logIdentity.js';
import type { SourceClient } from '../../../batch/monitoring/streamSnapshot.js';
import { partitionKey, type TopicPartition, type TopicPartitionOffset } from '../../../batch/topicPartition.js';
import { checkOptions } from '../../../options/checkOptions.js';
import { isOtherTopic } from '../../log/logBreak.js';
import type {
  FetchedPartition,
  FetchOptions,
  FetchRequest,
  LogClient,
  LogOffset,
  LogPartition,
  LogPoint,
  OffsetsOptions,
} from '../../log/logClient.js';
import type { BufferRefCount } from '../protocol/bufferRefCount.js';
import { isRetriable, offsetOutOfRange, responseError, unknownTopic } from '../protocol/errorCodes.js';
import type { FetchPartition, FetchResponsePartition, IsolationLevel } from '../protocol/fetchProtocol.js';
import type { ListedOffset } from '../protocol/listOffsetsProtocol.js';
import { RecordBatchReader } from '../protocol/recordBatchReader.js';
import { describeResources, type RequestResources } from '../protocol/requestResources.js';
import { codecOf } from './codecs.js';
import { firstOf } from './firstOf.js';
import { GroupCommits } from './groupCommits.js';
import { kafkaAccess } from './kafkaAccess.js';
import {
  type KafkaClientOptions,
  kafkaClientChecks,
  type ResolvedKafkaClientOptions,
  resolveKafkaClientOptions,
} from './kafkaClientOptions.js';
import type { KafkajsPort, OffsetToCommit } from './kafkajsPort.js';
import type { KafkaRuntime } from './kafkaRuntime.js';
import { type LogEnds, LogIdentities } from './logIdentities.js';
import { nativeCrc32c } from './nativeCrc32c.js';
import { OffsetAsker, type OffsetQuestion } from './offsetAsker.js';
import { OffsetChecks } from './offsetChecks.js';
import { noLeader, TopicLeaders } from './topicLeaders.js';
import { translateError } from './translateError.js';
import { UnavailablePartitions } from './unavailablePartitions.js';
import { withBackOff } from './withBackOff.js';

/**
 * A response may contain records that were written after it took the end of the log, but not several times in a row: this many responses
 * that begin beyond the end are damage.
 */
const maxResponsesBeyondLatest = 5;

/** How long a leader that has moved is looked for before the other partitions go on. */
const patienceMs = 1_000;
/** What a broker answers to a commit from outside of a group that has members. */
const memberErrors = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'REBALANCE_IN_PROGRESS']);
/** Pauses between the attempts of a request. */
const backOff = { firstPauseMs: 100, maxPauseMs: 1_000 } as const;

/**
 * Kafka behind the client port: sends Fetch requests of its own over the connections of the user's kafkajs client, which keeps its
 * settings for TLS, SASL, retries and logging. `kafkaBatches` and `kafkaSource` make one for each subscription.
 *
 * @see {@link kafkaBatches} for an example
 */
export class KafkajsClient implements LogClient {
  readonly name = 'kafka';
  readonly #port: KafkajsPort;
  readonly #options: ResolvedKafkaClientOptions;
  readonly #identities: LogIdentities;
  readonly #leaders: TopicLeaders;
  /** The last request to each broker: the next one waits for it. */
  readonly #inFlight = new Map<string, Promise<unknown>>();
  readonly #offsetAsker: OffsetAsker;
  /** Partitions whose offsets could not be asked for. */
  readonly #unlisted = new UnavailablePartitions();
  /** Partitions whose records could not be fetched. */
  readonly #unfetched = new UnavailablePartitions();
  readonly #offsetChecks = new OffsetChecks();
  /** By partition, how many responses in a row began beyond the end of the log. */
  readonly #beyondLatest = new Map<string, number>();
  readonly #commits = new GroupCommits();
  readonly #closing = new AbortController();
  /** Not over connections that others fetch over: they would wait for it. */
  readonly #isShared: boolean;
  /** A broker was asked for a topic by its name, though it has an id: what it answers may be of another topic. */
  #fetchedByName = false;

  /**
   * @throws {InvalidOptionError} when an option is out of its range
   * @throws {UnsupportedClientError} when `kafka` is not a client of kafkajs 2.2.4
   */
  constructor(kafka: Kafka | KafkaRuntime, options: KafkaClientOptions = {}) {
    checkOptions('KafkajsClient', options, kafkaClientChecks);
    this.#options = resolveKafkaClientOptions(options);
    const { port, budget } = kafkaAccess(kafka);
    this.#port = port();
    this.#isShared = budget !== undefined;
    this.#identities = new LogIdentities(this.#port);
    this.#leaders = new TopicLeaders(this.#port, this.#identities);
    this.#offsetAsker = new OffsetAsker(this.#port);
  }

  get longPolls(): boolean {
    return !this.#isShared && !this.#fetchedByName;
  }

  async connect(): Promise<void> {
    await this.#retrying('connecting', 'the cluster', () => this.#port.connect());
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#port.disconnect();
  }

  async partitions(topics: readonly (string | RegExp)[]): Promise<readonly LogPartition[]> {
    const names = new Set(topics.filter((topic) => typeof topic === 'string'));
    const patterns = topics.filter((topic) => topic instanceof RegExp);
    if (patterns.length > 0) {
      const all = await this.#retrying('Metadata', 'all topics', () => this.#port.metadata());
      for (const { topic, isInternal } of all) {
        if (!isInternal && patterns.some((pattern) => new RegExp(pattern).test(topic))) names.add(topic);
      }
    }
    if (names.size === 0) return [];
    const sorted = [...names].sort();
    const found = await this.#retrying('Metadata', { topics: sorted }, () => this.#leaders.add(sorted));
    return found.map((partition) => ({
      ...partition,
      ...identityOf({ topicId: this.#identities.of(partition).topicId }),
    }));
  }

  async offsets(
    partitions: readonly TopicPartition[],
    point: LogPoint,
    { partial = false }: OffsetsOptions = {},
  ): Promise<readonly LogOffset[]> {
    if (partitions.length === 0) return [];
    const { isolationLevel } = this.#options;
    if (point !== 'latest') return this.#offsets(partitions, point, isolationLevel, partial);
    // Asked at the same time: the end of what is written, as far as it lies behind, and the ids of the topics.
    const [ends, written] = await Promise.all([
      this.#offsets(partitions, point, isolationLevel, partial),
      isolationLevel === 'read_committed' ? this.#offsets(partitions, point, 'read_uncommitted', partial) : undefined,
      this.#refreshed(),
    ]);
    // The end of a topic that was created again meanwhile may be that of the former one.
    const stale = ends.filter((end) => isOtherTopic(end.topicId, this.#identities.of(end).topicId));
    if (stale.length > 0) return this.offsets(partitions, point, { partial });
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

  async diverged(
    positions: readonly TopicPartitionOffset[],
    { partial = false }: OffsetsOptions = {},
  ): Promise<readonly TopicPartitionOffset[]> {
    if (partial) return this.#divergedNow(positions);
    return this.#retrying('OffsetForLeaderEpoch', { topics: topicsOf(positions) }, async () => {
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

  async committed(
    groupId: string,
    partitions: readonly TopicPartition[],
    { stable = false }: { readonly stable?: boolean } = {},
  ): Promise<readonly TopicPartitionOffset[]> {
    const resources = { group: groupId, topics: topicsOf(partitions) };
    if (stable) {
      const read = () => this.#port.stableOffsetFetch(groupId, partitions);
      const committed = await this.#retrying('OffsetFetch', resources, read);
      return committed
        .filter(({ offset }) => offset >= 0)
        .map(({ topic, partition, offset }) => ({ topic, partition, offset }));
    }
    const found = await this.#retrying('OffsetFetch', resources, () => this.#port.offsetFetch(groupId, partitions));
    return found
      .filter(({ offset }) => offset !== '-1')
      .map(({ topic, partition, offset }) => ({ topic, partition, offset: toNumber(topic, partition, offset) }));
  }

  async commit(
    groupId: string,
    positions: readonly TopicPartitionOffset[],
    member?: () => GroupMembership | undefined,
  ): Promise<void> {
    const resources = { group: groupId, topics: topicsOf(positions) };
    if (!member) void this.#lookForOthers(groupId);
    const metadata = this.#commits.metadata();
    const offsets = positions.map(({ topic, partition, offset }) => ({ topic, partition, offset, metadata }));
    try {
      await this.#retrying('OffsetCommit', resources, () => this.#commit(groupId, offsets, member));
    } catch (error) {
      throw member ? error : await this.#withMembers(error, groupId);
    }
    for (const position of positions) this.#commits.committed(partitionKey(position), position);
  }

  /** A member commits in its present generation: while the group rebalances, it waits for the next one. */
  async #commit(
    groupId: string,
    offsets: readonly OffsetToCommit[],
    member: (() => GroupMembership | undefined) | undefined,
  ): Promise<void> {
    const used = member?.();
    // Another member's by now.
    if (member && !used) throw new ProtocolError('OffsetCommit', 'UNKNOWN_MEMBER_ID', false);
    try {
      await this.#port.offsetCommit(groupId, offsets, used);
    } catch (error) {
      if (!member || !(error instanceof ProtocolError)) throw error;
      const present = member();
      const isOver = error.kafkaError === 'ILLEGAL_GENERATION' && present && present.generation !== used?.generation;
      if (error.kafkaError !== 'REBALANCE_IN_PROGRESS' && !isOver) throw error;
      throw new ProtocolError(error.request, error.kafkaError, true, { cause: error });
    }
  }

  /** It only warns, so that the commit, which is sent behind it, does not wait for it; what it fails with is met by the commit too. */
  async #lookForOthers(groupId: string): Promise<void> {
    const partitions = this.#commits.due(performance.now());
    if (partitions.length === 0) return;
    const found = await this.#port.stableOffsetFetch(groupId, partitions).catch(() => []);
    this.#commits.look(groupId, found);
  }

  /** Only the members of a group may commit its offsets while it has any: the error says who they are. */
  async #withMembers(error: unknown, groupId: string): Promise<unknown> {
    if (!(error instanceof ProtocolError) || !memberErrors.has(error.kafkaError)) return error;
    const members = await this.#port.groupMembers(groupId).catch(() => []);
    const who = members.length > 0 ? members.join(', ') : 'unknown';
    const detail = `group "${groupId}" is in use by consumers that are its members: ${who}`;
    return new ProtocolError(error.request, error.kafkaError, false, { cause: error }, detail);
  }

  fetch(requests: readonly FetchRequest[], options: FetchOptions): Observable<readonly FetchedPartition[]> {
    return new Observable((subscriber) => {
      const { signal } = options;
      const abandon = () => subscriber.complete();
      signal?.addEventListener('abort', abandon);
      subscriber.add(() => signal?.removeEventListener('abort', abandon));
      this.#fetchAll(requests, options, subscriber).then(
        () => subscriber.complete(),
        (error: unknown) => subscriber.error(error),
      );
    });
  }

  /** The broker with a node id, connected. */
  broker(partition: TopicPartition): string | undefined {
    return this.#leaders.of(partition);
  }

  address(broker: string): { readonly host: string; readonly port: number } | undefined {
    return this.#port.address(broker);
  }

  describe(): Omit<SourceClient, 'groupId'> {
    return { system: 'kafka', library: 'kafkajs', ...this.#port.ids() };
  }

  /** Asks each broker. Partitions that it cannot read now, or that failed a moment ago, are not answered. */
  async #fetchAll(
    requests: readonly FetchRequest[],
    options: FetchOptions,
    subscriber: Subscriber<readonly FetchedPartition[]>,
  ): Promise<void> {
    const due = requests.filter((request) => !this.#unfetched.waits(request));
    const brokers = [...this.#leaders.group(due)];
    const fairShare = Math.ceil(options.maxBytes / Math.max(brokers.length, 1));
    await Promise.all(
      brokers.map(([leader, led]) => {
        const bytes = led.reduce((sum, { maxBytes }) => sum + maxBytes, 0);
        const maxBytes = Math.min(Math.max(bytes, fairShare), options.maxBytes);
        return this.#fetchFrom(leader, led, { ...options, maxBytes }, subscriber);
      }),
    );
  }

  /**
   * The partition is asked for again after a pause, with fresh metadata.
   *
   * @throws {DStreamError} when it cannot be read for too long and a batch waits for it; and at once when a right was withdrawn
   */
  async #failed(partitions: readonly Pick<FetchRequest, keyof TopicPartition | 'optional'>[], error: DStreamError) {
    if (!error.retriable) throw error;
    const { retryTimeout } = this.#options;
    const late = partitions.filter((partition) => this.#unfetched.failed(partition, error) >= retryTimeout);
    this.#leaders.refreshSoon();
    if (late.some(({ optional = false }) => !optional)) throw await this.#explained(error);
  }

  async #fetchFrom(
    leader: string,
    requests: readonly FetchRequest[],
    { maxWait, maxBytes, signal, throttled }: FetchOptions,
    subscriber: Subscriber<readonly FetchedPartition[]>,
  ): Promise<void> {
    if (leader === noLeader) {
      for (const request of requests) await this.#failed([request], this.#leaders.absence('Fetch', request));
      return;
    }
    const before = this.#inFlight.get(leader);
    let broken: ReadonlyMap<FetchRequest, FetchedPartition> = new Map();
    const asked = new Map<string, FetchRequest & FetchPartition>();
    const { isolationLevel } = this.#options;
    const call = (async () => {
      await before?.catch(() => {});
      if (this.#closing.signal.aborted || subscriber.closed || signal?.aborted) return undefined;
      broken = await this.#identities.broken(leader, requests, (partition) => this.#endsOf(partition));
      const partitions = requests.filter((request) => !broken.has(request)).map((one) => this.#identities.request(one));
      for (const request of partitions) asked.set(partitionKey(request), request);
      return partitions.length === 0
        ? undefined
        : this.#port.fetch(leader, { partitions, maxWait, maxBytes, isolationLevel });
    })();
    this.#inFlight.set(leader, call);
    let answered: Awaited<typeof call>;
    try {
      answered = await call;
    } catch (cause) {
      const error = translateError(cause, 'Fetch', { topics: topicsOf(requests) });
      if (!error.retriable) throw error;
      await this.#failed(requests, error);
      return;
    }
    if (broken.size > 0) subscriber.next([...broken.values()]);
    if (!answered) return;
    if (answered.errorCode !== 0) throw responseError('Fetch', answered.errorCode, { topics: topicsOf(requests) });
    if (!answered.byId) this.#fetchedByName ||= requests.some((one) => this.#identities.of(one).topicId !== undefined);
    const { partitions } = answered;
    if (answered.throttleTime > 0) throttled?.(answered.throttleTime);
    this.#options.fetchObserver?.next?.({
      broker: leader,
      partitions: requests,
      bytes: partitions.reduce((sum, p) => sum + p.records.length, 0),
      throttleTime: answered.throttleTime,
    });
    const settled = partitions.filter(({ errorCode }) => !isRetriable(errorCode));
    for (const partition of settled) this.#unfetched.answered(partition);
    const { refCount } = answered;
    const fetched = settled.map((p) =>
      this.#fetched(p, asked.get(partitionKey(p)) as FetchRequest & FetchPartition, refCount),
    );
    subscriber.next(await Promise.all(fetched));
    refCount?.release();
    for (const failed of partitions) {
      const { topic, errorCode } = failed;
      if (!isRetriable(errorCode)) continue;
      const request = asked.get(partitionKey(failed)) ?? failed;
      await this.#failed([request], responseError('Fetch', errorCode, { topics: [topic] }));
    }
  }

  async #fetched(
    answer: FetchResponsePartition,
    request: FetchRequest & FetchPartition,
    refCount: BufferRefCount | undefined,
  ): Promise<FetchedPartition> {
    const { topic, partition, offset, topicId, currentLeaderEpoch: leaderEpoch } = request;
    const { errorCode, aborted } = answer;
    const key = partitionKey(request);
    const records = this.#offsetChecks.trusted(key, offset, answer.records);
    const { highWatermark, logStartOffset: earliest } = answer;
    const latest = this.#options.isolationLevel === 'read_committed' ? answer.lastStableOffset : highWatermark;
    const place = { topic, partition, offset, topicId, leaderEpoch, bytes: records.length };
    if (errorCode === offsetOutOfRange) return this.#outOfRange(request);
    if (errorCode !== 0)
      return { ...place, earliest, latest, error: responseError('Fetch', errorCode, { topics: [topic] }) };
    const beyondLatest = this.#beyondLatest.get(key) ?? 0;
    const reader = RecordBatchReader.open(records, {
      topic,
      partition,
      from: offset,
      aborted,
      checkCrcs: this.#options.checkCrcs,
      crc32c: nativeCrc32c(),
      codecOf,
      latest,
      refuseBeyondLatest: beyondLatest + 1 >= maxResponsesBeyondLatest,
      refCount,
    });
    if (reader) this.#offsetChecks.accepted(key, reader.end);
    if (reader === undefined && records.length > 0) this.#beyondLatest.set(key, beyondLatest + 1);
    else if (beyondLatest > 0) this.#beyondLatest.delete(key);
    return { ...place, earliest, latest, highWatermark, records: reader };
  }

  async #endsOf({ topic, partition }: TopicPartition): Promise<LogEnds> {
    const { isolationLevel } = this.#options;
    const ends = await Promise.all([
      this.#offsets([{ topic, partition }], 'earliest', isolationLevel, false),
      this.#offsets([{ topic, partition }], 'latest', isolationLevel, false),
    ]);
    const [earliest = 0, latest = 0] = ends.map((positions) => positions[0]?.offset ?? 0);
    return { earliest, latest };
  }

  /** Kafka does not say which offsets it still has, so it is asked. */
  async #outOfRange(request: FetchRequest): Promise<FetchedPartition> {
    const { topic, partition, offset } = request;
    const { earliest, latest } = await this.#endsOf(request);
    const lost = { topic, partition, from: Math.min(offset, latest), until: Math.max(offset, earliest) };
    return {
      topic,
      partition,
      offset,
      bytes: 0,
      earliest,
      latest,
      error: new OffsetOutOfRangeError(lost, earliest, latest),
    };
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
    await this.#retrying('ListOffsets', { topics: topicsOf(left) }, async () => {
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

  /** Retries, with fresh metadata and growing pauses, what may succeed another time. */
  async #retrying<R>(what: string, resources: RequestResources, request: () => Promise<R>): Promise<R> {
    const attempt = () =>
      request().catch((cause: unknown) => {
        throw translateError(cause, what, resources);
      });
    try {
      return await withBackOff(attempt, {
        ...backOff,
        timeoutMs: this.#options.retryTimeout,
        late: () => new TimedOutError(`${what} of ${describeResources(resources)}`, this.#options.retryTimeout),
        signal: this.#closing.signal,
        isRetriable: (error) => !this.#closing.signal.aborted && (error as DStreamError).retriable,
        beforeRetry: () => this.#leaders.refresh(),
      });
    } catch (error) {
      throw await this.#explained(error as DStreamError);
    }
  }

  /** A broker that does not know a topic yet may learn of it; one that still does not is right. */
  async #explained(error: DStreamError): Promise<DStreamError> {
    if (this.#closing.signal.aborted || !(error instanceof ProtocolError) || error.kafkaError !== unknownTopic)
      return error;
    const absent = await this.#leaders.absent();
    return absent === undefined ? error : new UnknownTopicError(absent, { cause: error });
  }
}

/** Of a committed offset, as kafkajs writes it. */
function toNumber(topic: string, partition: number, offset: string): number {
  const value = Number(offset);
  if (value > Number.MAX_SAFE_INTEGER) throw new OffsetTooLargeError(topic, partition, offset);
  return value;
}

function topicsOf(partitions: readonly TopicPartition[]): readonly string[] {
  return [...new Set(partitions.map(({ topic }) => topic))];
}
