import { FencedError } from '../../batch/errors.js';
import {
  giveBack,
  type PostgresClient,
  type PostgresPool,
  type PostgresQueries,
  type PostgresResult,
  takeClient,
} from './postgresPool.js';

/** What the server calls a serialization failure and a deadlock. */
const conflicts: ReadonlySet<unknown> = new Set(['40001', '40P01']);

/** One transaction of a job, on a client of its own. Saving the batch commits it; otherwise it is rolled back. */
export class PostgresTransaction {
  readonly #client: PostgresClient;
  #over = false;
  #conflict = false;
  /** The statement before: `pg` runs one at a time, and no longer queues others. */
  #before: Promise<unknown> = Promise.resolve();

  private constructor(client: PostgresClient) {
    this.#client = client;
  }

  /**
   * Begins a transaction that the server rolls back when it idles for `timeout` ms, so that a suspended process does not
   * hold locks that the process taking over needs.
   */
  static async begin(pool: PostgresPool, timeout: number): Promise<PostgresTransaction> {
    const client = await takeClient(pool);
    try {
      await client.query(`begin; set local idle_in_transaction_session_timeout = ${timeout}`);
    } catch (error) {
      giveBack(client, true);
      throw error;
    }
    return new PostgresTransaction(client);
  }

  /** What a user may do in it: query, while it is open. Several outputs of a batch may query at once: statements take turns. */
  readonly queries: PostgresQueries = {
    query: (text, values) => {
      const result = this.#before.then(() => this.#query(text, values));
      this.#before = result.catch(() => {});
      return result;
    },
  };

  /** Whether the server has rolled it back because of another transaction: it may succeed when it is repeated. */
  get conflict(): boolean {
    return this.#conflict;
  }

  /** @throws {FencedError} when the statement finds no row of this epoch to change */
  async fenced(location: string, text: string, values: unknown[]): Promise<void> {
    const { rowCount } = await this.queries.query(text, values);
    if (rowCount === 0) throw new FencedError(location);
  }

  async commit(): Promise<void> {
    const { command } = await this.queries.query('commit');
    // The server answers otherwise when a statement failed that nobody awaited: nothing was written then.
    if (command !== 'COMMIT') throw new Error(`a statement failed, and the server answered the commit with ${command}`);
    this.#end(false);
  }

  /** Closes the connection: whatever is running has no effect any more. */
  abort(): void {
    this.#end(true);
  }

  async #query(text: string, values?: unknown[]): Promise<PostgresResult> {
    if (this.#over) throw new Error('the transaction of this batch is over');
    try {
      return await this.#client.query(text, values);
    } catch (error) {
      if (conflicts.has((error as { readonly code?: unknown } | null)?.code)) this.#conflict = true;
      throw error;
    }
  }

  #end(destroy: boolean): void {
    if (this.#over) return;
    this.#over = true;
    giveBack(this.#client, destroy);
  }
}
