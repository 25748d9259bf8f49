import {
  type Checkpoint,
  foreachBatch,
  fromBatches,
  mapWithState,
  memoryCheckpoint,
  type Pair,
  updateStateByKey,
} from 'dstream';
import { describe, expect, it } from 'vitest';
import { virtual } from '../support/virtual.js';

type Event = Pair<string, number>;

/** Runs the batches that the checkpoint has not seen yet, by one version of a program. */
function run(checkpoint: Checkpoint, batches: Event[][], operator: ReturnType<typeof byUpdate>): readonly unknown[] {
  const results: unknown[] = [];
  virtual((scheduler) => {
    fromBatches(batches, { interval: 10, checkpoint, scheduler })
      .pipe(
        operator,
        foreachBatch((records) => void results.push(structuredClone(records))),
      )
      .subscribe({ error: (error) => results.push(error.message) });
  });
  return results;
}

/** Version 0 kept a number, version 1 keeps an object. */
const asObject = { version: 1, migrate: (sum: unknown) => ({ sum: sum as number }) } as const;

const byUpdate = (version: 0 | 1) =>
  version === 0
    ? updateStateByKey<string, number, unknown>((values, sum) => values.reduce((a, b) => a + b, (sum as number) ?? 0), {
        id: 's',
        call: 'touched',
      })
    : updateStateByKey<string, number, unknown>(
        (values, state) => ({ sum: values.reduce((a, b) => a + b, (state as { sum: number } | undefined)?.sum ?? 0) }),
        { id: 's', call: 'touched', ...asObject },
      );

const byMap = (version: 0 | 1) =>
  version === 0
    ? mapWithState<string, number, number, Pair<string, unknown>>(
        (key, value = 0, state) => {
          state.update((state.get() ?? 0) + value);
          return [key, state.get()];
        },
        { id: 's' },
      )
    : mapWithState<string, number, { sum: number }, Pair<string, unknown>>(
        (key, value = 0, state) => {
          state.update({ sum: (state.get()?.sum ?? 0) + value });
          return [key, state.get()];
        },
        { id: 's', ...asObject },
      );

describe.each([
  ['updateStateByKey', byUpdate],
  ['mapWithState', byMap],
])('migrate of %s', (_, make) => {
  it('carries every key over, also those that are touched only after one more restart', () => {
    const checkpoint = memoryCheckpoint();
    const first: Event[] = [
      ['a', 1],
      ['b', 2],
    ];
    expect(run(checkpoint, [first], make(0))).toEqual([first]);
    expect(run(checkpoint, [first, [['a', 1]]], make(1))).toEqual([[['a', { sum: 2 }]]]);
    expect(run(checkpoint, [first, [['a', 1]], [['b', 1]]], make(1))).toEqual([[['b', { sum: 3 }]]]);
    expect(run(checkpoint, [first, [], [], [['b', 1]]], make(0))).toEqual([
      'state "s": the checkpoint has version 1, the operator wants version 0: a newer version cannot be read',
    ]);
  });
});

describe('an initial state', () => {
  it('is there for every subscription, though it is an iterator', () => {
    const initial = (): Iterable<readonly [string, number]> => new Map([['a', 10]]).entries();
    const summed = updateStateByKey<string, number, number>((values, sum = 0) => values.reduce((a, b) => a + b, sum), {
      initialState: initial(),
    });
    const counted = mapWithState<string, number, number, number>((_, value = 0, state) => (state.get() ?? 0) + value, {
      initialState: initial(),
    });
    const results: unknown[] = [];
    virtual((scheduler) => {
      const events = fromBatches<Event>([[['a', 1]]], { interval: 10, scheduler });
      for (const _ of [1, 2]) {
        events.pipe(summed).subscribe(({ records }) => results.push(records));
        events.pipe(counted).subscribe(({ records }) => results.push(records));
      }
    });
    expect(results).toEqual([[['a', 11]], [11], [['a', 11]], [11]]);
  });
});
