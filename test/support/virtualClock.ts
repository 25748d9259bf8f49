import { type SchedulerAction, type SchedulerLike, Subscription } from 'rxjs';

type Work<S> = (this: SchedulerAction<S>, state?: S) => void;

interface Timer {
  readonly time: number;
  /** Of two timers of one time, the one that was set first comes first. */
  readonly number: number;
  readonly action: Action<never>;
  readonly state: unknown;
}

interface Clock {
  insert(action: Action<never>, delay: number, state: unknown): void;
  cancelled(): void;
}

/** What was scheduled. Once it is cancelled, it keeps nothing in memory. */
class Action<S> extends Subscription implements SchedulerAction<S> {
  readonly #clock: Clock;
  #work: Work<S> | undefined;

  constructor(clock: Clock, work: Work<S>) {
    super();
    this.#clock = clock;
    this.#work = work;
  }

  schedule(state?: S, delay = 0): Subscription {
    this.#clock.insert(this as Action<never>, delay, state);
    return this;
  }

  run(state: S): void {
    this.#work?.call(this, state);
  }

  override unsubscribe(): void {
    if (!this.closed) this.#clock.cancelled();
    this.#work = undefined;
    super.unsubscribe();
  }
}

/**
 * Virtual time on a heap. RxJS's own keeps all timers that were cancelled, and sorts all of them whenever one is set: most of the time of a long
 * history would go there. All that runs by it must be given it as its scheduler.
 */
export class VirtualClock implements SchedulerLike {
  #heap: Timer[] = [];
  #now = 0;
  #set = 0;
  /** How many of the timers were cancelled, at most. */
  #cancelled = 0;
  readonly #clock: Clock = {
    insert: (action, delay, state) => this.#insert(action, delay, state),
    cancelled: () => {
      this.#cancelled++;
    },
  };

  now(): number {
    return this.#now;
  }

  schedule<S>(work: Work<S>, delay = 0, state?: S): Subscription {
    return new Action<S>(this.#clock, work).schedule(state, delay);
  }

  /** Runs everything that is scheduled, in the order of time, until nothing is left. */
  flush(): void {
    this.#runUntil(Infinity);
  }

  /** What a function calls that does not return for so many ms: everything else goes on. */
  block(ms: number): void {
    const until = this.#now + ms;
    this.#runUntil(until);
    this.#now = until;
  }

  #runUntil(end: number): void {
    while ((this.#heap[0]?.time ?? Infinity) <= end) {
      const timer = this.#pop();
      if (!timer) return;
      this.#now = Math.max(this.#now, timer.time);
      timer.action.run(timer.state as never);
    }
  }

  #insert(action: Action<never>, delay: number, state: unknown): void {
    if (this.#cancelled > 64 && this.#cancelled * 2 > this.#heap.length) this.#forgetCancelled();
    const heap = this.#heap;
    const timer = { time: this.#now + Math.max(delay, 0), number: this.#set++, action, state };
    let at = heap.length;
    heap.push(timer);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (isBefore(heap[parent] as Timer, timer)) break;
      heap[at] = heap[parent] as Timer;
      at = parent;
    }
    heap[at] = timer;
  }

  #forgetCancelled(): void {
    this.#cancelled = 0;
    // What is in order is a heap.
    this.#heap = this.#heap.filter(({ action }) => !action.closed).sort((a, b) => (isBefore(a, b) ? -1 : 1));
  }

  #pop(): Timer | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (heap.length === 0 || !last) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Timer, heap[child] as Timer)) child++;
      if (isBefore(last, heap[child] as Timer)) break;
      heap[at] = heap[child] as Timer;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.time < b.time || (a.time === b.time && a.number < b.number);
}
