import { EMPTY, Observable, type SchedulerLike } from 'rxjs';
import { scheduleAfter } from '../backpressure/longDelay.js';
import { inTurn } from '../observables/inTurn.js';
import { SerialQueue } from './serialQueue.js';

/** How long a batch waits for its commit, in ms. */
const patienceMs = 1_000;

/**
 * Commits one batch after the other, in order. A batch waits for its own commit, but not for one that is late: the broker that keeps the
 * offsets of a group may be away while those that have the records are not. What is late is still committed before anything that
 * follows, and fails the stream once it takes longer than it may.
 */
export class CommitLane {
  readonly #queue: SerialQueue<Observable<unknown>>;
  readonly #scheduler: SchedulerLike;
  /** One was late: until the lane has caught up nothing waits for it. */
  #late = false;

  constructor(scheduler: SchedulerLike, on: { readonly fail: (error: unknown) => void; readonly drained: () => void }) {
    this.#scheduler = scheduler;
    const drained = () => {
      this.#late = false;
      on.drained();
    };
    this.#queue = new SerialQueue((commit) => commit, { fail: on.fail, drained });
  }

  /** Whether everything is committed. */
  get idle(): boolean {
    return this.#queue.idle;
  }

  /** Completes when `work` has, or when it is late. Unsubscribing does not end the work. */
  commit(work: Observable<unknown>): Observable<never> {
    return new Observable((subscriber) => {
      const done = () => {
        subscriber.complete();
        return EMPTY;
      };
      this.#queue.push(inTurn([() => work, done]));
      if (subscriber.closed) return undefined;
      if (this.#late) subscriber.complete();
      return scheduleAfter(this.#scheduler, patienceMs, () => {
        this.#late = true;
        subscriber.complete();
      });
    });
  }

  /** Ends what is under way, and drops the rest. */
  close(): void {
    this.#queue.close();
  }
}
