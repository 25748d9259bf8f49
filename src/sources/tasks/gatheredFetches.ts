import { defer, Observable, type SchedulerLike, type Subscriber, Subscription } from 'rxjs';
import { partitionKey } from '../../batch/topicPartition.js';
import type { FetchedPartition, FetchOptions, FetchRequest, LogClient } from '../log/logClient.js';

interface Want {
  readonly requests: readonly FetchRequest[];
  readonly options: FetchOptions;
  readonly subscriber: Subscriber<readonly FetchedPartition[]>;
}

/** The wants of one broker: one request is under way, and the others wait for it. */
interface Broker {
  waiting: Want[];
  busy: boolean;
}

/** Fetches for several tasks: one request to each broker is under way, with the wants of all tasks that came meanwhile. */
export class GatheredFetches {
  readonly #client: Pick<LogClient, 'fetch' | 'broker'>;
  readonly #scheduler: SchedulerLike;
  readonly #maxBytes: number;
  readonly #brokers = new Map<string, Broker>();

  constructor(client: Pick<LogClient, 'fetch' | 'broker'>, scheduler: SchedulerLike, maxBytes = Infinity) {
    this.#maxBytes = maxBytes;
    this.#client = client;
    this.#scheduler = scheduler;
  }

  /** The requests are of one broker, as those of a source are. */
  fetch(requests: readonly FetchRequest[], options: FetchOptions): Observable<readonly FetchedPartition[]> {
    return new Observable((subscriber) => {
      const [first] = requests;
      const name = (first && this.#client.broker?.(first)) ?? '';
      const broker = this.#brokers.get(name) ?? { waiting: [], busy: false };
      this.#brokers.set(name, broker);
      const want = { requests, options, subscriber };
      broker.waiting.push(want);
      if (!broker.busy) {
        broker.busy = true;
        this.#scheduler.schedule(() => this.#next(broker));
      }
      return () => {
        broker.waiting = broker.waiting.filter((one) => one !== want);
      };
    });
  }

  #next(broker: Broker): void {
    const wants: Want[] = [];
    const later: Want[] = [];
    const wantOf = new Map<string, Want>();
    for (const want of broker.waiting) {
      const keys = want.requests.map(partitionKey);
      // Two sources may read one partition: each where it is, so that one waits.
      if (keys.some((key) => wantOf.has(key))) later.push(want);
      else {
        wants.push(want);
        for (const key of keys) wantOf.set(key, want);
      }
    }
    broker.waiting = later;
    broker.busy = wants.length > 0;
    if (broker.busy) this.#send(wants, wantOf, () => this.#next(broker));
  }

  #send(wants: readonly Want[], wantOf: ReadonlyMap<string, Want>, then: () => void): void {
    const requests = wants.flatMap((want) => want.requests);
    const open = new Set(wantOf.keys());
    const abort = new AbortController();
    const sending = new Subscription();
    let free = true;
    const goOn = (): void => {
      if (free) then();
      free = false;
    };
    // When nobody waits for it any more, the request is given up.
    let listeners = wants.length;
    const left = (): void => {
      if (--listeners > 0) return;
      // An abort costs as much as a task does for a batch: not once all is over.
      if (!sending.closed) abort.abort();
      sending.unsubscribe();
      goOn();
    };
    for (const { subscriber } of wants) subscriber.add(left);
    const options: FetchOptions = {
      maxWait: Math.min(...wants.map((want) => want.options.maxWait)),
      maxBytes: Math.min(
        wants.reduce((sum, want) => sum + want.options.maxBytes, 0),
        this.#maxBytes,
      ),
      signal: abort.signal,
      throttled: (duration) => {
        for (const want of wants) want.options.throttled?.(duration);
      },
    };
    sending.add(
      defer(() => this.#client.fetch(requests, options)).subscribe({
        next: (fetched) => {
          const answers = new Map<Want, FetchedPartition[]>();
          for (const one of fetched) {
            const key = partitionKey(one);
            open.delete(key);
            const want = wantOf.get(key);
            const own = want && answers.get(want);
            if (own) own.push(one);
            else if (want) answers.set(want, [one]);
          }
          // The next request is sent before this response is decoded.
          if (open.size === 0) goOn();
          for (const [{ subscriber }, own] of answers) subscriber.next(own);
        },
        error: (error: unknown) => {
          sending.unsubscribe();
          for (const { subscriber } of wants) subscriber.error(error);
        },
        complete: () => {
          sending.unsubscribe();
          for (const { subscriber } of wants) subscriber.complete();
        },
      }),
    );
  }
}
