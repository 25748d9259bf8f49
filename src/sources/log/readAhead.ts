import { defer, type SchedulerLike, Subject, Subscription } from 'rxjs';
import { OffsetOutOfRangeError } from '../../batch/errors.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import type { FetchedPartition, FetchRequest, LogClient } from './logClient.js';
import { type PartitionState, partitionKey } from './partitionState.js';
import { passOver } from './startPositions.js';

/** One request asks at most this much of a partition, so that decoding can begin while the rest is on its way. */
const maxRequestBytes = 2 * 1024 * 1024;
/** How long a log may wait for records. They are known to be there, so this is only met when a client is out of step. */
const maxWait = 500;
/** How long it leaves a partition alone of which nothing came: a log in memory answers at once, and would for ever. */
const emptyPause = 100;

export interface ReadAheadOptions {
  readonly maxBufferedBytes: number;
  readonly offsetOutOfRange: 'error' | 'earliest' | 'latest';
}

/**
 * Brings in the bytes of what is planned, ahead of the operators and within a byte budget. Never asks beyond what is
 * planned: so the rate of the controller is what reaches the wire. What a record batch brings in surplus stays in the
 * buffer for the next range; nothing is fetched twice.
 */
export class ReadAhead {
  /** Emits when bytes have arrived, or a position was moved; errors when fetching failed for good. */
  readonly arrivals = new Subject<void>();
  readonly #client: LogClient;
  readonly #options: ReadAheadOptions;
  readonly #partitions: ReadonlyMap<string, PartitionState>;
  readonly #scheduler: SchedulerLike;
  readonly #fetches = new Subscription();
  readonly #abort = new AbortController();
  readonly #lost: OffsetRange[] = [];
  #requested = 0;
  #received = 0;

  constructor(
    client: LogClient,
    partitions: ReadonlyMap<string, PartitionState>,
    options: ReadAheadOptions,
    scheduler: SchedulerLike,
  ) {
    this.#client = client;
    this.#partitions = partitions;
    this.#options = options;
    this.#scheduler = scheduler;
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

  /**
   * Asks for what is planned and not there yet, as far as the budget goes. `urgent` partitions are asked for even over
   * the budget (one record batch at least), because a batch waits for them and nothing else could free the budget.
   */
  pump(urgent: readonly PartitionState[] = []): void {
    let budget = this.#options.maxBufferedBytes - this.#buffered - this.#requested;
    const requests: FetchRequest[] = [];
    for (const state of new Set([...urgent, ...this.#partitions.values()])) {
      const records = state.planned - state.fetchFrom;
      if (records <= 0 || state.inFlight || state.paused) continue;
      if (budget <= 0 && !urgent.includes(state)) continue;
      const maxBytes = Math.max(1, Math.min(state.size.bytesFor(records), maxRequestBytes, budget));
      requests.push({ topic: state.topic, partition: state.partition, offset: state.fetchFrom, maxBytes });
      budget -= maxBytes;
    }
    if (requests.length > 0) this.#fetch(requests);
  }

  /** Asks for the first records of partitions whose record size is not known yet. */
  sample(states: readonly PartitionState[], maxBytes: number): void {
    const free = states.filter((state) => !state.inFlight && !state.paused);
    if (free.length === 0) return;
    this.#fetch(free.map(({ topic, partition, fetchFrom }) => ({ topic, partition, offset: fetchFrom, maxBytes })));
  }

  close(): void {
    this.#fetches.unsubscribe();
    this.#abort.abort();
    for (const state of this.#partitions.values()) state.readers.length = 0;
  }

  get #buffered(): number {
    let bytes = 0;
    for (const state of this.#partitions.values()) bytes += state.buffered;
    return bytes;
  }

  #fetch(requests: readonly FetchRequest[]): void {
    const waiting = new Map(requests.map((request) => [partitionKey(request), request]));
    const maxBytes = requests.reduce((sum, request) => sum + request.maxBytes, 0);
    for (const key of waiting.keys()) this.#stateOf(key).inFlight = true;
    this.#requested += maxBytes;
    const settle = (keys: Iterable<string>): void => {
      for (const key of keys) {
        const request = waiting.get(key);
        if (!request) continue;
        waiting.delete(key);
        this.#requested -= request.maxBytes;
        this.#stateOf(key).inFlight = false;
      }
    };
    const options = { maxWait, maxBytes, signal: this.#abort.signal };
    const subscription = new Subscription();
    this.#fetches.add(subscription);
    subscription.add(
      defer(() => this.#client.fetch(requests, options)).subscribe({
        next: (fetched) => {
          settle(fetched.map(partitionKey));
          for (const partition of fetched) this.#receive(partition);
          // One that brings nothing while others do had no room left in the answer.
          if (!fetched.some(({ records, error }) => records || error)) this.#pause(fetched.map(partitionKey));
          // Asked for before what came is decoded: the log works on the next answer meanwhile.
          this.pump();
          this.arrivals.next();
        },
        error: (error: unknown) => this.arrivals.error(error),
        complete: () => {
          this.#fetches.remove(subscription);
          const unanswered = [...waiting.keys()];
          settle(unanswered);
          this.#pause(unanswered);
          this.arrivals.next();
        },
      }),
    );
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
    }, emptyPause);
    this.#fetches.add(pause);
  }

  #receive(fetched: FetchedPartition): void {
    const state = this.#stateOf(partitionKey(fetched));
    // Asked for before the log was found to be made anew.
    if (fetched.offset !== state.fetchFrom) return;
    if (fetched.error) {
      this.#refused(state, fetched);
      return;
    }
    state.latest = Math.max(state.latest, fetched.latest);
    const { records } = fetched;
    if (!records) return;
    this.#received += fetched.bytes;
    state.size.observe(records.end - fetched.offset, fetched.bytes);
    state.readers.push(records);
    state.fetchFrom = records.end;
  }

  /** The log has not got the offset any more: fail, or go on at an end of the log and note what is lost. */
  #refused(state: PartitionState, { error, earliest, latest }: FetchedPartition): void {
    const policy = this.#options.offsetOutOfRange;
    if (!(error instanceof OffsetOutOfRangeError) || policy === 'error') {
      this.arrivals.error(error);
      return;
    }
    const { topic, partition, fetchFrom } = state;
    const { position, lost } = passOver({ topic, partition, offset: fetchFrom }, earliest, latest, policy);
    this.#lost.push(lost);
    state.latest = latest;
    if (position.offset < fetchFrom) state.moveTo(position.offset);
    else state.skipTo(position.offset);
  }

  #stateOf(key: string): PartitionState {
    return this.#partitions.get(key) as PartitionState;
  }
}
