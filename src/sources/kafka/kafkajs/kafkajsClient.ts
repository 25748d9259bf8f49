import type { Kafka } from 'kafkajs';
import { Observable, type Subscriber } from 'rxjs';
import { type DStreamError, OffsetOutOfRangeError } from '../../../batch/errors.js';
import type { GroupMembership } from '../../../batch/groupMembership.js';
import { identityOf } from '../../../batch/logIdentity.js';
import type { SourceClient } from '../../../batch/monitoring/streamSnapshot.js';
import { partitionKey, type TopicPartition, type TopicPartitionOffset } from '../../../batch/topicPartition.js';
import { topicsOf } from '../../../batch/topicsOf.js';
import { checkOptions } from '../../../options/checkOptions.js';
import { isSelected } from '../../log/isSelected.js';
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
import { isRetriable, offsetOutOfRange, responseError } from '../protocol/errorCodes.js';
import type { FetchPartition, FetchResponsePartition } from '../protocol/fetchProtocol.js';
import { RecordBatchReader } from '../protocol/recordBatchReader.js';
import { codecOf } from './codecs.js';
import { GroupOffsets } from './groupOffsets.js';
import { kafkaAccess } from './kafkaAccess.js';
import {
  type KafkaClientOptions,
  kafkaClientChecks,
  type ResolvedKafkaClientOptions,
  resolveKafkaClientOptions,
} from './kafkaClientOptions.js';
import type { KafkajsPort } from './kafkajsPort.js';
import type { KafkaRuntime } from './kafkaRuntime.js';
import { LogIdentities } from './logIdentities.js';
import { nativeCrc32c } from './nativeCrc32c.js';
import { OffsetChecks } from './offsetChecks.js';
import { PartitionOffsets } from './partitionOffsets.js';
import { PatientRequests } from './patientRequests.js';
import { noLeader, TopicLeaders } from './topicLeaders.js';
import { translateError } from './translateError.js';
import { UnavailablePartitions } from './unavailablePartitions.js';

/**
 * A response may contain records that were written after it took the end of the log, but not several times in a row: this many responses
 * that begin beyond the end are damage.
 */
const maxResponsesBeyondLatest = 5;

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
  readonly #requests: PatientRequests;
  readonly #partitionOffsets: PartitionOffsets;
  readonly #groupOffsets: GroupOffsets;
  /** Partitions whose records could not be fetched. */
  readonly #unfetched = new UnavailablePartitions();
  readonly #offsetChecks = new OffsetChecks();
  /** By partition, how many responses in a row began beyond the end of the log. */
  readonly #beyondLatest = new Map<string, number>();
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
    const { retryTimeout, isolationLevel } = this.#options;
    this.#requests = new PatientRequests(this.#leaders, retryTimeout, this.#closing.signal);
    this.#partitionOffsets = new PartitionOffsets({
      port: this.#port,
      identities: this.#identities,
      leaders: this.#leaders,
      requests: this.#requests,
      unfetched: this.#unfetched,
      isolationLevel,
    });
    this.#groupOffsets = new GroupOffsets(this.#port, this.#requests);
  }

  get longPolls(): boolean {
    return !this.#isShared && !this.#fetchedByName;
  }

  async connect(): Promise<void> {
    await this.#requests.retrying('connecting', 'the cluster', () => this.#port.connect());
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#port.disconnect();
  }

  async partitions(topics: readonly (string | RegExp)[]): Promise<readonly LogPartition[]> {
    const names = new Set(topics.filter((topic) => typeof topic === 'string'));
    const patterns = topics.filter((topic) => topic instanceof RegExp);
    if (patterns.length > 0) {
      const all = await this.#requests.retrying('Metadata', 'all topics', () => this.#port.metadata());
      for (const { topic, isInternal } of all) {
        if (!isInternal && isSelected(topic, patterns)) names.add(topic);
      }
    }
    if (names.size === 0) return [];
    const sorted = [...names].sort();
    const found = await this.#requests.retrying('Metadata', { topics: sorted }, () => this.#leaders.add(sorted));
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
    return this.#partitionOffsets.of(partitions, point, partial);
  }

  async diverged(
    positions: readonly TopicPartitionOffset[],
    { partial = false }: OffsetsOptions = {},
  ): Promise<readonly TopicPartitionOffset[]> {
    return this.#partitionOffsets.diverged(positions, partial);
  }

  unavailable(): ReturnType<NonNullable<LogClient['unavailable']>> {
    return this.#partitionOffsets.unavailable();
  }

  async committed(
    groupId: string,
    partitions: readonly TopicPartition[],
    { stable = false }: { readonly stable?: boolean } = {},
  ): Promise<readonly TopicPartitionOffset[]> {
    return this.#groupOffsets.committed(groupId, partitions, stable);
  }

  async commit(
    groupId: string,
    positions: readonly TopicPartitionOffset[],
    member?: () => GroupMembership | undefined,
  ): Promise<void> {
    return this.#groupOffsets.commit(groupId, positions, member);
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
    if (late.some(({ optional = false }) => !optional)) throw await this.#requests.explained(error);
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
      broken = await this.#identities.broken(leader, requests, (partition) => this.#partitionOffsets.endsOf(partition));
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

  /** Kafka does not say which offsets it still has, so it is asked. */
  async #outOfRange(request: FetchRequest): Promise<FetchedPartition> {
    const { topic, partition, offset } = request;
    const { earliest, latest } = await this.#partitionOffsets.endsOf(request);
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
}
