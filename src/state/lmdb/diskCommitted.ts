import type { Transaction } from 'lmdb';
import type { CommittedState } from '../../batch/committedState.js';
import { CheckpointError } from '../../batch/errors.js';
import type { Key } from '../../batch/key.js';
import type { DiskReader } from './diskReader.js';
import type { LmdbStore } from './lmdbStore.js';

/** A state on disk as of the last saved batch: what is read is of one transaction, until the next batch is saved. */
export class DiskCommitted<K extends Key, S> implements CommittedState<K, S> {
  time: number | undefined;
  size: number;
  readonly #store: LmdbStore;
  readonly #reader: DiskReader<K, S>;
  #transaction: Transaction | undefined;

  constructor(store: LmdbStore, reader: DiskReader<K, S>, time: number | undefined, size: number) {
    this.#store = store;
    this.#reader = reader;
    this.time = time;
    this.size = size;
    this.#transaction = store.beginRead();
  }

  get(key: K): S | undefined {
    return this.#reader.read(key, this.#open())?.state;
  }

  *entries(): IterableIterator<[K, S]> {
    const transaction = this.#open();
    for (const lookup of this.#reader.lookups(transaction)) {
      const key = this.#reader.keyOf(lookup, transaction);
      const found = this.#reader.readAt(key, lookup, transaction);
      if (found) yield [key, found.state];
    }
  }

  /** A batch has been saved. */
  renew(time: number, size: number): void {
    this.time = time;
    this.size = size;
    this.end();
    this.#transaction = this.#store.beginRead();
  }

  end(): void {
    this.#transaction?.done();
    this.#transaction = undefined;
  }

  #open(): Transaction {
    if (this.#transaction) return this.#transaction;
    throw new CheckpointError(this.#store.directory, 'read state', { cause: new Error('it is closed') });
  }
}
