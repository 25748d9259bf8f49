import { inUse, type LeaseWatch, sibling } from './leaseWatch.js';
import type { LockOwner } from './lockOwner.js';
import type { Acquisition } from './takeover.js';

/** What this thread owns, by the token: while it is being closed, what settles then. */
const held = new Map<string, { closed?: Promise<unknown> }>();

/** This thread has the lease from now on. */
export function holdLease({ token }: LockOwner): void {
  held.set(token, {});
}

/** This thread has it until `released` has settled; never fails. */
export async function dropLease({ token }: Pick<LockOwner, 'token'>, released: Promise<unknown>): Promise<void> {
  const closed = released.catch(() => {});
  held.set(token, { closed });
  await closed;
  held.delete(token);
}

/**
 * Whether a store with this owner may be taken over now. One that this thread is closing is waited for.
 *
 * @throws {CheckpointError} when another stream of this thread owns it, or another process and it is to be refused then
 */
export async function isFree(
  owner: LockOwner | undefined,
  watch: LeaseWatch,
  location: string,
  { takeover }: Acquisition,
): Promise<boolean> {
  if (!owner) return true;
  const holding = held.get(owner.token);
  if (!holding || takeover === 'force') return watch.isOver(owner);
  if (!holding.closed) throw inUse(location, sibling);
  await holding.closed;
  return false;
}
