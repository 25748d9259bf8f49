import type { Database, RangeOptions } from 'lmdb';
import type { LmdbEnvironment, OpenedFiles } from './lmdbEnvironment.js';

/** Bytes in place, valid until the next are read. */
export interface Slice {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Returns keys and values without a copy of each, for a walk over millions of them. */
const slices = {
  keyEncoder: {
    writeKey(key: Buffer, target: Buffer, at: number): number {
      target.set(key, at);
      return at + key.length;
    },
    readKey: (bytes: Buffer, start: number, end: number): Slice => ({ bytes, start, end }),
  },
  encoder: {
    encode: (value: Buffer) => value,
    decode: (bytes: Buffer, end: number): Slice => ({ bytes, start: 0, end }),
  },
} as const;

/** A database that is open already, for reading in place. */
export function openSlices({ env }: OpenedFiles, name: string): Database<Slice, Buffer> {
  return env.openDB(name, slices as object) as unknown as Database<Slice, Buffer>;
}

/** Entries in the order of the tree: each is valid until the next is asked for. */
export function rangeOfSlices(
  environment: LmdbEnvironment,
  database: Database<Slice, Buffer>,
  options: RangeOptions,
): Iterable<{ readonly key: Slice; readonly value: Slice }> {
  return environment.range(database as never, options) as unknown as Iterable<{ key: Slice; value: Slice }>;
}
