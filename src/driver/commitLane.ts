import { EMPTY, Observable, type ObservableInput } from 'rxjs';
import { scheduleAfter } from '../backpressure/longDelay.js';
import type { Steps } from '../observables/steps.js';
import { SerialQueue, type SerialQueueEvents, type StepLimit, type Turn } from './serialQueue.js';

/** How long a batch waits for its commit, in ms. */
const patienceMs = 1_000;

/** What a batch has to commit. */
export interface Commit {
  /** The batch. */
  readonly time: number;
  work(): ObservableInput<unknown>;
  committed(): void;
}

interface Waiting {
  readonly commit: Commit;
  isDone: boolean;
  done(): void;
}

/**
 * Commits one batch after the other, in order. A batch waits for its own commit, but not for one that is late: the broker that keeps the
 * offsets of a group may be away while those that have the records are not. What is late is still committed before anything that
 * follows, and fails the stream once it takes longer than it may.
 */
export class CommitLane {
  readonly #queue: SerialQueue<Waiting>;
  readonly #limit: StepLimit;
  /** One was late: until the lane has caught up nothing waits for it. */
  #late = false;

  constructor(limit: StepLimit, events: SerialQueueEvents) {
    this.#limit = limit;
    const drained = () => {
      this.#late = false;
      events.drained();
    };
    this.#queue = new SerialQueue((waiting, turn) => this.#commit(waiting, turn), { ...events, drained }, limit);
  }

  /** Whether everything is committed. */
  get idle(): boolean {
    return this.#queue.idle;
  }

  /** The commit begins at once where nothing is before it. What it returns completes when it is done, or late; unsubscribing does not end it. */
  commit(commit: Commit): Observable<never> {
    const waiting: Waiting = { commit, isDone: false, done: () => {} };
    this.#queue.push(waiting);
    if (waiting.isDone || this.#late) return EMPTY;
    return new Observable((subscriber) => {
      waiting.done = () => subscriber.complete();
      return scheduleAfter(this.#limit.scheduler, patienceMs, () => {
        this.#late = true;
        subscriber.complete();
      });
    });
  }

  /** Ends what is under way, and drops the rest. */
  close(): void {
    this.#queue.close();
  }

  *#commit(waiting: Waiting, turn: Turn): Steps {
    const { commit } = waiting;
    turn.enter({ stage: 'commit', name: 'committing', time: commit.time });
    yield commit.work();
    turn.leave();
    commit.committed();
    waiting.isDone = true;
    waiting.done();
  }
}
