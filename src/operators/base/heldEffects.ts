import { concat, defer, Observable, type ObservableInput, type OperatorFunction, type Subscriber } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import type { Hold } from '../../batch/hold.js';
import { derivedFrom } from '../../batch/lineage.js';
import type { EffectDescription } from '../../batch/monitoring/effectRunner.js';
import { Fifo } from '../../collections/fifo.js';
import { follow } from '../../observables/follow.js';
import { Listener } from '../../observables/listener.js';

type Effect<T, R> = (batch: Batch<T>) => ObservableInput<Batch<R>>;

/**
 * Makes every asynchronous operator. On arrival each batch is held and its effect started (or, with `overlap` false, started
 * when the one before has settled). When the effect has completed, its last value (a batch) passes on, in the order of the
 * batches even if effects overlap; then the hold is released, so that an operator further down can take its own before the
 * batch completes. An effect that fails also fails the batch; one that is unsubscribed before it has settled abandons it.
 */
export function heldEffects<T, R>(
  effect: Effect<T, R>,
  overlap: boolean,
  described?: EffectDescription,
): OperatorFunction<Batch<T>, Batch<R>> {
  return (source) => {
    const results = new Observable<Batch<R>>((subscriber) => {
      const effects = new HeldEffects(effect, overlap, described, subscriber);
      const arrivals = new Listener<Batch<T>>(
        (error) => subscriber.error(error),
        () => effects.end(),
        (batch) => effects.add(batch),
      );
      // Where the subscriber leaves, the source ends before its batches are abandoned.
      subscriber.add(arrivals);
      subscriber.add(() => effects.close());
      source.subscribe(arrivals);
    });
    return derivedFrom(results, source);
  };
}

/** The batches of one subscription whose effects have not passed on, in their order. */
class HeldEffects<T, R> {
  readonly #effect: Effect<T, R>;
  readonly #overlap: boolean;
  readonly #described: EffectDescription | undefined;
  readonly #subscriber: Subscriber<Batch<R>>;
  readonly #held = new Fifo<HeldEffect<T, R>>();
  /** No batch follows. */
  #isEnding = false;
  #isPassingOn = false;

  constructor(
    effect: Effect<T, R>,
    overlap: boolean,
    described: EffectDescription | undefined,
    subscriber: Subscriber<Batch<R>>,
  ) {
    this.#effect = effect;
    this.#overlap = overlap;
    this.#described = described;
    this.#subscriber = subscriber;
  }

  add(batch: Batch<T>): void {
    try {
      const held = new HeldEffect<T, R>(batch, () => this.#passOn());
      this.#held.push(held);
      if (this.#overlap) held.start(this.#effect, this.#described);
      this.#passOn();
    } catch (error) {
      // A batch that is complete cannot be held, and what emits it, such as `observeOn`, may not catch that.
      this.#subscriber.error(error);
    }
  }

  end(): void {
    this.#isEnding = true;
    this.#passOn();
  }

  /** Abandons what has not passed on. */
  close(): void {
    for (const held of this.#held.takeWhile(() => true)) held.abandon();
  }

  /** Passes on, from the oldest, what has settled. */
  #passOn(): void {
    if (this.#isPassingOn) return;
    this.#isPassingOn = true;
    const subscriber = this.#subscriber;
    for (let held = this.#held.first; held && !subscriber.closed; held = this.#held.first) {
      held.start(this.#effect, this.#described);
      if (!held.settled) break;
      this.#held.shift();
      held.passOn(subscriber);
    }
    this.#isPassingOn = false;
    if (this.#isEnding && this.#held.size === 0) subscriber.complete();
  }
}

/** A batch whose effect has not passed on. */
class HeldEffect<T, R> {
  readonly #batch: Batch<T>;
  readonly #hold: Hold;
  readonly #passOn: () => void;
  #running: Listener<Batch<R>> | undefined;
  #value: Batch<R> | undefined;
  #failure: { readonly error: unknown } | undefined;
  settled = false;

  /** `settles` is called when it has settled, unless that is at its start. */
  constructor(batch: Batch<T>, settles: () => void) {
    this.#batch = batch;
    this.#passOn = settles;
    this.#hold = batch.context.hold(() => this.#aborted());
  }

  /** Once: later calls do nothing. */
  start(effect: Effect<T, R>, described: EffectDescription | undefined): void {
    // Aborted while it waited for its turn: its effect does not start.
    if (this.#running || this.settled) return;
    const batch = this.#batch;
    const { effects, state } = batch.context;
    const { restoring } = state;
    // Now, not when its turn comes: a batch that has failed must not wait for those before it.
    const failed = (error: unknown): void => {
      this.#failure = { error };
      if (described) effects?.failed(described, error);
      this.#hold.fail(error);
      this.#settle();
    };
    const running = new Listener<Batch<R>>(
      failed,
      () => this.#settle(),
      (value) => {
        this.#value = value;
      },
    );
    this.#running = running;
    const run = restoring
      ? () =>
          concat(
            restoring,
            defer(() => effect(batch)),
          )
      : () => effect(batch);
    if (effects && described) effects.follow(described, run, running);
    else follow(run, running);
  }

  passOn(subscriber: Subscriber<Batch<R>>): void {
    if (!this.#failure) {
      const value = this.#value;
      if (value) subscriber.next(value);
      this.#hold.release();
    }
    // The batch has failed by it; some streams start again by themselves.
    else if (!this.#batch.context.run.restarts) subscriber.error(this.#failure.error);
  }

  abandon(): void {
    this.#hold.abandon();
    this.#running?.unsubscribe();
  }

  /** A result goes no further. */
  #aborted(): void {
    this.#running?.unsubscribe();
    this.#value = undefined;
    this.#settle();
  }

  #settle(): void {
    this.settled = true;
    this.#passOn();
  }
}
