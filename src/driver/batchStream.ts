// A project that compiles against this need not have it among its libs.
/// <reference lib="esnext.disposable" preserve="true" />
import { Observable, type Subscriber } from 'rxjs';
import { type Announcements, collectAnnouncements } from '../batch/announcements.js';
import type { Batch } from '../batch/batch.js';
import { derivedFrom } from '../batch/lineage.js';
import type { StreamSnapshot } from '../batch/monitoring/streamSnapshot.js';
import { offerSegments, type Segment } from '../batch/segment.js';
import { checkOptions, type OptionChecks } from '../options/checkOptions.js';
import { checkNonNegative } from '../options/checks.js';
import type { Driver } from './restartingDriver.js';
import type { StopOptions, StopReport } from './stopReport.js';

/** Subscribes to a stream and returns the driver that serves the subscription. */
export type SubscribeBatches<T> = (subscriber: Subscriber<Batch<T>>) => { driver: Driver; close(): void };

const stopChecks: OptionChecks<StopOptions> = { drainTimeout: checkNonNegative };

/**
 * An Observable of batches, one an interval, that can be stopped gracefully.
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches } from 'dstream';
 *
 * const words = fromBatches([['a'], ['b']], { interval: 5, emptyAfter: Infinity });
 * words.pipe(foreachBatch((records) => console.log(records))).subscribe(async ({ context }) => {
 *   if (context.inputs.batches?.lag === 0) await words.stop();
 * });
 * // => [ 'a' ]
 * // => [ 'b' ]
 * ```
 */
export class BatchStream<T> extends Observable<Batch<T>> implements AsyncDisposable {
  readonly #drivers: Drivers;
  readonly #drainTimeout: number;

  /** @internal `kafkaBatches`, `fromBatches` and similar functions create streams. */
  constructor(
    interval: number,
    announcements: Announcements,
    subscribe: SubscribeBatches<T>,
    segments?: SubscribeBatches<Segment<T>>,
  ) {
    const drivers: Drivers = { running: new Set(), latest: undefined };
    super(listed(drivers, subscribe));
    collectAnnouncements(this, announcements);
    if (segments) offerSegments(this, derivedFrom(new Observable(listed(drivers, segments)), this));
    this.#drivers = drivers;
    this.#drainTimeout = 10 * interval;
  }

  /**
   * Stops every subscription of this stream: no further batch is planned, those that are planned are finished and
   * saved, then the subscribers complete. Unsubscribing, in contrast, aborts what is open. A subscription that has failed and
   * waits to be tried again (`retry` with a delay) is not running: unsubscribe it.
   *
   * The function of an output cannot wait for it, because the stream waits for that function. If it calls `stop`, the promise resolves at once,
   * and its report names the batches that are `unfinished`: they are finished and saved when the function has settled. Where the call
   * cannot be told apart from others (behind an `await` in Firefox and Safari, and in callbacks of timers and events), call it without
   * waiting: `void stream.stop()`. One that waits there is aborted after `drainTimeout`, and its batch is replayed at the next start.
   */
  async stop(options: StopOptions = {}): Promise<StopReport> {
    checkOptions('stop', options, stopChecks);
    const drainTimeout = options.drainTimeout ?? this.#drainTimeout;
    const stopping = [...this.#drivers.running].map(
      (driver) => new Promise<StopReport>((resolve) => driver.stop(drainTimeout, resolve)),
    );
    const reports = await Promise.all(stopping);
    const unfinished = reports.flatMap((report) => report.unfinished ?? []);
    return {
      completed: reports.flatMap((report) => report.completed),
      aborted: reports.flatMap((report) => report.aborted),
      ...(unfinished.length > 0 && { unfinished }),
    };
  }

  /**
   * Everything that can be known of the latest subscription now; `undefined` before the first. It is computed when asked for
   * and costs nothing otherwise. Times are ms of the scheduler's clock.
   */
  snapshot(): StreamSnapshot | undefined {
    return this.#drivers.latest?.snapshot();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

interface Drivers {
  readonly running: Set<Driver>;
  latest: Driver | undefined;
}

/** Keeps the driver of each subscription among `drivers` while it lasts. */
function listed<T>(drivers: Drivers, subscribe: SubscribeBatches<T>): (subscriber: Subscriber<Batch<T>>) => () => void {
  return (subscriber) => {
    const { driver, close } = subscribe(subscriber);
    drivers.running.add(driver);
    drivers.latest = driver;
    return () => {
      drivers.running.delete(driver);
      close();
    };
  };
}
