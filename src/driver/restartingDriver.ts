import { Subscription } from 'rxjs';
import { backOff, scheduleAfter } from '../backpressure/longDelay.js';
import type { BatchRun } from '../batch/batchContext.js';
import { DStreamError } from '../batch/errors.js';
import type { StreamSnapshot } from '../batch/monitoring/streamSnapshot.js';
import type { BatchDriver } from './batchDriver.js';
import type { ResolvedDriverOptions } from './driverOptions.js';
import type { DriverOutput, FailedRun, Restart } from './driverOutput.js';
import { FailingBatches, mayBeOfRecords } from './failingBatches.js';
import type { Finish } from './stopReport.js';

/** What serves a subscription: one run after another, or a single one. */
export interface Driver {
  /** The run that is going on, or went on last. */
  readonly run: BatchRun;
  /** The time of the batch that is being dispatched. */
  readonly dispatching: number | undefined;
  /** How many holds have been taken of that batch. */
  readonly claims: number;
  start(): void;
  close(): void;
  stop(drainTimeout: number, finish: Finish): void;
  /** As `stop`, but finishes only the batches that are open; those that are planned stay in the checkpoint. */
  release(drainTimeout: number, finish: Finish): void;
  snapshot(): StreamSnapshot;
  missed(name: string): void;
}

/** Creates the driver of one run, which lets batches in `failing` have only some of their records. */
type NewDriver = (output: DriverOutput, failing: FailingBatches) => BatchDriver;

/**
 * Starts a failed stream again, from its checkpoint, for the same subscribers: with a new driver after a pause that doubles until a
 * batch gets through. What cannot succeed another time fails the stream at once.
 */
export class RestartingDriver implements Driver {
  readonly #options: ResolvedDriverOptions;
  readonly #newDriver: () => BatchDriver;
  readonly #output: DriverOutput;
  readonly #failing: FailingBatches;
  readonly #pause = new Subscription();
  #driver: BatchDriver;
  /** Failures since a batch got through. */
  #failures = 0;
  #waiting = false;
  #left = false;

  constructor(options: ResolvedDriverOptions, output: DriverOutput, newDriver: NewDriver) {
    this.#options = options;
    this.#output = output;
    this.#failing = new FailingBatches(options.onBatchError);
    const supervised: DriverOutput = {
      next: (name, batch) => output.next(name, batch),
      complete: () => output.complete(),
      saved: (time) => {
        this.#failures = 0;
        this.#failing.saved(time);
      },
      restart: (failed) => (this.#left ? undefined : this.#restartOf(failed)),
      error: (error, restart) => {
        if (restart) this.#restart(restart);
        else if (!this.#left) output.error(error);
      },
      closed: () => {
        if (!this.#waiting) output.closed?.();
      },
    };
    this.#newDriver = () => newDriver(supervised, this.#failing);
    this.#driver = this.#newDriver();
  }

  get run(): BatchRun {
    return this.#driver.run;
  }

  get dispatching(): number | undefined {
    return this.#driver.dispatching;
  }

  get claims(): number {
    return this.#driver.claims;
  }

  start(): void {
    this.#driver.start();
  }

  close(): void {
    const waiting = this.#waiting;
    this.#waiting = false;
    // Also one that has failed, and is still closing.
    this.#left = true;
    this.#pause.unsubscribe();
    this.#driver.close();
    if (waiting) this.#output.closed?.();
  }

  stop(drainTimeout: number, finish: Finish): void {
    if (this.#waiting) this.#stopWaiting(finish);
    else this.#driver.stop(drainTimeout, finish);
  }

  release(drainTimeout: number, finish: Finish): void {
    if (this.#waiting) this.#stopWaiting(finish);
    else this.#driver.release(drainTimeout, finish);
  }

  #stopWaiting(finish: Finish): void {
    this.#waiting = false;
    this.#pause.unsubscribe();
    this.#driver.close();
    this.#output.complete();
    finish({ completed: [], aborted: [] });
    this.#output.closed?.();
  }

  snapshot(): StreamSnapshot {
    return this.#driver.snapshot();
  }

  missed(name: string): void {
    this.#driver.missed(name);
  }

  /** Whether, and when, the stream starts again after an error. */
  #restartOf({ error, time, stage, attempts, records }: FailedRun): Restart | undefined {
    const { retry } = this.#options;
    if (!retry) return undefined;
    const isFinal = error instanceof DStreamError && !error.retriable;
    const failed = mayBeOfRecords(error, stage) ? time : undefined;
    const failing = this.#failing;
    // Not what befalls the dead letters of a batch that is given up.
    if (failed !== undefined && failing.portionOf(failed) > 0) failing.failed(failed, error);
    // Halving takes no patience: what gets through stays, and a record that is alone is tried as often as a batch.
    const halved = failed !== undefined && failing.isSuspect(failed) && failing.halve(failed, records);
    // Those of a batch that was halved are not all its own.
    const failures =
      time === undefined || failing.isReduced(time) ? this.#failures : Math.max(this.#failures, attempts);
    if (!halved && !isFinal && failures < retry.count) return this.#next(retry);
    if (!halved && (failed === undefined || !failing.reduce(failed, records))) return undefined;
    // It is another batch now.
    this.#failures = 0;
    const restart = this.#next(retry);
    this.#failures = 0;
    return restart;
  }

  #next(retry: Parameters<typeof backOff>[0]): Restart {
    const delay = backOff(retry, this.#failures);
    this.#failures++;
    return { attempt: this.#failures, delay };
  }

  #restart({ delay }: Restart): void {
    this.#waiting = true;
    const again = () => {
      this.#waiting = false;
      this.#driver = this.#newDriver();
      this.#driver.start();
    };
    this.#pause.add(scheduleAfter(this.#options.scheduler, delay, again));
  }
}
