import { Batch, type BatchRun, type Checkpoint, type CheckpointSession, memoryCheckpoint } from 'dstream';
import { from, type Observable, type OperatorFunction, Subject } from 'rxjs';
import { OpenBatch } from '../../src/driver/openBatch.js';
import { StateRegistry } from '../../src/state/stateRegistry.js';

const run: BatchRun = { closed: false, open: [], whenClosed: () => {} };

/** The records of one batch, and its time. */
export type TimedRecords<T> = readonly [time: number, records: readonly T[]];

export interface FeedOptions {
  /** @default 1 */
  readonly interval?: number;
  /** @default 0 */
  readonly zeroTime?: number;
  /**
   * After which batches everything ends and begins again from the checkpoint: none, or each. In the second case each
   * batch is also processed once before, and lost with what it did to the state, as in a crash.
   * @default 'never'
   */
  readonly restart?: 'never' | 'at-each';
  /** @default a new one */
  readonly checkpoint?: Checkpoint;
}

/**
 * Gives batches to an operator, at any rising times, and tells what comes out: without a driver, so that thousands of
 * cases take a second.
 */
export function feed<T, R>(
  batches: readonly TimedRecords<T>[],
  make: () => OperatorFunction<Batch<T>, Batch<R>>,
  options: FeedOptions = {},
): readonly TimedRecords<R>[] {
  const { interval = 1, zeroTime = 0, restart = 'never', checkpoint = memoryCheckpoint() } = options;
  const results: TimedRecords<R>[] = [];
  let running: Running<T, R> | undefined;
  for (const [time, records] of batches) {
    if (restart === 'at-each') {
      start(checkpoint, make).give({ time, records, interval, zeroTime }).end();
      running = undefined;
    }
    running ??= start(checkpoint, make);
    running.give({ time, records, interval, zeroTime });
    results.push(...running.takeResults());
    running.save({ time, interval, zeroTime });
    if (restart === 'at-each') running.end();
  }
  return results;
}

interface Tick {
  readonly time: number;
  readonly interval: number;
  readonly zeroTime: number;
}

interface Running<T, R> {
  give(batch: Tick & { readonly records: readonly T[] }): Running<T, R>;
  takeResults(): readonly TimedRecords<R>[];
  save(tick: Tick): void;
  end(): void;
}

function start<T, R>(checkpoint: Checkpoint, make: () => OperatorFunction<Batch<T>, Batch<R>>): Running<T, R> {
  let session: CheckpointSession | undefined;
  (checkpoint.open() as Observable<CheckpointSession>).subscribe((opened) => {
    session = opened;
  });
  const registry = new StateRegistry(session);
  const source = new Subject<Batch<T>>();
  let results: TimedRecords<R>[] = [];
  let failure: { readonly error: unknown } | undefined;
  const subscription = source.pipe(make()).subscribe({
    // A copy, because a function may change its state in place.
    next: ({ context, records }) => results.push([context.time, structuredClone(records)]),
    error: (error) => {
      failure = { error };
    },
  });
  const running: Running<T, R> = {
    give({ records, ...tick }) {
      const events = { complete: () => {}, fail: () => {} };
      const context = new OpenBatch({ ...tick, inputs: {}, state: registry, run }, events, () => 0);
      const hold = context.hold();
      source.next(new Batch([{ index: 0, records }], context));
      hold.release();
      if (failure) throw failure.error;
      return running;
    },
    takeResults() {
      const taken = results;
      results = [];
      return taken;
    },
    save: (tick) => {
      if (session) from(session.save({ ...tick, positions: {}, changes: registry.takeChanges(tick.time) })).subscribe();
    },
    end: () => subscription.unsubscribe(),
  };
  return running;
}
