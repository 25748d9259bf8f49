import { from, lastValueFrom, type ObservableInput } from 'rxjs';
import { CheckpointError, InvalidOptionError } from '../batch/errors.js';
import { withMethods } from '../options/checks.js';
import type {
  Checkpoint,
  CheckpointSession,
  OpenOptions,
  RestoredCheckpoint,
  RestoredState,
  SavedBatch,
  StateChange,
} from '../state/checkpoint.js';

export const checkCheckpoint = withMethods('open');

/** Entries of a state that are encoded together. */
const entriesPerChange = 10_000;

/** Opens a checkpoint that no stream owns, does some work on it, and closes it. */
export async function withCheckpoint<T>(
  checkpoint: Checkpoint,
  work: (session: CheckpointSession) => T | PromiseLike<T>,
): Promise<T> {
  const session = await openCheckpoint(checkpoint, { takeover: 'refuse' });
  try {
    return await work(session);
  } finally {
    await settle(session.close());
  }
}

export async function openCheckpoint(checkpoint: Checkpoint, how: OpenOptions): Promise<CheckpointSession> {
  const session = await lastValueFrom(from(checkpoint.open(how)), { defaultValue: undefined });
  if (session) return session;
  throw new CheckpointError(checkpoint.location, 'open', { cause: new Error('it has completed without a session') });
}

export async function settle(work: ObservableInput<unknown>): Promise<void> {
  await lastValueFrom(from(work), { defaultValue: undefined });
}

/** Saves changes of states, with the progress as it is. */
export function saveChanges(
  session: CheckpointSession,
  restored: Pick<RestoredCheckpoint, 'time' | 'zeroTime' | 'interval' | 'positions'>,
  changes: Iterable<StateChange>,
  dropped: readonly string[] = [],
): Promise<void> {
  const { time, zeroTime, interval, positions } = restored;
  const encoded = Array.from(changes, (change) => session.encode(change));
  const batch: SavedBatch = { time, zeroTime, interval, positions, changes: encoded, dropped };
  return settle(session.save(batch));
}

/** The changes that make a state of entries: at least one, so that a state without keys is there too. */
export function* changesOf(
  description: Omit<StateChange, 'set' | 'deleted'>,
  entries: Iterable<StateChange['set'][number]>,
): Iterable<StateChange> {
  let set: StateChange['set'][number][] = [];
  for (const entry of entries) {
    set.push(entry);
    if (set.length < entriesPerChange) continue;
    yield { ...description, set, deleted: [] };
    set = [];
  }
  yield { ...description, set, deleted: [] };
}

/** @throws {InvalidOptionError} naming the ids that are known */
export function knownState(
  owner: string,
  option: string,
  id: string,
  { location }: Checkpoint,
  { restored }: CheckpointSession,
): { readonly restored: RestoredCheckpoint; readonly state: RestoredState } {
  const state = restored?.state(id);
  if (restored && state) return { restored, state };
  throw new InvalidOptionError(owner, option, id, `is no state of ${location}, which has ${idsOf(restored)}`);
}

function idsOf(restored: RestoredCheckpoint | undefined): string {
  const ids = restored?.stateIds.map((id) => JSON.stringify(id)).sort() ?? [];
  return ids.length === 0 ? 'no states' : ids.join(', ');
}
