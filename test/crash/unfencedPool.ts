import type { PostgresPool } from '../../src/state/postgres/postgresPool.js';

/** A pool for a control: its server takes whoever plans and saves for the owner, because nothing asks for the epoch. */
export function unfencedPool(pool: PostgresPool): PostgresPool {
  return {
    connect: async () => {
      const client = await pool.connect();
      return {
        query: (text, values) => client.query(text.replace('epoch = $2', '$2::text is not null'), values),
        on: (event, listener) => client.on(event, listener),
        removeListener: (event, listener) => client.removeListener(event, listener),
        release: (destroy) => client.release(destroy),
      };
    },
  };
}
