import type { SchedulerLike, Subscription } from 'rxjs';
import { scheduleAfter } from '../backpressure/longDelay.js';
import { TimedOutError } from '../batch/errors.js';
import type { FailureStage } from '../batch/monitoring/stage.js';
import { Fifo } from '../collections/fifo.js';
import { StepRunner, type Steps } from '../observables/steps.js';

/** What is done with a batch: its stage in reports, and what it is called in errors, such as `reading`. */
export interface BatchStep {
  readonly stage: FailureStage;
  readonly name: string;
  readonly time: number;
}

/** What the work on an item says of itself. */
export interface Turn {
  /** A step begins, and the one before has ended: it is blamed for what fails, and must not take longer than a step may. */
  enter(step: BatchStep): void;
  /** The step has ended. */
  leave(): void;
}

export interface SerialQueueEvents {
  /** With the step that failed, if one was under way. */
  fail(error: unknown, step?: BatchStep): void;
  /** The last item has been worked off. */
  drained(): void;
}

/** How long a step may take, in ms. */
export interface StepLimit {
  readonly stepTimeout: number;
  readonly scheduler: SchedulerLike;
}

/**
 * Works through items one at a time, in order. Work that settles synchronously is done in a loop, not by recursion, so
 * that thousands of missed ticks cannot overflow the stack.
 */
export class SerialQueue<T> implements Turn {
  readonly #items = new Fifo<T>();
  readonly #work: (item: T, turn: Turn) => Steps;
  readonly #ready: () => boolean;
  readonly #events: SerialQueueEvents;
  readonly #limit: StepLimit;
  readonly #runner: StepRunner;
  /** One timer for all steps: most end long before it, and it is set again only when it fires. */
  #timer: Subscription | undefined;
  #step: BatchStep | undefined;
  #since = 0;
  #closed = false;
  #busy = false;
  #looping = false;

  /** `ready` says whether the next item may start (call `run` when its answer may have changed). */
  constructor(
    work: (item: T, turn: Turn) => Steps,
    events: SerialQueueEvents,
    limit: StepLimit,
    ready: () => boolean = () => true,
  ) {
    this.#work = work;
    this.#events = events;
    this.#limit = limit;
    this.#ready = ready;
    this.#runner = new StepRunner({ done: () => this.#done(), fail: (error) => this.#fail(error) });
  }

  /** The items that have not been started. */
  get waiting(): Iterable<T> {
    return this.#items;
  }

  /** How many items have not been started. */
  get size(): number {
    return this.#items.size;
  }

  get idle(): boolean {
    return !this.#busy && this.#items.size === 0;
  }

  push(item: T): void {
    this.#items.push(item);
    this.run();
  }

  /** Drops what has not been started. */
  clear(): void {
    this.#items.takeWhile(() => true);
  }

  run(): void {
    if (this.#looping) return;
    this.#looping = true;
    while (!this.#busy && !this.#closed && this.#items.size > 0 && this.#ready()) this.#start();
    this.#looping = false;
  }

  enter(step: BatchStep): void {
    this.#step = step;
    const { stepTimeout, scheduler } = this.#limit;
    if (stepTimeout === Infinity) return;
    this.#since = scheduler.now();
    if (!this.#timer) this.#watch(step, stepTimeout);
  }

  leave(): void {
    this.#step = undefined;
  }

  /** Stops the work under way and drops the rest. */
  close(): void {
    this.clear();
    this.#closed = true;
    this.#timer?.unsubscribe();
    this.#runner.close();
  }

  #start(): void {
    const item = this.#items.shift() as T;
    this.#busy = true;
    this.#runner.run(this.#work(item, this));
  }

  #done(): void {
    this.#busy = false;
    this.#step = undefined;
    this.run();
    if (this.idle && !this.#closed) this.#events.drained();
  }

  #fail(error: unknown): void {
    this.#events.fail(error, this.#step);
  }

  /** Sets the timer for a step: when it fires in this one, its time is over whatever the clock says. */
  #watch(step: BatchStep, delay: number): void {
    if (this.#closed) return;
    const { stepTimeout, scheduler } = this.#limit;
    this.#timer = scheduleAfter(scheduler, delay, () => {
      this.#timer = undefined;
      const current = this.#step;
      if (!current) return;
      if (current === step) {
        this.#fail(new TimedOutError(`${current.name} batch ${current.time}`, stepTimeout));
        return;
      }
      // The clock may have been set since it began.
      const left = this.#since + stepTimeout - scheduler.now();
      this.#watch(current, left > 0 && left < stepTimeout ? left : stepTimeout);
    });
  }
}
