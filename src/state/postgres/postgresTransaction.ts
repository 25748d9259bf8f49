import { FencedError } from '../../batch/errors.js';
import { giveBack, type PostgresClient, type PostgresPool, type PostgresQueries, takeClient } from './postgresPool.js';

/**
 * One transaction of a job, on a client of its own. It is committed by the one who saves the batch; when nobody does, it is
 * rolled back.
 */
export class PostgresTransaction {
  readonly #client: PostgresClient;
  #over = false;

  private constructor(client: PostgresClient) {
    this.#client = client;
  }

  /**
   * The server rolls a transaction back that idles for `timeout` ms, so that a process that was stopped does not keep its
   * locks from the one that takes over.
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

  /** What a user may do in it: to query, as long as it is open. */
  readonly queries: PostgresQueries = {
    query: async (text, values) => {
      if (this.#over) throw new Error('the transaction of this batch is over');
      return this.#client.query(text, values);
    },
  };

  /** @throws {FencedError} when a statement that is to change a row of this epoch finds none */
  async fenced(location: string, text: string, values: unknown[]): Promise<void> {
    const { rowCount } = await this.queries.query(text, values);
    if (rowCount === 0) throw new FencedError(location);
  }

  async commit(): Promise<void> {
    const { command } = await this.queries.query('commit');
    // So the server answers where a statement failed that nobody waited for: nothing was written then.
    if (command !== 'COMMIT') throw new Error(`a statement failed, and the server answered the commit by ${command}`);
    this.#end(false);
  }

  /** By closing the connection: nothing more can come of it, whatever is running. */
  abort(): void {
    this.#end(true);
  }

  #end(destroy: boolean): void {
    if (this.#over) return;
    this.#over = true;
    giveBack(this.#client, destroy);
  }
}
