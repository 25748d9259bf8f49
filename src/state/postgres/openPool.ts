import type { PostgresPool } from './postgresPool.js';

/** A pool of connections to a database, by the package `pg`. */
export async function openPool(url: string): Promise<PostgresPool & { end(): Promise<void> }> {
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({ connectionString: url, max: 3 });
  // A query that fails is reported by itself.
  pool.on('error', () => {});
  return pool;
}
