import type { CheckpointSession, Key, StateChange } from 'dstream';
import { openFiles } from '../../src/state/file/fileCheckpoint.js';
import { randomOf } from '../crash/records.js';
import { MemoryFiles } from './memoryFiles.js';
import { settle } from './savedBatches.js';

export type States = ReadonlyMap<string, ReadonlyMap<Key, unknown>>;

/** A checkpoint in files, and what it held after each batch, by time. */
export interface KnownFiles {
  readonly files: MemoryFiles;
  readonly after: ReadonlyMap<number, States>;
  readonly time: number;
}

const ids = ['large', 'small', 'other'];
let openings = 0;

/** Some lives of a job by chance, with snapshots that are written while it goes on. */
export async function knownFiles(seed: number, { batches, keys }: { batches: number; keys: number }) {
  const draw = randomOf(seed);
  const below = (n: number) => Math.floor(draw() * n);
  const files = new MemoryFiles();
  const after = new Map<number, States>();
  const states = new Map(ids.map((id) => [id, new Map<Key, unknown>()]));
  const open = async (): Promise<CheckpointSession> => {
    const session = await openFiles(files, `/files/${openings++}`, 4_000);
    for (const id of ids) {
      const state = states.get(id) as Map<Key, unknown>;
      session.attach?.({ id, ...description, size: () => state.size, entries: () => state.entries() });
    }
    return session;
  };
  let session = await open();
  let time = 0;
  for (let n = 1; n <= batches; n++) {
    time = 10 * n;
    if (below(12) === 0) {
      await settle(session.close());
      session = await open();
    }
    const range = { topic: 't', partition: 0, from: n - 1, until: n };
    await settle(session.plan({ time, zeroTime: 0, interval: 10, ranges: { s: [range] } }));
    const changes = ids
      .filter(() => below(3) > 0)
      .map((id) => session.encode(changeOf(id, states.get(id) as Map<Key, unknown>, n, below, keys)));
    for (let turn = below(9); turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve));
    await settle(session.save({ time, zeroTime: 0, interval: 10, positions: positionsAt(time), changes }));
    after.set(time, new Map([...states].map(([id, state]) => [id, new Map(state)])));
  }
  await settle(session.close());
  return { files, after, time };
}

export function positionsAt(time: number) {
  return { s: [{ topic: 't', partition: 0, offset: time / 10 }] };
}

const description = { operator: 'updateStateByKey', signature: '', version: 0 };

function changeOf(id: string, state: Map<Key, unknown>, n: number, below: (n: number) => number, keys: number) {
  const set: [Key, unknown][] = [];
  const deleted: Key[] = [];
  const ofState = id === 'large' ? keys : 5;
  // All of a large state at first: its snapshot has several slices.
  const count = n < 4 && id === 'large' ? ofState : 1 + below(6);
  for (let i = 0; i < count; i++) {
    const key = `${id}${n < 4 ? i % ofState : below(ofState)}`;
    if (set.some(([one]) => one === key) || deleted.includes(key)) continue;
    if (below(8) > 0) {
      const value = { n, text: 'x'.repeat(below(20)) };
      state.set(key, value);
      set.push([key, value]);
    } else if (state.delete(key)) deleted.push(key);
  }
  return { id, ...description, set, deleted } satisfies StateChange;
}
