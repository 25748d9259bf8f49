/** The part of `pg` that this library uses; a `Pool` of `pg` satisfies it. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>;
}

export interface PostgresClient extends PostgresQueries {
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
  /** Returns the client to the pool; with `true` the connection is closed. */
  release(destroy?: boolean): void;
}

export interface PostgresQueries {
  query(text: string, values?: unknown[]): Promise<PostgresResult>;
}

export interface PostgresResult {
  // biome-ignore lint/suspicious/noExplicitAny: as in pg: the query decides what a row is
  readonly rows: any[];
  readonly rowCount: number | null;
  /** What the server did, such as `COMMIT`. */
  readonly command: string;
}

/** Takes a client for as long as the work takes. If the work fails the client is closed, because its state is unknown. */
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
