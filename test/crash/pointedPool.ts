import { Pool, type PoolClient } from 'pg';
import type { PostgresClient, PostgresPool } from '../../src/state/postgres/postgresPool.js';
import { failpoint } from '../../src/storage/failpoint.js';

/** What the checkpoint asks of the server, by the beginning of the statement, and the points before and after it. */
const statements: readonly (readonly [pattern: RegExp, before: string, after: string])[] = [
  [/^begin; set local/, 'transaction:before', 'transaction:begun'],
  [/^with begun as/, 'epoch:before', 'epoch:begun'],
  [/^update \S*jobs\b/, 'transaction:before-progress', 'transaction:after-progress'],
  [/^insert into \S*entries\b/, '', 'transaction:in-state'],
  [/^select coalesce\(max/, '', 'restore:read'],
];

/** The server that the environment names, with failure points around what a checkpoint asks of it. */
export function pointedPool(point: (name: string) => void = failpoint): PostgresPool {
  const pool = new Pool({ connectionString: process.env.POSTGRES_URL, max: 4 });
  return { connect: async () => pointed(await pool.connect(), point) };
}

function pointed(client: PoolClient, point: (name: string) => void): PostgresClient {
  let isBatch = false;
  const query = async (text: string, values?: unknown[]) => {
    if (text === 'commit' && isBatch) return commit();
    const [, before, after] = statements.find(([pattern]) => pattern.test(text.trimStart())) ?? [];
    isBatch ||= before === 'transaction:before';
    if (before) point(before);
    const result = await client.query(text, values);
    if (after) point(after);
    return result;
  };
  const commit = async () => {
    point('transaction:before-commit');
    const sent = client.query('commit');
    // The server has it, and nobody hears the answer.
    point('transaction:commit-sent');
    const result = await sent;
    point('transaction:after-commit');
    return result;
  };
  return {
    query,
    on: (event, listener) => client.on(event, listener),
    removeListener: (event, listener) => client.removeListener(event, listener),
    release: (destroy) => client.release(destroy),
  };
}
