import type { BatchContext } from '../../batch/batchContext.js';
import {
  AuthorizationError,
  ForeignClusterError,
  InvalidOptionError,
  ProtocolError,
  RecordTooLargeError,
} from '../../batch/errors.js';
import type { GroupMembership } from '../../batch/groupMembership.js';
import type { RecordsSent } from '../../batch/monitoring/monitorEvents.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import { partitionKey } from '../../batch/topicPartition.js';
import type { Owner } from '../../operators/base/perBatch.js';
import { BatchMessages, type MessagesByTopic, type TimedMessages } from './batchMessages.js';
import { batchTimeOf, metadataOf } from './batchMetadata.js';
import type { TransactionsPort } from './producerPort.js';
import { type GroupOffsets, TransactionalProducer } from './transactionalProducer.js';

/** What one output writes to one topic. */
type Sending = Owner & Pick<RecordsSent, 'system' | 'topic'> & { records: number };

/** What all outputs of one group write of one batch. */
interface BatchWrite {
  readonly messages: BatchMessages;
  /** How many of them each output writes to each topic. */
  readonly sendings: Sending[];
  writing: Promise<void> | undefined;
}

/** Who writes. */
export interface TransactionOwner {
  readonly groupId: string;
  readonly transactionalId: string;
  /** What an earlier version of the library has for this owner as its transactional id. Default: the same. */
  readonly formerId?: string | undefined;
  /** Who commits offsets, where the run is a member of the group. */
  readonly member?: (() => GroupMembership | undefined) | undefined;
}

/** By transactional id, the runs of this process that have ended and are still closing. */
const closing = new Map<string, Promise<unknown>>();

/**
 * The transactions of one run of a stream under one group: one producer, and one transaction a
 * batch for everything that the outputs of the group write. The producer is created on demand and lives until `close`.
 */
export class BatchTransactions {
  readonly #port: TransactionsPort;
  readonly #groupId: string;
  readonly #transactionalId: string;
  readonly #formerId: string | undefined;
  readonly #member: (() => GroupMembership | undefined) | undefined;
  /** Called when a topic does not allow a record of that size. */
  readonly #refused: (error: RecordTooLargeError) => void;
  readonly #writes = new WeakMap<BatchContext, BatchWrite>();
  #producer: Promise<TransactionalProducer> | undefined;
  /** Of the batch that was written last, by this run or an earlier one. */
  #lastTime = Number.NEGATIVE_INFINITY;
  /** Whether this run has gone beyond what an earlier one has written. */
  #caughtUp = false;
  #writing: Promise<unknown> = Promise.resolve();
  #closed = false;
  /** Whether the former owner was fenced before the sources read committed offsets. */
  #fencedFirst = false;

  constructor(
    port: TransactionsPort,
    { groupId, transactionalId, formerId, member }: TransactionOwner,
    refused: (error: RecordTooLargeError) => void,
  ) {
    this.#port = port;
    this.#refused = refused;
    this.#groupId = groupId;
    this.#transactionalId = transactionalId;
    this.#formerId = formerId;
    this.#member = member;
  }

  /** Ends the transaction that an earlier owner of the group has left open and fences that owner, before sources read committed offsets. */
  async connect(): Promise<void> {
    this.#fencedFirst = true;
    await this.#connected();
  }

  /** Adds records of an output to what is written of a batch. */
  add(context: BatchContext, output: Owner, added: MessagesByTopic | TimedMessages): void {
    const { messages, sendings } = this.#writeOf(context);
    messages.add(added);
    const now = typeof added === 'function' ? added(context.time) : added;
    for (const [topic, { length }] of now) count(sendings, output, topic, length);
  }

  /**
   * Writes what was added, and commits the offsets of the batch with it, unless an earlier run has done so. Every output of the
   * batch calls it as its last act: it runs once.
   */
  write(context: BatchContext): Promise<void> {
    const write = this.#writeOf(context);
    write.writing ??= this.#write(context, write);
    this.#writing = Promise.allSettled([write.writing]);
    return write.writing;
  }

  /** Finishes what is being written, if that takes no longer than a moment. A run that follows begins after that, so that the two do not fence each other. */
  close(): void {
    this.#closed = true;
    const id = this.#transactionalId;
    const closed = Promise.all([closing.get(id), this.#close()]).then(() => {
      if (closing.get(id) === closed) closing.delete(id);
    });
    closing.set(id, closed);
  }

  async #close(): Promise<void> {
    await this.#port.close(this.#writing);
    // Its requests have failed by then, where it was still beginning.
    await this.#producer?.catch(() => {});
  }

  #writeOf(context: BatchContext): BatchWrite {
    const known = this.#writes.get(context);
    if (known) return known;
    const made: BatchWrite = { messages: new BatchMessages(), sendings: [], writing: undefined };
    this.#writes.set(context, made);
    return made;
  }

  async #write(context: BatchContext, { messages, sendings }: BatchWrite): Promise<void> {
    const ranges = hindmost(Object.values(context.inputs).flatMap((input) => input.ranges));
    if (!sendings.some(({ records }) => records > 0) && !ranges.some(isMoved)) return;
    const producer = await this.#connected();
    if (!this.#caughtUp) this.#checkSources(context);
    // Asked after the former owner was fenced, and until the first batch that is new: from then on nobody else commits.
    if (!this.#caughtUp && (await this.#wasWritten(ranges, context))) return;
    this.#caughtUp = this.#timesTell(context) || ranges.some(isMoved);
    const time = messages.areTimed ? this.#timeOf(context) : context.time;
    const sending = sendings.map((one) => context.effects?.sending(one));
    try {
      await producer.write({ messages: messages.at(time), offsets: this.#offsetsOf(ranges, time) });
    } catch (error) {
      for (const sent of sending) sent?.({ error });
      if (error instanceof RecordTooLargeError) this.#refused(error);
      throw error;
    }
    for (const sent of sending) sent?.();
  }

  /**
   * The time of a batch among those of all owners. Without a checkpoint an owner whose clock is behind has batches of times that were
   * written already: it goes on from the last of these, as it would from a checkpoint.
   */
  #timeOf({ time, interval, maxInterval = interval, state }: BatchContext): number {
    if (state.durable) return time;
    const next = (Math.floor(this.#lastTime / maxInterval) + 1) * maxInterval;
    this.#lastTime = time > this.#lastTime ? time : next;
    return this.#lastTime;
  }

  /** With the time of the batch, so that one whose offsets did not move is recognized when it is replayed. */
  #offsetsOf(ranges: readonly OffsetRange[], time: number): GroupOffsets {
    const metadata = metadataOf(time);
    const offsets = ranges.map(({ topic, partition, until }) => ({ topic, partition, offset: until, metadata }));
    return { groupId: this.#groupId, offsets, member: this.#member };
  }

  /**
   * @throws {ForeignClusterError} when the offsets to be committed are those of another cluster
   * @throws {InvalidOptionError} when a source commits under the group too
   */
  #checkSources({ run }: BatchContext): void {
    const own = this.#port.clusterId?.();
    const { clusters = [], groups = [] } = run;
    if (groups.includes(this.#groupId)) {
      const rule =
        'is that of a source which commits offsets itself, and late commits would take back those of transactions: ' +
        'set its commitOffsets to false';
      throw new InvalidOptionError('sendToKafka', 'groupId', this.#groupId, rule);
    }
    const foreign = clusters.filter((id) => id !== own);
    if (own !== undefined && foreign.length > 0) throw new ForeignClusterError('sendToKafka', own, foreign);
  }

  #connected(): Promise<TransactionalProducer> {
    this.#producer ??= this.#connect();
    return this.#producer;
  }

  async #connect(): Promise<TransactionalProducer> {
    await closing.get(this.#transactionalId);
    // Closed while it waited: the id belongs to the next run.
    if (this.#closed) throw new Error('the output is closed');
    if (this.#formerId !== undefined) await this.#fence(this.#formerId);
    const producer = new TransactionalProducer(this.#port.producer(this.#transactionalId));
    await producer.connect();
    return producer;
  }

  /** Ends the transaction of the owner of this id, and writes nothing under it. */
  #fence(transactionalId: string): Promise<void> {
    const fence = async () => {
      const producer = this.#port.producer(transactionalId);
      try {
        await producer.begin();
      } catch (error) {
        // Who may not use it has nothing under way with it, and can commit nothing.
        if (!(error instanceof AuthorizationError)) throw error;
      } finally {
        await producer.close();
      }
    };
    return this.#inTurn(transactionalId, fence);
  }

  /** One after the other: a client may have one producer with this id only. */
  #inTurn(transactionalId: string, work: () => Promise<void>): Promise<void> {
    const working = Promise.allSettled([closing.get(transactionalId)]).then(work);
    const settled = working
      .catch(() => {})
      .then(() => {
        if (closing.get(transactionalId) === settled) closing.delete(transactionalId);
      });
    closing.set(transactionalId, settled);
    return working;
  }

  /**
   * Whether these ranges of the batch at `time` were committed before: then its records have been written too.
   *
   * @throws {ProtocolError} when an offset in the middle of them was committed: another process has written some of them
   */
  async #wasWritten(ranges: readonly OffsetRange[], context: BatchContext): Promise<boolean> {
    const { time, state } = context;
    const offsets = await this.#port.stableOffsets(this.#groupId, ranges);
    const committed = new Map(offsets.map((one) => [partitionKey(one), one]));
    const timeOf = (range: OffsetRange) => batchTimeOf(of(range)?.metadata ?? '');
    const of = (range: OffsetRange) => committed.get(partitionKey(range));
    this.#lastTime = Math.max(this.#lastTime, ...ranges.map(timeOf));
    const moved = ranges.filter(isMoved);
    // Offsets of an earlier batch may lie beyond this one, where a log was cut or is read again.
    const timesTell = this.#timesTell(context);
    const isEarlier = (range: OffsetRange) => timesTell && timeOf(range) > -Infinity && timeOf(range) < time;
    for (const range of moved) {
      if (isEarlier(range)) continue;
      const offset = of(range)?.offset ?? -1;
      if (offset <= range.from || offset >= range.until) continue;
      const what = `offset ${offset} of ${partitionKey(range)}`;
      const reason = `${what} is committed already, in the middle of [${range.from}, ${range.until})`;
      throw new ProtocolError('OffsetFetch', reason, true);
    }
    // Later batches may have been written too: with several open batches, a write can precede its save by far. Without a checkpoint no batch
    // comes again, and where nothing has moved an earlier time is that of a clock which is behind.
    if (moved.length === 0) return state.durable === true && ranges.some((range) => timeOf(range) >= time);
    const written = moved.filter((range) => !isEarlier(range) && (of(range)?.offset ?? -1) >= range.until);
    if (written.length === 0 || written.length === moved.length) return written.length > 0;
    throw new ProtocolError('OffsetFetch', 'some partitions of the batch are committed already, others not', true);
  }

  /** Whether the times of batches tell what was written: else somebody may have committed after the sources read their positions. */
  #timesTell({ state }: BatchContext): boolean {
    return this.#fencedFirst || state.durable === true;
  }
}

/** The group has one position of a partition: where several sources read it, that of the one behind. */
function hindmost(ranges: readonly OffsetRange[]): readonly OffsetRange[] {
  const found = new Map<string, OffsetRange>();
  for (const range of ranges) {
    const known = found.get(partitionKey(range)) ?? range;
    const isBehind = range.until < known.until || (range.until === known.until && range.from < known.from);
    found.set(partitionKey(range), isBehind ? range : known);
  }
  return [...found.values()];
}

function isMoved({ from, until }: OffsetRange): boolean {
  return until > from;
}

/** The sum of what an output writes to a topic: dead letters are added one by one. */
function count(sendings: Sending[], { operator, id }: Owner, topic: string, records: number): void {
  const known = sendings.find((one) => one.topic === topic && one.operator === operator && one.id === id);
  if (known) known.records += records;
  else sendings.push({ operator, id, system: 'kafka', topic, records });
}
