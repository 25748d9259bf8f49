import { catchError, concat, defer, EMPTY, lastValueFrom, mergeMap, type Observable, throwError } from 'rxjs';
import type { PostgresQueries } from './postgresPool.js';
import type { PostgresTransaction } from './postgresTransaction.js';

/** What an output writes in the transaction of its batch. It may be called again, for another transaction. */
export type TransactionEffect = (transaction: PostgresQueries) => Observable<never>;

/** Conflicts of one batch after which it fails. */
const maxConflicts = 5;

/**
 * The transaction of one batch. Where the server rolls it back because of a conflict with another one (a deadlock, or a serialization
 * failure), it begins again, and everything that had been written in it is written again, in the same order.
 */
export class BatchTransaction {
  /** When the transaction is over, however it ended. */
  readonly over: Promise<void>;
  readonly #begin: () => Promise<PostgresTransaction>;
  /** The effects whose statements are in the transaction. */
  #written: TransactionEffect[] = [];
  /** The transaction, once what was written before a conflict is in it. */
  #current: Promise<PostgresTransaction>;
  /** The same; `undefined` while it begins. */
  #live: PostgresTransaction | undefined;
  #conflicts = 0;
  #ended = false;
  #end = (): void => {};

  constructor(begin: () => Promise<PostgresTransaction>) {
    this.#begin = begin;
    this.over = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#current = this.#started();
  }

  /** Writes the effect in the transaction. Several may be under way at once. */
  run(effect: TransactionEffect): Observable<never> {
    return defer(() => this.#current).pipe(
      mergeMap((transaction) => {
        let failure: { readonly error: unknown } | undefined;
        const attempt = effect(transaction.queries).pipe(
          catchError((error: unknown) => {
            failure = { error };
            return EMPTY;
          }),
        );
        const next = defer((): Observable<never> => {
          if (failure && !this.#restartAfter(transaction)) {
            // To look for the cause takes a connection, and the transactions of all tasks may have failed at once.
            transaction.abort();
            return throwError(() => failure?.error);
          }
          // Another effect may have met a conflict while this one was waiting for something else.
          if (failure || this.#live !== transaction) return this.run(effect);
          this.#written.push(effect);
          return EMPTY;
        });
        return concat(attempt, next);
      }),
    );
  }

  /** Does the last work of the transaction, which ends it. */
  async finish(work: (transaction: PostgresTransaction) => Promise<void>): Promise<void> {
    for (;;) {
      const transaction = await this.#current;
      try {
        await work(transaction);
        this.end();
        return;
      } catch (error) {
        if (this.#restartAfter(transaction)) continue;
        transaction.abort();
        throw error;
      }
    }
  }

  /** Lets the next batch begin. */
  end(): void {
    this.#ended = true;
    this.#end();
  }

  /** Rolls back whatever was written. */
  async abort(): Promise<void> {
    this.end();
    await this.#current.then(
      (transaction) => transaction.abort(),
      () => {},
    );
  }

  /** The transaction that replaces this one, where it is over because of a conflict; otherwise `undefined`. */
  #restartAfter(transaction: PostgresTransaction): Promise<PostgresTransaction> | undefined {
    if (this.#ended) return undefined;
    // Somebody else has seen the conflict before.
    if (this.#live !== transaction) return this.#current;
    if (!transaction.conflict || this.#conflicts >= maxConflicts) return undefined;
    this.#conflicts++;
    transaction.abort();
    this.#current = this.#started();
    return this.#current;
  }

  #started(): Promise<PostgresTransaction> {
    this.#live = undefined;
    const started = this.#startedWith(this.#written);
    // Those that wait for it see the failure; here it only lets the next batch stop waiting.
    started.catch(() => this.#end());
    return started;
  }

  async #startedWith(effects: readonly TransactionEffect[]): Promise<PostgresTransaction> {
    for (;;) {
      const transaction = await this.#begin();
      try {
        for (const effect of effects) await lastValueFrom(effect(transaction.queries), { defaultValue: undefined });
        this.#live = transaction;
        return transaction;
      } catch (error) {
        transaction.abort();
        if (!transaction.conflict || ++this.#conflicts > maxConflicts) throw error;
      }
    }
  }
}
