import { attributeMask, fieldAt } from './recordBatchHeader.js';

/** An aborted transaction: the records of its producer, from `firstOffset` to its next control record, are passed over. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: number;
}

/** Follows the transactions of the record batches of one fetch, which it is asked about in their order. */
export class AbortedTransactions {
  /** Those that have not begun yet, the next one last. */
  readonly #aborted: AbortedTransaction[];
  readonly #open = new Set<bigint>();

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#aborted = [...aborted].sort((a, b) => b.firstOffset - a.firstOffset);
  }

  /** Whether the records of the record batch at `batch` are part of an aborted transaction. */
  includes(bytes: Buffer, batch: number, lastOffset: number): boolean {
    const attributes = bytes.readInt16BE(batch + fieldAt.attributes);
    if ((attributes & attributeMask.transactional) === 0) return false;
    while ((this.#aborted.at(-1)?.firstOffset ?? Infinity) <= lastOffset) {
      const { producerId } = this.#aborted.pop() as AbortedTransaction;
      this.#open.add(producerId);
    }
    if (this.#open.size === 0) return false;
    const producerId = bytes.readBigInt64BE(batch + fieldAt.producerId);
    // A control record ends the transaction of its producer, aborted or committed.
    const control = (attributes & attributeMask.control) !== 0;
    return control ? this.#open.delete(producerId) : this.#open.has(producerId);
  }
}
