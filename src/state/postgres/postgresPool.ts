/** The part of `pg` that this library uses; a `Pool` of `pg` satisfies it. */
export interface PostgresPool {
  /** Takes a client from the pool. */
  connect(): Promise<PostgresClient>;
}

/** A client of a pool, as that of `pg`. */
export interface PostgresClient extends PostgresQueries {
  /** Adds a listener for errors of an idle connection. */
  on(event: 'error', listener: (error: Error) => void): unknown;
  /** Removes it. */
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
  /** Returns the client to the pool; with `true` the connection is closed. */
  release(destroy?: boolean): void;
}

/** What runs queries: a client within a transaction. */
export interface PostgresQueries {
  /** Runs a query with parameters `$1`, `$2` and so on. */
  query(text: string, values?: unknown[]): Promise<PostgresResult>;
}

/** The result of a query, as that of `pg`. */
export interface PostgresResult {
  /** The rows, as objects by column. */
  // biome-ignore lint/suspicious/noExplicitAny: as in pg: the query decides what a row is
  readonly rows: any[];
  /** Number of rows that the query returned or changed. */
  readonly rowCount: number | null;
  /** What the server did, such as `COMMIT`. */
  readonly command: string;
}

/**
 * Takes a client for as long as the work takes. If the work fails, or `givenUp` is aborted, the client is closed, because its state is unknown:
 * what the work waits for fails then.
 */
export async function withClient<T>(
  pool: PostgresPool,
  work: (client: PostgresClient) => Promise<T>,
  givenUp?: AbortSignal,
): Promise<T> {
  const client = await takeClient(pool);
  let taken = true;
  const end = (destroy: boolean) => {
    if (taken) giveBack(client, destroy);
    taken = false;
  };
  const giveUp = () => end(true);
  givenUp?.addEventListener('abort', giveUp);
  try {
    givenUp?.throwIfAborted();
    const result = await work(client);
    end(false);
    return result;
  } catch (error) {
    end(true);
    throw error;
  } finally {
    givenUp?.removeEventListener('abort', giveUp);
  }
}

/** Outside the pool a client also reports a lost connection by an event, which would end the process if nobody listened. */
export async function takeClient(pool: PostgresPool): Promise<PostgresClient> {
  const client = await pool.connect();
  client.on('error', ignore);
  return client;
}

export function giveBack(client: PostgresClient, destroy: boolean): void {
  client.release(destroy);
  if (!destroy) client.removeListener('error', ignore);
}

/** The running query, or the next one, fails with the same error. */
function ignore(): void {}
