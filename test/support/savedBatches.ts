import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CheckpointSession, Key, RestoredCheckpoint, StateChange } from 'dstream';
import { from, lastValueFrom } from 'rxjs';
import { expect } from 'vitest';

// Batches that say by themselves whether what is read back is right.

/** Opens the checkpoint of a directory. */
export type Open = (directory: string, snapshotBytes?: number) => Promise<CheckpointSession>;

export const settle = (input: Parameters<typeof from>[0]): Promise<unknown> =>
  lastValueFrom(from(input as never), { defaultValue: undefined });

export const change = (set: StateChange['set'], deleted: StateChange['deleted'] = []): StateChange => ({
  id: 'counts',
  operator: 'updateStateByKey',
  signature: '',
  version: 0,
  set,
  deleted,
});

/** Lets a session read a state as the registry does, and gives that state, restored. */
function attach(session: CheckpointSession): Map<Key, unknown> {
  const state = new Map(session.restored?.state('counts')?.entries());
  const { id, operator, signature, version } = change([]);
  session.attach?.({ id, operator, signature, version, size: () => state.size, entries: () => state.entries() });
  return state;
}

/**
 * Batch n, at time 10 n, sets key n mod 5 to n and deletes key (n + 2) mod 5. `onSaved` is told when it is saved. In the end
 * comes a batch that is cut off and not saved, as when an output fails.
 */
export async function writeBatches(
  open: Open,
  directory: string,
  from: number,
  until: number,
  snapshotBytes?: number,
  onSaved: (n: number) => void = () => {},
): Promise<void> {
  const session = await open(directory, snapshotBytes);
  try {
    const state = attach(session);
    for (let n = from; n < until; n++) {
      const time = 10 * n;
      const range = { topic: 't', partition: 0, from: n - 1, until: n };
      await settle(session.plan({ time, zeroTime: 0, interval: 10, ranges: { s: [range] } }));
      const positions = { s: [{ topic: 't', partition: 0, offset: n }] };
      state.set(n % 5, n);
      state.delete((n + 2) % 5);
      const changes = [session.encode(change([[n % 5, n]], [(n + 2) % 5]))];
      await turns(n % 5);
      await settle(session.save({ time, zeroTime: 0, interval: 10, positions, changes }));
      onSaved(n);
      await turns(n % 3);
    }
    state.set('never saved', until);
    session.encode(change([['never saved', until]]));
    await turns(until % 8);
  } finally {
    await settle(session.close());
  }
}

/** As between two ticks, or while an output works: a snapshot may be written meanwhile. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await nextTurn();
}

/** Reads a directory: which batch it ends with, after checking that state and position are of that batch. */
export async function readBack(open: Open, directory: string): Promise<number> {
  const session = await open(directory);
  try {
    return checkedBatch(session.restored);
  } finally {
    await settle(session.close());
  }
}

/** The batch that a checkpoint ends with, 0 for none, after checking that state, position and plan are of that batch. */
export function checkedBatch(restored: RestoredCheckpoint | undefined): number {
  if (!restored) return 0;
  const n = restored.time / 10;
  expect(new Map(restored.state('counts')?.entries())).toEqual(expectedAfter(n));
  if (n > 0) expect(restored.positions).toEqual({ s: [{ topic: 't', partition: 0, offset: n }] });
  expect(restored.planned.map(({ time }) => time)).toEqual(restored.planned.length === 0 ? [] : [10 * (n + 1)]);
  return n;
}

/** What the state is after batch n. */
function expectedAfter(n: number): ReadonlyMap<number, number> {
  const state = new Map<number, number>();
  for (let i = 1; i <= n; i++) {
    state.set(i % 5, i);
    state.delete((i + 2) % 5);
  }
  return state;
}
