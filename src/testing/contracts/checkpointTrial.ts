import type { Key } from '../../batch/key.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import type {
  Checkpoint,
  CheckpointSession,
  OpenOptions,
  PlannedBatch,
  SavedBatch,
  StateChange,
} from '../../state/checkpoint.js';
import { expectSame, settle } from './expectations.js';

// Batches are numbered in a trial: batch n has time 10 n and reads record n - 1 of one partition.

export const interval = 10;
const topic = 't';

const rangesOf = (n: number): Readonly<Record<string, readonly OffsetRange[]>> => ({
  source: [{ topic, partition: 0, from: n - 1, until: n }],
});

export const positionsAfter = (n: number): SavedBatch['positions'] => ({
  source: [{ topic, partition: 0, offset: n }],
});

export const plannedBatch = (n: number): PlannedBatch => ({
  time: n * interval,
  zeroTime: 0,
  interval,
  ranges: rangesOf(n),
});

export const changeOf = (
  set: StateChange['set'],
  deleted: StateChange['deleted'] = [],
  of: Partial<StateChange> = {},
): StateChange => ({ id: 'counts', operator: 'updateStateByKey', signature: '', version: 0, set, deleted, ...of });

/** What a checkpoint says after a restart, as plain data. */
export interface Seen {
  readonly time: number;
  readonly zeroTime: number;
  readonly interval: number;
  readonly positions: SavedBatch['positions'];
  readonly planned: readonly PlannedBatch[];
  readonly states: Readonly<Record<string, SeenState>>;
}

export interface SeenState {
  readonly operator: string;
  readonly signature: string;
  readonly version: number;
  readonly entries: readonly (readonly [Key, unknown])[];
}

/** A checkpoint under trial: opens it, works batches off, closes it again. */
export class CheckpointTrial {
  readonly #connect: () => Checkpoint;

  constructor(connect: () => Checkpoint) {
    this.#connect = connect;
  }

  async open(how?: OpenOptions): Promise<CheckpointSession> {
    const session = await settle(this.#connect().open(how));
    if (!session) throw new Error('open() has completed without a session');
    return session;
  }

  /** A life of the process: opens, does the work, closes. */
  async life<T>(work: (session: CheckpointSession) => T | Promise<T>): Promise<T> {
    const session = await this.open();
    try {
      return await work(session);
    } finally {
      await settle(session.close());
    }
  }

  /** What is there after a restart. */
  look(): Promise<Seen | undefined> {
    return this.life(seenIn);
  }

  /** What is there after a restart is this. */
  async expect(what: string, expected: Seen): Promise<void> {
    expectSame(what, await this.look(), expected);
  }
}

/** Plans batch n and saves it with these changes. */
export async function workOff(session: CheckpointSession, n: number, changes: readonly StateChange[]): Promise<void> {
  await settle(session.plan(plannedBatch(n)));
  await save(session, n, changes);
}

export async function save(
  session: CheckpointSession,
  n: number,
  changes: readonly StateChange[],
  dropped?: readonly string[],
): Promise<void> {
  const encoded = changes.map((change) => session.encode(change));
  const { time, zeroTime } = plannedBatch(n);
  const batch = { time, zeroTime, interval, positions: positionsAfter(n), changes: encoded };
  await settle(session.save(dropped ? { ...batch, dropped } : batch));
}

export function seenIn({ restored }: CheckpointSession): Seen | undefined {
  if (!restored) return undefined;
  const { time, zeroTime, positions, planned, stateIds } = restored;
  const states = [...stateIds].sort().map((id): [string, SeenState] => {
    const state = restored.state(id);
    if (!state) throw new Error(`the checkpoint lists a state ${id} and does not give it`);
    const { operator, signature, version } = state;
    return [id, { operator, signature, version, entries: [...state.entries()] }];
  });
  return { time, zeroTime, interval: restored.interval, positions, planned, states: Object.fromEntries(states) };
}

/** What is expected after batch n with these states, and these batches planned. */
export function after(n: number, states: Readonly<Record<string, SeenState>>, planned: readonly number[] = []): Seen {
  return {
    time: n * interval,
    zeroTime: 0,
    interval,
    positions: n === 0 ? {} : positionsAfter(n),
    planned: planned.map(plannedBatch),
    states,
  };
}

export function stateOf(entries: SeenState['entries'], of: Partial<SeenState> = {}): SeenState {
  return { operator: 'updateStateByKey', signature: '', version: 0, entries, ...of };
}
