import {
  Batch,
  type BatchRun,
  type CheckpointSession,
  memoryCheckpoint,
  type OffsetRange,
  type Partition,
  type StateChange,
} from 'dstream';
import { from, type Observable, type OperatorFunction, Subject } from 'rxjs';
import { eventTimeCountsOf } from '../../src/batch/eventTimeCounts.js';
import { OpenBatch } from '../../src/driver/openBatch.js';
import { StateRegistry } from '../../src/state/stateRegistry.js';

/** How far a batch reads each partition: the offset after its last record, and what the plan says of its end. */
export type PlannedRead = readonly { readonly until: number; readonly end: OffsetRange['end'] }[];

/** What happens to a batch: a crash before it is saved, so that it runs again, or one just after. */
export type Crash = 'none' | 'before' | 'after';

export interface PlanRun<R, L> {
  /** The results of each batch. */
  readonly results: readonly (readonly R[])[];
  readonly late: readonly L[];
  readonly counts: { readonly late: number; readonly partlyLate: number; readonly invalid: number };
  /** The number of entries that are saved of each state, by id. */
  readonly entries: Readonly<Record<string, number>>;
  /** What each batch has saved. */
  readonly saved: readonly (readonly StateChange[])[];
}

/** The operator under test, and a second stream of it. */
export interface Made<T, R, L> {
  readonly operator: OperatorFunction<Batch<T>, Batch<R>>;
  readonly late: Observable<Batch<L>>;
}

const run: BatchRun = { closed: false, open: [], whenClosed: () => {} };

/**
 * Reads partitions as a plan says, batch by batch at times 1, 2 and so on, without a driver, so that thousands of cases take seconds.
 * A batch that runs twice must have the same results, in the same order.
 */
export function runPlan<T, R, L>(
  partitions: readonly (readonly T[])[],
  plan: readonly PlannedRead[],
  crashes: readonly Crash[],
  make: () => Made<T, R, L>,
  checkpoint = memoryCheckpoint(),
): PlanRun<R, L> {
  const results: (readonly R[])[] = [];
  const late: L[] = [];
  const counts = { late: 0, partlyLate: 0, invalid: 0 };
  const saved: (readonly StateChange[])[] = [];
  let life = begin(checkpoint, make);
  let from = partitions.map(() => 0);
  for (const [i, read] of plan.entries()) {
    const time = i + 1;
    const batch = read.map(({ until, end }, partition): Partition<T> => {
      const range = { topic: 't', partition, from: from[partition] as number, until, ...(end && { end }) };
      return { index: partition, records: partitions[partition]?.slice(range.from, until) ?? [], range };
    });
    const crash = crashes[i] ?? 'none';
    let first: string | undefined;
    if (crash === 'before') {
      first = JSON.stringify(life.give(time, batch).results);
      life.end();
      life = begin(checkpoint, make);
    }
    const given = life.give(time, batch);
    if (first !== undefined && first !== JSON.stringify(given.results)) {
      throw new Error(`the batch of time ${time} had ${first} and then ${JSON.stringify(given.results)}`);
    }
    results.push(given.results);
    late.push(...given.late);
    for (const name of ['late', 'partlyLate', 'invalid'] as const) counts[name] += given.counts?.[name] ?? 0;
    saved.push(life.save(time));
    if (crash === 'after') {
      life.end();
      life = begin(checkpoint, make);
    }
    from = read.map(({ until }) => until);
  }
  life.end();
  return { results, late, counts, entries: entriesIn(checkpoint), saved };
}

/** The number of entries that are saved, by state. */
function entriesIn(checkpoint: ReturnType<typeof memoryCheckpoint>): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  (checkpoint.open() as Observable<CheckpointSession>).subscribe(({ restored }) => {
    for (const id of restored?.stateIds ?? []) counts[id] = [...(restored?.state(id)?.entries() ?? [])].length;
  });
  return counts;
}

function begin<T, R, L>(checkpoint: ReturnType<typeof memoryCheckpoint>, make: () => Made<T, R, L>) {
  let session: CheckpointSession | undefined;
  (checkpoint.open() as Observable<CheckpointSession>).subscribe((opened) => {
    session = opened;
  });
  const registry = new StateRegistry(session);
  const source = new Subject<Batch<T>>();
  const made = make();
  let results: R[] = [];
  let late: L[] = [];
  let failure: { readonly error: unknown } | undefined;
  const error = (cause: unknown) => {
    failure = { error: cause };
  };
  const sides = made.late.subscribe({ next: (batch) => late.push(...batch.records), error: () => {} });
  const main = source.pipe(made.operator).subscribe({ next: (batch) => results.push(...batch.records), error });
  return {
    give(time: number, partitions: readonly Partition<T>[]) {
      results = [];
      late = [];
      const events = { complete: () => {}, fail: () => {} };
      const fields = { time, interval: 1, zeroTime: 0, inputs: {}, state: registry, run };
      const context = new OpenBatch(fields, events, () => 0);
      const hold = context.hold();
      source.next(new Batch(partitions, context));
      hold.release();
      if (failure) throw failure.error;
      return { results: structuredClone(results), late, counts: eventTimeCountsOf(context) };
    },
    save(time: number): readonly StateChange[] {
      const changes = registry.takeChanges(time) as readonly StateChange[];
      if (session) from(session.save({ time, interval: 1, zeroTime: 0, positions: {}, changes })).subscribe();
      return changes;
    },
    end: () => {
      main.unsubscribe();
      sides.unsubscribe();
    },
  };
}
