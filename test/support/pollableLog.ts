import { type FetchedPartition, type FetchRequest, type LogClient, type MemoryLog, memoryLog } from 'dstream';
import {
  concat,
  concatMap,
  defer,
  filter,
  from,
  ignoreElements,
  map,
  merge,
  type Observable,
  type SchedulerLike,
  Subject,
  take,
  tap,
  timer,
} from 'rxjs';

/** A Fetch, as the broker saw it. */
interface SeenFetch {
  readonly at: number;
  readonly broker: string;
  readonly partitions: readonly FetchRequest[];
  readonly maxWait: number;
  readonly maxBytes: number;
  /** When it was answered; `undefined` as long as it waits. */
  answeredAt?: number;
}

export interface PollableLogOptions {
  readonly partitions: number;
  readonly scheduler: SchedulerLike;
  /** How long a request takes to the broker, and the answer back, in ms each. */
  readonly latency?: number;
  readonly brokerOf?: (partition: number) => string;
  /** Whether the ends of partitions come without leader epochs, as those of partitions that were never written to may. */
  readonly hidesEpochs?: boolean;
  /** Whether a broker is silent now: then a fetch that waits is answered when it is not any more. */
  readonly isSilent?: (broker: string, now: number) => boolean;
}

/** A log in memory whose brokers wait for records as Kafka's do: a fetch is answered when there is a record, or when its time is over. */
export class PollableLog {
  readonly log: MemoryLog;
  readonly client: LogClient;
  readonly fetches: SeenFetch[] = [];
  /** When the ends of partitions were asked for. */
  readonly asked: number[] = [];
  readonly #options: PollableLogOptions;
  readonly #appended = new Subject<void>();

  constructor(options: PollableLogOptions) {
    this.#options = options;
    const { partitions, scheduler, latency = 1, brokerOf = () => '0' } = options;
    this.log = memoryLog({ topics: { t: partitions }, scheduler });
    const { log } = this;
    const overNetwork = <T>(answer: () => Observable<T>): Observable<T> =>
      concat(timer(2 * latency, scheduler).pipe(ignoreElements()), defer(answer));
    this.client = {
      name: 'log',
      longPolls: true,
      connect: log.connect.bind(log),
      partitions: log.partitions.bind(log),
      committed: log.committed.bind(log),
      commit: log.commit.bind(log),
      close: log.close.bind(log),
      diverged: log.diverged.bind(log),
      offsets: (places, point) => {
        if (point === 'latest') this.asked.push(scheduler.now());
        const found = from(log.offsets(places, point));
        if (!options.hidesEpochs) return overNetwork(() => found);
        return overNetwork(() => found.pipe(map((ends) => ends.map(({ leaderEpoch: _, ...end }) => end))));
      },
      broker: ({ partition }) => brokerOf(partition),
      fetch: (requests, { maxWait, maxBytes, signal }) => {
        const [first] = requests as readonly [FetchRequest];
        const seen: SeenFetch = {
          at: scheduler.now(),
          broker: brokerOf(first.partition),
          partitions: requests,
          maxWait,
          maxBytes,
        };
        this.fetches.push(seen);
        return overNetwork(() => this.#answer(seen)).pipe(
          tap(() => {
            seen.answeredAt = scheduler.now();
          }),
          filter(() => !signal?.aborted),
        );
      },
    };
  }

  append(values: readonly string[], partition = 0): void {
    this.log.append(
      't',
      values.map((value) => ({ value, partition })),
    );
    this.#appended.next();
  }

  #answer(seen: SeenFetch): Observable<readonly FetchedPartition[]> {
    const { scheduler, isSilent = () => false, latency = 1 } = this.#options;
    const { partitions, maxBytes, maxWait, broker } = seen;
    const read = () => from(this.log.fetch(partitions, { maxWait: 0, maxBytes }));
    const over = scheduler.now() + maxWait;
    const looks = merge(timer(0, scheduler), this.#appended, timer(maxWait, scheduler));
    return looks.pipe(
      concatMap(read),
      filter((fetched) => scheduler.now() >= over || fetched.some(({ records, error }) => records || error)),
      filter(() => !isSilent(broker, scheduler.now())),
      take(1),
      concatMap((fetched) => timer(latency, scheduler).pipe(map(() => fetched))),
    );
  }
}
