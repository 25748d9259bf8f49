import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CorruptCheckpointError } from '../../batch/errors.js';

// LMDB tells what is wrong by a number.

/** What it says of a file that is not as it was written. */
const damages: ReadonlySet<unknown> = new Set([
  -30797, // MDB_PAGE_NOTFOUND
  -30796, // MDB_CORRUPTED
  -30794, // MDB_VERSION_MISMATCH
  -30793, // MDB_INVALID
  -30784, // MDB_INCOMPATIBLE
  -30782, // MDB_BAD_TXN
  -30779, // MDB_PROBLEM
]);

/** Translates an error of LMDB about a damaged file into a typed one; returns any other unchanged. */
function damageOf(error: unknown, directory: string): unknown {
  if (!(error instanceof Error) || !damages.has((error as { readonly code?: unknown }).code)) return error;
  return new CorruptCheckpointError(join(directory, 'data.mdb'), 0, `LMDB cannot read it: ${error.message}`);
}

/** Returns what `read` returns; fails with its errors as translated by `damageOf`. */
export function reading<T>(directory: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw damageOf(error, directory);
  }
}

/**
 * Why a commit failed: LMDB tells that a moment later, and of a full disk only that a write was cut short. So this says how
 * much room there is.
 */
export async function commitErrorOf(error: unknown, directory: string): Promise<unknown> {
  const { commitError } = error as { readonly commitError?: Promise<unknown> };
  if (commitError === undefined) return error;
  const reason = commitError.then(
    () => error,
    (cause: unknown) => cause,
  );
  const cause = damageOf(await Promise.race([reason, sleep(1_000, error)]), directory);
  if (cause instanceof CorruptCheckpointError) return cause;
  const room = await statfs(directory).then(
    ({ bavail, bsize }) => `${bavail * bsize} bytes are free there`,
    () => 'the directory cannot be looked at',
  );
  return new Error(`${(cause as Error).message} (${room})`, { cause });
}
