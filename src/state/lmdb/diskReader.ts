import type { RangeOptions, Transaction } from 'lmdb';
import { CheckpointError, CorruptCheckpointError } from '../../batch/errors.js';
import type { Key } from '../../batch/key.js';
import { keyFromBytes } from '../../storage/keyBytes.js';
import { shortCrc32 } from '../../storage/shortCrc32.js';
import type { StateRequest } from '../checkpoint.js';
import { entryFits, entryFromBytes } from './lmdbEntry.js';
import { entryKey, entryKeyOf } from './lmdbKeys.js';
import type { LmdbStore } from './lmdbStore.js';

/** What a key begins with that is too long to look up by. */
const longKeyTag = 'h'.charCodeAt(0);

/** On either side of a key that is not there: two, so that one which is out of order has another to be compared with. */
const neighbourCount = 2;

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

  /** The look-up bytes of the keys, oldest first. */
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

  /** The same, if the look-up bytes of the key are known. */
  readAt(key: K, lookup: Buffer, transaction?: Transaction): { state: S; seq: number } | undefined {
    return this.#decode(key, entryKey(this.#number, lookup), transaction);
  }

  #decode(key: K, at: Buffer, transaction: Transaction | undefined): { state: S; seq: number } | undefined {
    const bytes = this.#bytesAt(at, transaction);
    if (!bytes) {
      this.#checkAbsent(at, transaction);
      return undefined;
    }
    const { seq, version, state } = entryFromBytes(at, bytes, this.#store.directory);
    const { migrate } = this.#request;
    const current = version === this.#request.version || !migrate ? (state as S) : migrate(state, version, key);
    return { state: current, seq };
  }

  /**
   * Checks that an entry that LMDB did not find does not exist. Where the bytes of its key are damaged, the search ends beside
   * it, and its checksum does not fit. Where a page above leads to the wrong page, or a page has another entry in its place,
   * the neighbours are not in order.
   *
   * @throws {CorruptCheckpointError} when one of the two neighbours on either side is damaged or out of order
   */
  #checkAbsent(at: Buffer, transaction: Transaction | undefined): void {
    for (const reverse of [false, true]) {
      const comesNext = (key: Buffer, last: Buffer) => Buffer.compare(key, last) * (reverse ? -1 : 1) > 0;
      let last = at;
      const neighbours = this.#entries({ start: at, reverse, limit: neighbourCount }, transaction);
      for (const { key, value } of neighbours) {
        if (!comesNext(key, last) || !entryFits(shortCrc32(key, key.length), value, 0, value.length)) {
          throw this.#misplaced();
        }
        last = key;
      }
      if (neighbours.length === neighbourCount) continue;
      // Then the tree ends here, unless LMDB takes what is damaged for the end.
      const [end] = this.#entries({ reverse: !reverse, limit: 1 }, transaction);
      if (end && comesNext(end.key, last)) throw this.#misplaced();
    }
  }

  #entries(range: RangeOptions, transaction: Transaction | undefined): readonly { key: Buffer; value: Buffer }[] {
    return [...this.#store.range(this.#store.entries, transaction ? { ...range, transaction } : range)];
  }

  #misplaced(): CorruptCheckpointError {
    return new CorruptCheckpointError(this.#store.directory, 0, 'a key is not where it belongs');
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
