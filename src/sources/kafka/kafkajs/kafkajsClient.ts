import type { Kafka } from 'kafkajs';
import { Observable, type Subscriber } from 'rxjs';
import {
  type DStreamError,
  OffsetOutOfRangeError,
  OffsetTooLargeError,
  ProtocolError,
  UnknownTopicError,
} from '../../../batch/errors.js';
import { partitionKey, type TopicPartition, type TopicPartitionOffset } from '../../../batch/topicPartition.js';
import type {
  FetchedPartition,
  FetchOptions,
  FetchRequest,
  LogClient,
  LogOffset,
  LogPoint,
} from '../../log/logClient.js';
import type { BufferRefCount } from '../protocol/bufferRefCount.js';
import { fetchError, isRetriable, offsetOutOfRange, unknownTopic } from '../protocol/errorCodes.js';
import type { FetchResponsePartition, IsolationLevel } from '../protocol/fetchProtocol.js';
import { RecordBatchReader } from '../protocol/recordBatchReader.js';
import { codecOf } from './codecs.js';
import {
  type KafkaClientOptions,
  type ResolvedKafkaClientOptions,
  resolveKafkaClientOptions,
} from './kafkaClientOptions.js';
import { type KafkajsPort, kafkajsPort, type OffsetEntry } from './kafkajsPort.js';
import { translateError } from './translateError.js';
import { withBackOff } from './withBackOff.js';

/**
 * A response may contain records that were written after it took the end of the log, but not several times in a row: this many responses
 * that begin beyond the end are damage.
 */
const maxResponsesBeyondLatest = 5;

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
  /** The leader of each partition, as of the last metadata. */
  readonly #leaders = new Map<string, string>();
  /** The last request to each broker: the next one waits for it. */
  readonly #inFlight = new Map<string, Promise<unknown>>();
  readonly #topics = new Set<string>();
  /** By partition, how many responses in a row began beyond the end of the log. */
  readonly #beyondLatest = new Map<string, number>();
  #closed = false;

  /**
   * @throws {InvalidOptionError} when an option is out of its range
   * @throws {UnsupportedClientError} when `kafka` is not a client of kafkajs 2.2.4
   */
  constructor(kafka: Kafka, options: KafkaClientOptions = {}) {
    this.#options = resolveKafkaClientOptions('kafka', options);
    this.#port = kafkajsPort(kafka, this.#options.isolationLevel);
  }

  async connect(): Promise<void> {
    try {
      await this.#port.connect();
      // It was closed while it was connecting: nobody else would close this connection.
      if (this.#closed) await this.#port.disconnect();
    } catch (error) {
      throw translateError(error, 'connecting', 'the cluster');
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    // A broker that is gone cannot answer.
    await this.#port.disconnect().catch(() => {});
  }

  async partitions(topics: readonly (string | RegExp)[]): Promise<readonly TopicPartition[]> {
    const named = topics.filter((topic) => typeof topic === 'string');
    const patterns = topics.filter((topic) => topic instanceof RegExp);
    const names = new Set(named);
    if (patterns.length > 0) {
      const all = await this.#retrying('Metadata', 'topics', () => this.#port.topicNames());
      for (const name of all) if (patterns.some((pattern) => new RegExp(pattern).test(name))) names.add(name);
    }
    if (names.size === 0) return [];
    await this.#requireTopics(named);
    for (const name of names) this.#topics.add(name);
    await this.#retrying('Metadata', [...names].join(', '), () => this.#refresh());
    return [...this.#leaders.keys()]
      .map(parseKey)
      .filter(({ topic }) => names.has(topic))
      .sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1));
  }

  async offsets(partitions: readonly TopicPartition[], point: LogPoint): Promise<readonly LogOffset[]> {
    const { isolationLevel } = this.#options;
    if (point !== 'latest' || isolationLevel === 'read_uncommitted') {
      return this.#offsets(partitions, point, isolationLevel);
    }
    // Asked at the same time; the end of what is written counts as far as it lies behind.
    const [committed, written] = await Promise.all([
      this.#offsets(partitions, point, isolationLevel),
      this.#offsets(partitions, point, 'read_uncommitted'),
    ]);
    const ends = new Map(written.map((position) => [partitionKey(position), position.offset]));
    return committed.map((position) => ({
      ...position,
      highWatermark: Math.max(position.offset, ends.get(partitionKey(position)) ?? 0),
    }));
  }

  async #offsets(
    partitions: readonly TopicPartition[],
    point: LogPoint,
    isolationLevel: IsolationLevel,
  ): Promise<readonly TopicPartitionOffset[]> {
    const timestamp = point === 'latest' ? -1 : point === 'earliest' ? -2 : point.timestamp;
    const found = await this.#retrying('ListOffsets', topicsOf(partitions), async () => {
      const answers = [...this.#byLeader(partitions)].map(([leader, led]) =>
        this.#port.listOffsets(leader, led, timestamp, isolationLevel),
      );
      return (await Promise.all(answers)).flat();
    });
    const beyond = found.filter(({ offset }) => offset === '-1');
    const positions = found.filter(({ offset }) => offset !== '-1').map(toPosition);
    if (beyond.length === 0) return positions;
    // No record is that new: reading begins at the end.
    return [...positions, ...(await this.#offsets(beyond, 'latest', isolationLevel))];
  }

  async committed(groupId: string, partitions: readonly TopicPartition[]): Promise<readonly TopicPartitionOffset[]> {
    const found = await this.#retrying('OffsetFetch', `group "${groupId}"`, () =>
      this.#port.offsetFetch(groupId, partitions),
    );
    return found.filter(({ offset }) => offset !== '-1').map(toPosition);
  }

  async commit(groupId: string, positions: readonly TopicPartitionOffset[]): Promise<void> {
    const offsets = positions.map(({ offset, ...partition }) => ({ ...partition, offset: String(offset) }));
    await this.#retrying('OffsetCommit', `group "${groupId}"`, () => this.#port.offsetCommit(groupId, offsets));
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
    return this.#leaders.get(partitionKey(partition));
  }

  /** Asks each broker, and asks again for partitions that moved to another one, until all have arrived or the time is up. */
  async #fetchAll(
    requests: readonly FetchRequest[],
    options: FetchOptions,
    subscriber: Subscriber<readonly FetchedPartition[]>,
  ): Promise<void> {
    const brokers = [...this.#byLeader(requests)];
    const fairShare = Math.ceil(options.maxBytes / Math.max(brokers.length, 1));
    await Promise.all(
      brokers.map(async ([leader, led]) => {
        const bytes = led.reduce((sum, { maxBytes }) => sum + maxBytes, 0);
        const again = await this.#fetchFrom(
          leader,
          led,
          { ...options, maxBytes: Math.max(bytes, fairShare) },
          subscriber,
        );
        if (again.length > 0) await this.#fetchAgain(again, options, subscriber);
      }),
    );
  }

  /** Returns the requests to be repeated. */
  async #fetchFrom(
    leader: string,
    requests: readonly FetchRequest[],
    { maxWait, maxBytes, signal, throttled }: FetchOptions,
    subscriber: Subscriber<readonly FetchedPartition[]>,
  ): Promise<readonly FetchRequest[]> {
    const before = this.#inFlight.get(leader);
    const call = (async () => {
      await before?.catch(() => {});
      if (this.#closed || subscriber.closed || signal?.aborted) return undefined;
      return this.#port.fetch(leader, { partitions: requests, maxWait, maxBytes });
    })();
    this.#inFlight.set(leader, call);
    let answered: Awaited<typeof call>;
    try {
      answered = await call;
    } catch (cause) {
      const error = translateError(cause, 'Fetch', topicsOf(requests));
      if (!error.retriable) throw error;
      return requests;
    }
    if (!answered) return [];
    if (answered.errorCode !== 0) throw fetchError(answered.errorCode, topicsOf(requests));
    const { partitions } = answered;
    if (answered.throttleTime > 0) throttled?.(answered.throttleTime);
    this.#options.fetchObserver?.next?.({
      broker: leader,
      partitions: requests,
      bytes: partitions.reduce((sum, p) => sum + p.records.length, 0),
      throttleTime: answered.throttleTime,
    });
    const asked = new Map(requests.map((request) => [partitionKey(request), request]));
    const again = partitions.filter((p) => isRetriable(p.errorCode)).flatMap((p) => asked.get(partitionKey(p)) ?? []);
    const settled = partitions.filter((p) => !isRetriable(p.errorCode));
    const { refCount } = answered;
    const fetched = settled.map((p) => this.#fetched(p, asked.get(partitionKey(p)) as FetchRequest, refCount));
    subscriber.next(await Promise.all(fetched));
    refCount?.release();
    return again;
  }

  async #fetchAgain(
    requests: readonly FetchRequest[],
    options: FetchOptions,
    subscriber: Subscriber<readonly FetchedPartition[]>,
  ): Promise<void> {
    let left = requests;
    await this.#retrying('Fetch', topicsOf(requests), async () => {
      if (this.#closed || subscriber.closed || options.signal?.aborted) return;
      await this.#refresh();
      const answers = [...this.#byLeader(left)].map(([leader, led]) =>
        this.#fetchFrom(leader, led, options, subscriber),
      );
      left = (await Promise.all(answers)).flat();
      if (left.length > 0) throw new ProtocolError('Fetch', `no leader answers for ${topicsOf(left)}`, true);
    });
  }

  async #fetched(
    answer: FetchResponsePartition,
    request: FetchRequest,
    refCount: BufferRefCount | undefined,
  ): Promise<FetchedPartition> {
    const { topic, partition, offset } = request;
    const { errorCode, aborted, records } = answer;
    const readable = this.#options.isolationLevel === 'read_committed' ? answer.lastStableOffset : answer.highWatermark;
    const place = { topic, partition, offset, bytes: records.length };
    if (errorCode === offsetOutOfRange) return this.#outOfRange(request);
    const earliest = toNumber(topic, partition, String(answer.logStartOffset));
    const latest = toNumber(topic, partition, String(readable));
    if (errorCode !== 0) return { ...place, earliest, latest, error: fetchError(errorCode, topic) };
    const key = partitionKey(request);
    const beyondLatest = this.#beyondLatest.get(key) ?? 0;
    const reader = RecordBatchReader.open(records, {
      topic,
      partition,
      from: offset,
      aborted,
      checkCrcs: this.#options.checkCrcs,
      codecOf,
      latest,
      refuseBeyondLatest: beyondLatest + 1 >= maxResponsesBeyondLatest,
      refCount,
    });
    if (reader === undefined && records.length > 0) this.#beyondLatest.set(key, beyondLatest + 1);
    else if (beyondLatest > 0) this.#beyondLatest.delete(key);
    return { ...place, earliest, latest, records: reader };
  }

  /** Kafka does not say which offsets it still has, so it is asked. */
  async #outOfRange({ topic, partition, offset }: FetchRequest): Promise<FetchedPartition> {
    const ends = await Promise.all([
      this.offsets([{ topic, partition }], 'earliest'),
      this.offsets([{ topic, partition }], 'latest'),
    ]);
    const [earliest = 0, latest = 0] = ends.map((positions) => positions[0]?.offset ?? 0);
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

  async #requireTopics(topics: readonly string[]): Promise<void> {
    if (topics.length === 0) return;
    const existing = new Set(await this.#retrying('Metadata', topics.join(', '), () => this.#port.topicNames()));
    const absent = topics.find((topic) => !existing.has(topic));
    if (absent !== undefined) throw new UnknownTopicError(absent);
  }

  async #refresh(): Promise<void> {
    const leaders = await this.#port.leaders([...this.#topics]);
    for (const { topic, partition, leader } of leaders) this.#leaders.set(partitionKey({ topic, partition }), leader);
  }

  #byLeader<P extends TopicPartition>(partitions: readonly P[]): Map<string, P[]> {
    const byLeader = new Map<string, P[]>();
    for (const partition of partitions) {
      const leader = this.#leaders.get(partitionKey(partition));
      if (leader === undefined) throw new UnknownTopicError(partitionKey(partition));
      const led = byLeader.get(leader) ?? [];
      led.push(partition);
      byLeader.set(leader, led);
    }
    return byLeader;
  }

  /** Retries, with fresh metadata and growing pauses, what may succeed another time. */
  async #retrying<R>(what: string, resource: string, request: () => Promise<R>): Promise<R> {
    const attempt = () =>
      request().catch((cause: unknown) => {
        throw translateError(cause, what, resource);
      });
    try {
      return await withBackOff(attempt, {
        ...backOff,
        timeoutMs: this.#options.retryTimeout,
        isRetriable: (error) => !this.#closed && (error as DStreamError).retriable,
        beforeRetry: async () => {
          if (this.#topics.size > 0) await this.#refresh();
        },
      });
    } catch (error) {
      throw await this.#explained(error as DStreamError);
    }
  }

  /** A broker that does not know a topic yet may learn of it; one that still does not is right. */
  async #explained(error: DStreamError): Promise<DStreamError> {
    if (this.#closed || !(error instanceof ProtocolError) || error.kafkaError !== unknownTopic) return error;
    const existing = await this.#port.topicNames().catch(() => [...this.#topics]);
    const absent = [...this.#topics].find((topic) => !existing.includes(topic));
    return absent === undefined ? error : new UnknownTopicError(absent, { cause: error });
  }
}

function toPosition({ topic, partition, offset }: OffsetEntry): TopicPartitionOffset {
  return { topic, partition, offset: toNumber(topic, partition, offset) };
}

function toNumber(topic: string, partition: number, offset: string): number {
  const value = Number(offset);
  if (value > Number.MAX_SAFE_INTEGER) throw new OffsetTooLargeError(topic, partition, offset);
  return value;
}

function parseKey(key: string): TopicPartition {
  const slash = key.lastIndexOf('/');
  return { topic: key.slice(0, slash), partition: Number(key.slice(slash + 1)) };
}

function topicsOf(partitions: readonly TopicPartition[]): string {
  return [...new Set(partitions.map(({ topic }) => topic))].join(', ');
}
