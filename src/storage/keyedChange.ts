import type { Key } from '../batch/key.js';
import { keyToBytes } from './keyBytes.js';

/** What one batch changed in the state of one operator, with keys and states as bytes. */
export type EncodedChange<C> = Omit<C, 'set' | 'deleted'> & {
  readonly set: readonly (readonly [key: Buffer, state: Buffer])[];
  readonly deleted: readonly Buffer[];
};

/** Encodes a change for a store that looks keys up by bytes. */
export function encodeChange<
  C extends { readonly set: readonly (readonly [Key, unknown])[]; readonly deleted: readonly Key[] },
>(change: C, stateToBytes: (state: unknown) => Buffer): EncodedChange<C> {
  const { set, deleted, ...description } = change;
  return {
    ...description,
    set: set.map(([key, state]) => [keyToBytes(key), stateToBytes(state)] as const),
    deleted: deleted.map((key) => keyToBytes(key)),
  };
}
