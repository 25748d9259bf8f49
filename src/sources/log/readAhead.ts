import { from, type SchedulerLike, Subject, Subscription } from 'rxjs';
import type { OffsetRange } from '../../batch/offsetRange.js';
import { partitionKey } from '../../batch/topicPartition.js';
import { sumOf } from '../../collections/sumOf.js';
import { Listener } from '../../observables/listener.js';
import type { SourceSetup } from '../source.js';
import { type FetchAnswersParts, receiveAnswer } from './fetchAnswers.js';
import { maxPartitionBytes, maxRequestBytes, sampleBytes } from './fetchBounds.js';
import type { FetchedPartition, FetchRequest, LogClient } from './logClient.js';
import { LongPolls, type Poll, type PollBounds } from './longPolls.js';
import type { PartitionState } from './partitionState.js';
import type { ResolvedLogSourceOptions } from './resolveLogSourceOptions.js';
import type { BudgetMember } from './sharedBudget.js';
import { WatchedFetch } from './watchedFetch.js';

/** What one broker is asked for. */
interface Request {
  readonly asked: FetchRequest[];
  /** Bytes that it may ask for besides. */
  left: number;
}

/** How long a log may wait for records. They are known to be there, so this only matters when the log has changed. */
const maxWaitMs = 500;
/** Pause after a fetch that returned nothing: a log in memory would answer at once, again and again. */
const emptyPauseMs = 100;

const none: ReadonlySet<PartitionState> = new Set();

export type ReadAheadOptions = Pick<
  ResolvedLogSourceOptions<unknown>,
  'maxBufferedBytes' | 'offsetOutOfRange' | 'budget'
>;

/**
 * Fetches what is planned ahead of the operators, within a byte budget. It never asks beyond the target of a partition, which
 * is the plan where a rate is set: so the rate of the controller is what reaches the wire. Where a record batch overshoots a
 * range, the rest stays in the buffer for the next range.
 *
 * One request per broker is in flight. It asks for no more than the budget leaves, and a broker exceeds that by at most one record
 * batch, when it has no smaller one: so the budget is exceeded by at most one record batch per broker. When the batch that
 * is being read needs bytes and other partitions use up the budget, theirs are discarded and fetched again later; so is
 * what could not be read. Nothing else is ever fetched twice.
 */
export class ReadAhead {
  /** Emits when bytes have arrived or a position has moved; errors when fetching has failed with an error that is not retried. */
  readonly arrivals = new Subject<void>();
  readonly #client: LogClient;
  readonly #options: ReadAheadOptions;
  readonly #partitions: ReadonlyMap<string, PartitionState>;
  readonly #scheduler: SchedulerLike;
  readonly #fetchObserver: SourceSetup['fetched'];
  readonly #budget: BudgetMember | undefined;
  readonly #fetches = new Subscription();
  readonly #abort = new AbortController();
  readonly #polls = new LongPolls();
  readonly #answers: FetchAnswersParts;
  readonly #lost: OffsetRange[] = [];
  #nextPoll = Subscription.EMPTY;
  /** Brokers that have a request in flight. */
  readonly #busy = new Set<string>();
  /** Partitions whose range in the batch that is being read has not been read to its end. */
  #open = none;
  #requested = 0;
  #failed = false;
  #received = 0;

  constructor(
    client: LogClient,
    partitions: ReadonlyMap<string, PartitionState>,
    options: ReadAheadOptions,
    scheduler: SchedulerLike,
    fetchObserver?: SourceSetup['fetched'],
  ) {
    this.#fetchObserver = fetchObserver;
    this.#client = client;
    this.#partitions = partitions;
    this.#options = options;
    this.#scheduler = scheduler;
    this.#answers = {
      policy: options.offsetOutOfRange,
      polls: this.#polls,
      scheduler,
      lost: this.#lost,
      fail: (error) => this.#fail(error),
    };
    this.#budget = options.budget?.join({
      discard: (bytes) => {
        this.#discard(bytes);
        this.pump();
      },
      resume: () => this.pump(),
    });
  }

  /** Bytes received since the last call. */
  takeReceived(): number {
    const received = this.#received;
    this.#received = 0;
    return received;
  }

  /** Ranges found lost since the last call. */
  takeLost(): readonly OffsetRange[] {
    return this.#lost.splice(0);
  }

  /** The batch that is being read still needs `open`: those without buffered bytes are fetched first from now on. */
  prioritize(open: readonly PartitionState[]): void {
    this.#open = open.length > 0 ? new Set(open) : none;
    this.pump();
  }

  /** Everything known is planned: from now on the records of the next batch are waited for. `undefined`: they are not. */
  poll(bounds: PollBounds | undefined): void {
    if (bounds) this.#polls.start(bounds);
    else this.#polls.stop();
  }

  /** Whether the ends of these partitions are known as they are now, without asking. */
  knows(states: readonly PartitionState[]): boolean {
    return !this.#failed && this.#polls.know(states, this.#scheduler.now());
  }

  /** Fetches the first records of partitions whose record size is not known yet. */
  sample(states: readonly PartitionState[]): void {
    for (const state of states) state.sampling = !state.paused;
    this.pump();
  }

  /**
   * Fetches what is wanted and has not arrived yet, as far as the budget allows. Here records become bytes: what lies between
   * `fetchFrom` and `target` of a partition, times the mean size of its records, is the max bytes of its Fetch.
   */
  pump(): void {
    if (this.#failed || this.#abort.signal.aborted) return;
    const due: PartitionState[] = [];
    for (const state of this.#partitions.values()) if (this.#isDue(state)) due.push(state);
    const refused = due.length > 0 ? this.#request(due) : 0;
    this.#budget?.settle(this.#held, refused);
    if (this.#polls.polling) this.#pollAll();
  }

  #isDue(state: PartitionState): boolean {
    const isWanted = state.target > state.fetchFrom || state.sampling || state.stalled !== undefined;
    return isWanted && !state.inFlight && !state.paused && (!state.away || this.#open.has(state));
  }

  /** Fetches for the partitions that are due. Returns how many bytes the budget has refused. */
  #request(due: readonly PartitionState[]): number {
    const isFirst = (state: PartitionState) => state.sampling || (this.#open.has(state) && state.readers.length === 0);
    const requests = new Map<string, Request>();
    const isPlanned = (state: PartitionState) => state.fetchFrom < state.planned;
    const ordered = due.length === 1 ? due : new Set([...due.filter(isFirst), ...due.filter(isPlanned), ...due]);
    const wanted: { readonly state: PartitionState; readonly bytes: number; readonly request: Request }[] = [];
    for (const state of ordered) {
      const records = state.target - state.fetchFrom;
      const broker = this.#client.broker?.(state) ?? '';
      if (this.#busy.has(broker)) continue;
      const request = requests.get(broker) ?? { asked: [], left: maxRequestBytes };
      requests.set(broker, request);
      const bytes = state.sampling || records <= 0 ? this.#sampleBytes : state.size.bytesFor(records);
      wanted.push({ state, bytes: Math.min(bytes, maxPartitionBytes), request });
    }
    let free = this.#allowed(sumOf(wanted, ({ bytes }) => bytes)) - this.#held;
    let refused = 0;
    for (const { state, bytes, request } of wanted) {
      if (request.left <= 0) continue;
      if (free <= 0 && isFirst(state)) free += this.#discard(1 - free);
      refused += Math.max(Math.min(bytes, request.left) - Math.max(free, 0), 0);
      if (free <= 0) continue;
      const maxBytes = Math.max(1, Math.floor(Math.min(bytes, request.left, free)));
      const optional = state.stalled && !this.#open.has(state);
      request.asked.push({ ...state.fetchPosition, maxBytes, ...(optional && { optional }) });
      request.left -= maxBytes;
      free -= maxBytes;
    }
    for (const [broker, { asked }] of requests) if (asked.length > 0) this.#fetch(broker, asked);
    return refused;
  }

  /** Each of the partitions that are sampled gets its share of the buffer. */
  get #sampleBytes(): number {
    let sampled = 0;
    for (const { sampling } of this.#partitions.values()) if (sampling) sampled++;
    return Math.min(sampleBytes, this.#options.maxBufferedBytes / Math.max(sampled, 1));
  }

  close(): void {
    this.#nextPoll.unsubscribe();
    this.#fetches.unsubscribe();
    this.#abort.abort();
    this.#budget?.leave();
    for (const state of this.#partitions.values()) state.readers.length = 0;
  }

  /** Bytes received, and asked for. */
  get #held(): number {
    let bytes = this.#requested;
    for (const state of this.#partitions.values()) bytes += state.buffered;
    return bytes;
  }

  /** What may be held, of what is held and wanted. */
  #allowed(wanted: number): number {
    const { maxBufferedBytes: max } = this.#options;
    return this.#budget?.ask({ held: this.#held, wanted, max }) ?? max;
  }

  /** Discards what the batch that is being read does not need, beginning with what no batch needs yet. Returns the freed bytes. */
  #discard(bytes: number): number {
    const buffered = [...this.#partitions.values()].filter(
      (state) => !this.#open.has(state) && !state.inFlight && state.readers.length > 0,
    );
    const unplanned = buffered.filter((state) => state.position >= state.planned);
    let freed = 0;
    for (const state of new Set([...unplanned, ...buffered])) {
      if (freed >= bytes) break;
      freed += state.buffered;
      state.drop();
    }
    return freed;
  }

  /** Has each broker wait for records that has nothing else to do. */
  #pollAll(): void {
    const byBroker = new Map<string, PartitionState[]>();
    for (const state of this.#partitions.values()) {
      if (state.leaving) continue;
      const broker = this.#client.broker?.(state) ?? '';
      const led = byBroker.get(broker);
      if (led) led.push(state);
      else byBroker.set(broker, [state]);
    }
    const now = this.#scheduler.now();
    let wait = Infinity;
    for (const [broker, led] of byBroker) {
      if (this.#busy.has(broker) || !led.every(isReadToPlan)) continue;
      const delay = this.#polls.delay(broker, led, now);
      if (delay > 0) {
        wait = Math.min(wait, delay);
        continue;
      }
      const free = this.#options.maxBufferedBytes - this.#held;
      const poll = this.#polls.next(led, free, byBroker.size, now);
      if (!poll) continue;
      this.#polls.sent(led, poll, now);
      this.#fetch(broker, poll.requests, poll);
    }
    this.#nextPoll.unsubscribe();
    if (wait < Infinity) this.#nextPoll = this.#scheduler.schedule(() => this.pump(), wait);
  }

  #fetch(broker: string, requests: readonly FetchRequest[], poll?: Poll): void {
    const waiting = new Map(requests.map((request) => [partitionKey(request), request]));
    const maxBytes = poll?.maxBytes ?? sumOf(requests, (request) => request.maxBytes);
    const waitsUntil = this.#scheduler.now() + (poll?.maxWait ?? 0);
    this.#busy.add(broker);
    for (const key of waiting.keys()) this.#stateOf(key).inFlight = true;
    this.#requested += maxBytes;
    let answered = false;
    /** Every partition has been answered: the next request may be sent before this one completes. */
    const answer = (): void => {
      if (!answered) this.#busy.delete(broker);
      answered = true;
    };
    const settle = (keys: Iterable<string>): void => {
      for (const key of keys) {
        const request = waiting.get(key);
        if (!request) continue;
        waiting.delete(key);
        this.#requested -= poll ? maxBytes / requests.length : request.maxBytes;
        this.#polls.settled(key);
        this.#stateOf(key).inFlight = false;
      }
      if (waiting.size === 0) answer();
    };
    /** What has not been answered will not be. */
    const giveUp = (): void => {
      this.#fetches.remove(subscription);
      subscription.unsubscribe();
      const unanswered = [...waiting.keys()];
      if (poll && unanswered.length > 0) this.#polls.stop();
      settle(unanswered);
      for (const key of unanswered) this.#stateOf(key).sampling = false;
      this.#pause(unanswered);
      answer();
      this.arrivals.next();
    };
    const watched = this.#fetchObserver && this.#watched(broker, requests, this.#fetchObserver);
    const maxWait = poll?.maxWait ?? maxWaitMs;
    const options = { maxWait, maxBytes, signal: this.#abort.signal, throttled: watched?.throttled };
    const received = (fetched: readonly FetchedPartition[]): void => {
      settle(fetched.map(partitionKey));
      watched?.received(fetched);
      const brought = fetched.some(({ records, error }) => records || error);
      for (const partition of fetched) {
        const state = this.#stateOf(partitionKey(partition));
        if (poll && partition.error) this.#polls.stop();
        else this.#received += receiveAnswer(this.#answers, state, partition, poll !== undefined);
        state.sampling = false;
        state.stalled = undefined;
      }
      if (poll) this.#polls.answered(broker, brought, waitsUntil, this.#scheduler.now());
      // A partition that returns nothing while others return something did not fit the response.
      else if (!brought) this.#pause(fetched.map(partitionKey));
      // The next request is sent before this response is decoded, so that the log works meanwhile.
      this.pump();
      this.arrivals.next();
    };
    const failed = (error: unknown): void => {
      watched?.ended({ error });
      if (poll) giveUp();
      else this.#fail(error);
    };
    const completed = (): void => {
      watched?.ended();
      giveUp();
    };
    const subscription = new Listener(failed, completed, received);
    this.#fetches.add(subscription);
    // Its broker is silent, and another one may lead the partitions by now.
    if (poll) subscription.add(this.#scheduler.schedule(giveUp, poll.patience));
    try {
      from(this.#client.fetch(requests, options)).subscribe(subscription);
    } catch (error) {
      subscription.error(error);
    }
  }

  #watched(
    broker: string,
    requests: readonly FetchRequest[],
    observer: NonNullable<SourceSetup['fetched']>,
  ): WatchedFetch {
    return new WatchedFetch({ broker, ...this.#client.address?.(broker) }, requests, this.#scheduler, observer);
  }

  /** Stops fetching and passes the error to the batch that waits, or to the next one. */
  #fail(error: unknown): void {
    this.#failed = true;
    this.arrivals.error(error);
  }

  #pause(keys: readonly string[]): void {
    if (keys.length === 0) return;
    const states = keys.map((key) => this.#stateOf(key));
    for (const state of states) state.paused = true;
    const pause = this.#scheduler.schedule(() => {
      this.#fetches.remove(pause);
      for (const state of states) state.paused = false;
      this.pump();
      this.arrivals.next();
    }, emptyPauseMs);
    this.#fetches.add(pause);
  }

  #stateOf(key: string): PartitionState {
    return this.#partitions.get(key) as PartitionState;
  }
}

/** Whether a partition can be polled: everything planned has been read, and nothing else is under way. */
function isReadToPlan({ fetchFrom, planned, inFlight, paused, away, stalled, sampling }: PartitionState): boolean {
  return fetchFrom >= planned && !(inFlight || paused || away || stalled || sampling);
}
