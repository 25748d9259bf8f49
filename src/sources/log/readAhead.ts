import { defer, type SchedulerLike, Subject, Subscription } from 'rxjs';
import { OffsetOutOfRangeError } from '../../batch/errors.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import { partitionKey } from '../../batch/topicPartition.js';
import type { FetchedPartition, FetchRequest, LogClient } from './logClient.js';
import type { PartitionState } from './partitionState.js';
import { passOver } from './startPositions.js';

/** One request asks at most this much of a broker: what comes is decoded while the next answer is on its way. */
const requestBytes = 4 * 1024 * 1024;
/** At most this much of a partition, and not less where more is wanted: what is cut off of a record batch is sent again. */
const maxPartitionBytes = 1024 * 1024;
/** What is asked for of a partition to learn how large its records are. */
const sampleBytes = 64 * 1024;
/** How long a log may wait for records. They are known to be there, so this is only met when a client is out of step. */
const maxWait = 500;
/** How long it leaves a partition alone of which nothing came: a log in memory answers at once, and would for ever. */
const emptyPause = 100;

export interface ReadAheadOptions {
  readonly maxBufferedBytes: number;
  readonly offsetOutOfRange: 'error' | 'earliest' | 'latest';
}

/**
 * Brings in the bytes of what is planned, ahead of the operators and within a byte budget. Never asks beyond the target of a
 * partition, which is what is planned where a rate is set: so the rate of the controller is what reaches the wire. What a
 * record batch brings in surplus stays in the buffer for the next range.
 *
 * One request is in flight for each broker. It asks for no more than the budget leaves, and a broker goes beyond what is
 * asked by one record batch at most, when it has no smaller one to give: so the budget is exceeded by at most one record
 * batch a broker. When the batch that is being read needs bytes and other partitions' hold the budget, theirs are let go
 * and fetched again when their turn comes; nothing else is ever fetched twice.
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
  /** Brokers that have a request in flight. */
  readonly #busy = new Set<string>();
  /** Partitions that the batch which is being read has not come to the end of. */
  #open: ReadonlySet<PartitionState> = new Set();
  #requested = 0;
  #failed = false;
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

  /** The batch that is being read is not done with `open`: those of them of which nothing is there come first from now on. */
  need(open: readonly PartitionState[]): void {
    this.#open = new Set(open);
    this.pump();
  }

  /** Asks for the first records of partitions whose record size is not known yet. */
  sample(states: readonly PartitionState[]): void {
    for (const state of states) state.sampling = !state.paused;
    this.pump();
  }

  /** Asks for what is wanted and not there yet, as far as the budget goes. */
  pump(): void {
    if (this.#failed) return;
    const states = [...this.#partitions.values()];
    const sampled = states.filter(({ sampling }) => sampling);
    const first = new Set([...[...this.#open].filter(({ readers }) => readers.length === 0), ...sampled]);
    const requests = new Map<string, { readonly asked: FetchRequest[]; left: number }>();
    const planned = states.filter((state) => state.fetchFrom < state.planned);
    const wanted = [...new Set([...first, ...planned, ...states])].flatMap((state) => {
      const records = state.target - state.fetchFrom;
      if ((records <= 0 && !state.sampling) || state.inFlight || state.paused) return [];
      const broker = this.#client.broker?.(state) ?? '';
      if (this.#busy.has(broker)) return [];
      const request = requests.get(broker) ?? {
        asked: [],
        left: requestBytes,
      };
      requests.set(broker, request);
      return [{ state, records, request }];
    });
    let free = this.#options.maxBufferedBytes - this.#buffered - this.#requested;
    for (const { state, records, request } of wanted) {
      if (request.left <= 0) continue;
      if (free <= 0 && first.has(state)) free += this.#makeRoom(1 - free);
      if (free <= 0) continue;
      const sample = Math.min(sampleBytes, this.#options.maxBufferedBytes / sampled.length);
      const bytes = state.sampling ? sample : state.size.bytesFor(records);
      const maxBytes = Math.max(1, Math.floor(Math.min(bytes, maxPartitionBytes, request.left, free)));
      const { topic, partition, fetchFrom: offset } = state;
      request.asked.push({ topic, partition, offset, maxBytes });
      request.left -= maxBytes;
      free -= maxBytes;
    }
    for (const [broker, { asked }] of requests) if (asked.length > 0) this.#fetch(broker, asked);
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

  /** Lets go of what the batch that is being read does not need, beginning with what no batch needs yet. Gives the bytes. */
  #makeRoom(bytes: number): number {
    const held = [...this.#partitions.values()].filter(
      (state) => !this.#open.has(state) && !state.inFlight && state.readers.length > 0,
    );
    const idle = held.filter((state) => state.position >= state.planned);
    let freed = 0;
    for (const state of new Set([...idle, ...held])) {
      if (freed >= bytes) break;
      freed += state.buffered;
      state.drop();
    }
    return freed;
  }

  #fetch(broker: string, requests: readonly FetchRequest[]): void {
    const waiting = new Map(requests.map((request) => [partitionKey(request), request]));
    const maxBytes = requests.reduce((sum, request) => sum + request.maxBytes, 0);
    this.#busy.add(broker);
    for (const key of waiting.keys()) this.#stateOf(key).inFlight = true;
    this.#requested += maxBytes;
    let answered = false;
    /** All has come: the next request may go, before this one is complete. */
    const answer = (): void => {
      if (!answered) this.#busy.delete(broker);
      answered = true;
    };
    const settle = (keys: Iterable<string>): void => {
      for (const key of keys) {
        const request = waiting.get(key);
        if (!request) continue;
        waiting.delete(key);
        this.#requested -= request.maxBytes;
        this.#stateOf(key).inFlight = false;
      }
      if (waiting.size === 0) answer();
    };
    const options = { maxWait, maxBytes, signal: this.#abort.signal };
    const subscription = new Subscription();
    this.#fetches.add(subscription);
    subscription.add(
      defer(() => this.#client.fetch(requests, options)).subscribe({
        next: (fetched) => {
          settle(fetched.map(partitionKey));
          for (const partition of fetched) {
            this.#receive(partition);
            this.#stateOf(partitionKey(partition)).sampling = false;
          }
          // One that brings nothing while others do had no room left in the answer.
          if (!fetched.some(({ records, error }) => records || error)) this.#pause(fetched.map(partitionKey));
          // Asked for before what came is decoded: the log works on the next answer meanwhile.
          this.pump();
          this.arrivals.next();
        },
        error: (error: unknown) => this.#fail(error),
        complete: () => {
          this.#fetches.remove(subscription);
          const unanswered = [...waiting.keys()];
          settle(unanswered);
          for (const key of unanswered) this.#stateOf(key).sampling = false;
          this.#pause(unanswered);
          answer();
          this.arrivals.next();
        },
      }),
    );
  }

  /** Nothing is asked for any more: who waits for it is told, or will be. */
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
    state.receive(records, fetched.offset, fetched.bytes);
  }

  /** The log has not got the offset any more: fail, or go on at an end of the log and note what is lost. */
  #refused(state: PartitionState, { error, earliest, latest }: FetchedPartition): void {
    const policy = this.#options.offsetOutOfRange;
    const outOfRange = error instanceof OffsetOutOfRangeError;
    // No batch needs it yet, and one needs what came before it: it is asked for again once it is planned.
    if (outOfRange && state.fetchFrom > state.planned) {
      state.ahead = 0;
      return;
    }
    if (!outOfRange || policy === 'error') {
      this.#fail(error);
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
