import { Subject, type Subscriber, type Subscription } from 'rxjs';
import type { Batch } from './batch.js';
import { InvalidOptionError } from './errors.js';

/** The end of a side output at which one operator puts its batches in. */
export class SideFeed<T> {
  readonly #option: object;
  /** The subscribers of the present run of the operator, or of the next one. */
  #subscribers = new Subject<Batch<T>>();
  /** The operator that feeds it, while that is subscribed to. */
  #operator: string | undefined;

  constructor(option: object) {
    this.#option = option;
  }

  subscribe(subscriber: Subscriber<Batch<T>>): Subscription {
    return this.#subscribers.subscribe(subscriber);
  }

  next(batch: Batch<T>): void {
    this.#subscribers.next(batch);
  }

  /** @throws {InvalidOptionError} if another operator feeds it */
  begin(operator: string, option: string): void {
    if (this.#operator !== undefined) {
      const rule = `is fed by ${this.#operator} already: each operator, and each subscription of it, needs a side output of its own`;
      throw new InvalidOptionError(operator, option, this.#option, rule);
    }
    this.#operator = operator;
  }

  end(): void {
    this.#operator = undefined;
  }

  /** Takes the subscribers out: what subscribes from now on is for the next run. */
  takeSubscribers(): Subject<Batch<T>> {
    const taken = this.#subscribers;
    this.#subscribers = new Subject();
    return taken;
  }
}
