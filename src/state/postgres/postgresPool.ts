/** What this library uses of `pg`: a `Pool` of it fits. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>;
}

export interface PostgresClient extends PostgresQueries {
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
  /** Back to the pool; with `true` the connection is closed. */
  release(destroy?: boolean): void;
}

export interface PostgresQueries {
  query(text: string, values?: unknown[]): Promise<PostgresResult>;
}

export interface PostgresResult {
  // biome-ignore lint/suspicious/noExplicitAny: as pg has it: a row is what the query asks for
  readonly rows: any[];
  readonly rowCount: number | null;
  /** What was done, as the server says. */
  readonly command: string;
}

/**
 * Takes a client for as long as the work takes. One whose work failed is closed, as nobody knows the state it is in.
 */
export async function withClient<T>(pool: PostgresPool, work: (client: PostgresClient) => Promise<T>): Promise<T> {
  const client = await takeClient(pool);
  try {
    const result = await work(client);
    giveBack(client, false);
    return result;
  } catch (error) {
    giveBack(client, true);
    throw error;
  }
}

/** Outside the pool a client reports a lost connection by an event, too, which would end the process if nobody listened. */
export async function takeClient(pool: PostgresPool): Promise<PostgresClient> {
  const client = await pool.connect();
  client.on('error', ignore);
  return client;
}

export function giveBack(client: PostgresClient, destroy: boolean): void {
  client.release(destroy);
  if (!destroy) client.removeListener('error', ignore);
}

/** The query that is running, or the next, fails of the same. */
function ignore(): void {}
