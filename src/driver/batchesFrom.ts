import { Subject } from 'rxjs';
import { newAnnouncements } from '../batch/announcements.js';
import type { Batch } from '../batch/batch.js';
import { InvalidOptionError } from '../batch/errors.js';
import { checkOptions } from '../options/checkOptions.js';
import { withMethods } from '../options/checks.js';
import type { Source } from '../sources/source.js';
import { BatchStream } from './batchStream.js';
import { driverChecks } from './driverChecks.js';
import { checkSources, type DriverOptions, type ResolvedDriverOptions, resolveDriverOptions } from './driverOptions.js';
import { newDriver } from './newDriver.js';
import type { Ownership } from './ownership.js';
import type { Driver } from './restartingDriver.js';

/** The records of a source. */
export type RecordOf<S> = S extends Source<infer T> ? T : never;

/** One stream of batches for each source, under its name. */
export type BatchStreams<S extends Readonly<Record<string, Source<unknown>>>> = {
  readonly [N in keyof S]: BatchStream<RecordOf<S[N]>>;
};

/**
 * Drives several sources as one: at every tick each stream gets a batch, all with the same context, so that there is one
 * tick, one completion, one checkpoint and one `BatchInfo` with an input for each. Joins and unions are meant for these.
 *
 * The run is shared: it starts with the first subscription to any of the streams and ends with the last. Where progress
 * is kept, each stream must be listened to all the while, or it fails with an `UnclaimedBatchError` (see `unclaimed`).
 *
 * @throws {InvalidOptionError} if there is no source, or an option is out of its range
 *
 * @example
 * ```ts
 * import { batchesFrom, foreachBatch, memoryLog, logSource, string } from 'dstream';
 *
 * const log = memoryLog({ topics: { clicks: 1, users: 1 } });
 * log.append('clicks', [{ value: 'c1' }]);
 * log.append('users', [{ value: 'u1' }]);
 * const { clicks, users } = batchesFrom(
 *   {
 *     clicks: logSource(log, { topics: ['clicks'], start: 'earliest', deserialize: string() }),
 *     users: logSource(log, { topics: ['users'], start: 'earliest', deserialize: string() }),
 *   },
 *   { interval: 10 },
 * );
 * clicks.pipe(foreachBatch((records) => console.log(records))).subscribe();
 * users.pipe(foreachBatch((records) => console.log(records))).subscribe(() => users.stop());
 * // => [ 'c1' ]
 * // => [ 'u1' ]
 * ```
 */
export function batchesFrom<const S extends Readonly<Record<string, Source<unknown>>>>(
  sources: S,
  options: DriverOptions,
): BatchStreams<S> {
  checkOptions('batchesFrom', options, driverChecks);
  const resolved = resolveDriverOptions('batchesFrom', options);
  if (typeof sources !== 'object' || sources === null || Array.isArray(sources)) {
    throw new InvalidOptionError('batchesFrom', 'sources', sources, 'must be an object of sources by their names');
  }
  const names = Object.keys(sources);
  if (names.length === 0)
    throw new InvalidOptionError('batchesFrom', 'sources', sources, 'must name at least one source');
  for (const name of names) withMethods('open')('batchesFrom', `sources.${name}`, sources[name]);
  checkSources(resolved, sources);
  return streamsOf(sources, resolved);
}

/** One stream for each source, all of one driver. With `ownership` it runs while the work belongs to this process. */
export function streamsOf<const S extends Readonly<Record<string, Source<unknown>>>>(
  sources: S,
  options: ResolvedDriverOptions,
  ownership?: Ownership,
): BatchStreams<S> {
  const shared = new SharedRun(sources, options, ownership);
  const streams = Object.keys(sources).map((name) => [name, shared.stream(name)] as const);
  return Object.fromEntries(streams) as unknown as BatchStreams<S>;
}

interface Run {
  readonly driver: Driver;
  readonly subjects: ReadonlyMap<string, Subject<Batch<unknown>>>;
  /** How many subscriptions there are to all the streams. */
  count: number;
  /** The sources that a subscriber left while a batch was being dispatched, with the time of that batch. */
  readonly left: Map<string, number>;
  /** The sources that a subscriber left while it was handed a batch, before anything of its own had claimed that batch. */
  readonly unclaimed: Set<string>;
}

/** The one driver behind the streams, for as long as any of them is subscribed. */
class SharedRun {
  readonly #sources: Readonly<Record<string, Source<unknown>>>;
  readonly #options: ResolvedDriverOptions;
  readonly #ownership: Ownership | undefined;
  readonly #history = { failed: 0 };
  readonly #announcements = newAnnouncements();
  #run: Run | undefined;

  constructor(
    sources: Readonly<Record<string, Source<unknown>>>,
    options: ResolvedDriverOptions,
    ownership: Ownership | undefined,
  ) {
    this.#sources = sources;
    this.#options = options;
    this.#ownership = ownership;
  }

  stream(name: string): BatchStream<unknown> {
    return new BatchStream(this.#options.interval, this.#announcements, (subscriber) => {
      this.#run ??= this.#start();
      const run = this.#run;
      run.count++;
      let leaving = false;
      const subscription = run.subjects.get(name)?.subscribe({
        next: (batch) => {
          const before = run.driver.claims;
          subscriber.next(batch);
          if (leaving && run.driver.claims === before) run.unclaimed.add(name);
        },
        error: (error) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
      // A `retry()` whose operators failed in the middle of a batch, while other subscribers keep the run alive: this
      // subscriber would go on with the next batch, and the one that failed would be saved.
      const { dispatching } = run.driver;
      if (dispatching !== undefined && run.left.get(name) === dispatching) run.driver.missed(name);
      return {
        driver: run.driver,
        close: () => {
          leaving = true;
          subscription?.unsubscribe();
          if (run.driver.dispatching !== undefined) run.left.set(name, run.driver.dispatching);
          if (--run.count > 0) return;
          if (this.#run === run) this.#run = undefined;
          run.driver.close();
        },
      };
    });
  }

  #start(): Run {
    const left = new Map<string, number>();
    const unclaimed = new Set<string>();
    const subjects = new Map(Object.keys(this.#sources).map((name) => [name, new Subject<Batch<unknown>>()]));
    // After an end the next subscription starts a run of its own, even while late subscribers still leave this one.
    const end = (notify: (subject: Subject<Batch<unknown>>) => void) => {
      if (this.#run?.driver === driver) this.#run = undefined;
      for (const subject of subjects.values()) notify(subject);
    };
    const driver = newDriver(
      this.#sources,
      this.#options,
      {
        next: (name, batch) => {
          const subject = subjects.get(name);
          subject?.next(batch);
          // An operator of RxJS failed in one branch, and others are left: going on would save the batch without that branch.
          return subject?.observed === true && !unclaimed.delete(name);
        },
        error: (error) => end((subject) => subject.error(error)),
        complete: () => end((subject) => subject.complete()),
      },
      this.#history,
      this.#announcements,
      this.#ownership,
    );
    // Not at once: the other streams are still to be subscribed, and a restored run may have batches to replay.
    this.#options.scheduler.schedule(() => driver.start());
    return { driver, subjects, count: 0, left, unclaimed };
  }
}
