import { type BatchRun, mapWithState, type Pair, updateStateByKey } from 'dstream';
import { type OperatorFunction, Subject } from 'rxjs';
import { Batch } from '../../src/batch/batch.js';
import { OpenBatch } from '../../src/driver/openBatch.js';
import type { CheckpointSession } from '../../src/state/checkpoint.js';
import { StateRegistry } from '../../src/state/stateRegistry.js';

export interface Count {
  n: number;
}

const interval = 1_000;

/** One operator over given keys, fed batch by batch: what a batch costs between source and output. */
export class Feed {
  readonly registry: StateRegistry;
  readonly #batches = new Subject<Batch<Pair<string, number>>>();
  #time = 0;

  constructor(operator: OperatorFunction<Batch<Pair<string, number>>, Batch<unknown>>, session?: CheckpointSession) {
    this.registry = new StateRegistry(session);
    this.#batches.pipe(operator).subscribe();
  }

  get time(): number {
    return this.#time;
  }

  /** Returns the time on the clock, and of the processor, which other processes do not lengthen; in ms. */
  next(records: readonly Pair<string, number>[]): { readonly clock: number; readonly cpu: number } {
    this.#time += interval;
    const fields = { time: this.#time, interval, zeroTime: 0, inputs: {}, state: this.registry, run };
    const context = new OpenBatch(fields, { complete: () => {}, fail: raise }, () => 0);
    const batch = new Batch([{ index: 0, records }], context);
    const hold = context.hold();
    const cpuBefore = process.cpuUsage();
    const begun = performance.now();
    this.#batches.next(batch);
    const clock = performance.now() - begun;
    const { user, system } = process.cpuUsage(cpuBefore);
    hold.release();
    this.registry.completed(this.#time);
    return { clock, cpu: (user + system) / 1_000 };
  }
}

const run: BatchRun = { closed: false, open: [], whenClosed: () => {} };

function raise(error: unknown): void {
  throw error;
}

/** Made as they are read: a list of all would take more memory than their state. */
export function initialCounts(keys: number): Iterable<readonly [string, Count]> {
  return {
    *[Symbol.iterator]() {
      for (let i = 0; i < keys; i++) yield [nameOf(i), { n: 0 }];
    },
  };
}

export function nameOf(i: number): string {
  return `customer-${i}`;
}

/** Records with keys picked at random: from a tenth of them nine times in ten, when `skewed`. */
export function pick(keys: number, records: number, skewed = false): Pair<string, number>[] {
  return Array.from({ length: records }, () => {
    const range = skewed && Math.random() < 0.9 ? keys / 10 : keys;
    return [nameOf(Math.floor(Math.random() * range)), 1] as const;
  });
}

export const touched = (initialState?: Iterable<readonly [string, Count]>) =>
  updateStateByKey<string, number, Count>(
    (values, state) => {
      const count = state ?? { n: 0 };
      count.n += values.length;
      return count;
    },
    { id: 'counts', call: 'touched', ...(initialState && { initialState }) },
  );

export const mapped = (initialState?: Iterable<readonly [string, Count]>) =>
  mapWithState<string, number, Count, void>(
    (_, value, state) => state.update({ n: (state.get()?.n ?? 0) + (value ?? 0) }),
    { id: 'counts', ...(initialState && { initialState }) },
  );
