import type { Transaction } from 'lmdb';
import { CheckpointError } from '../../batch/errors.js';
import type { Key } from '../../batch/key.js';
import { keyFromBytes } from '../../storage/keyBytes.js';
import type { StateRequest } from '../checkpoint.js';
import { entryFromBytes } from './lmdbEntry.js';
import { entryKey, entryKeyOf, type LmdbStore } from './lmdbStore.js';

/** What a key begins with that is too long to look up by. */
const longKeyTag = 'h'.charCodeAt(0);

/** Reads the state of one operator from disk; as of now, or of a transaction. */
export class DiskReader<K extends Key, S> {
  readonly #store: LmdbStore;
  readonly #number: number;
  readonly #request: Pick<StateRequest<K, S>, 'version' | 'migrate'>;

  constructor(store: LmdbStore, number: number, request: Pick<StateRequest<K, S>, 'version' | 'migrate'>) {
    this.#store = store;
    this.#number = number;
    this.#request = request;
  }

  /** The bytes by which keys are looked up, oldest first. */
  *lookups(transaction?: Transaction): IterableIterator<Buffer> {
    this.#checkOpen();
    yield* this.#store.lookups(this.#number, transaction);
  }

  keyOf(lookup: Buffer, transaction?: Transaction): K {
    if (lookup[0] !== longKeyTag) return keyFromBytes(lookup) as K;
    const at = entryKey(this.#number, lookup);
    const bytes = this.#bytesAt(at, transaction);
    const longKey = bytes && entryFromBytes(at, bytes, this.#store.directory).longKey;
    return keyFromBytes(longKey ?? lookup) as K;
  }

  read(key: K, transaction?: Transaction): { state: S; seq: number } | undefined {
    return this.#decode(key, entryKeyOf(this.#number, key).at, transaction);
  }

  /** The same, where the bytes by which to look it up are known. */
  readAt(key: K, lookup: Buffer, transaction?: Transaction): { state: S; seq: number } | undefined {
    return this.#decode(key, entryKey(this.#number, lookup), transaction);
  }

  #decode(key: K, at: Buffer, transaction: Transaction | undefined): { state: S; seq: number } | undefined {
    const bytes = this.#bytesAt(at, transaction);
    if (!bytes) return undefined;
    const { seq, version, state } = entryFromBytes(at, bytes, this.#store.directory);
    const { migrate } = this.#request;
    const current = version === this.#request.version || !migrate ? (state as S) : migrate(state, version, key);
    return { state: current, seq };
  }

  #bytesAt(at: Buffer, transaction: Transaction | undefined): Buffer | undefined {
    this.#checkOpen();
    return this.#store.get(this.#store.entries, at, transaction && { transaction });
  }

  /** A batch that is being given up may still be on its way through the operators. */
  #checkOpen(): void {
    if (!this.#store.closed) return;
    throw new CheckpointError(this.#store.directory, 'read state', { cause: new Error('it is closed') });
  }
}
