import { foreachBatchInTransaction, postgresCheckpoint } from 'dstream/node';
import { Pool } from 'pg';
import type { Store } from './store.js';

// With their schema: PostgreSQL looks into one that is named like the user first, such as that of the checkpoint.
const tables = `
  create table if not exists public.page_views (page text primary key, views bigint not null);
  create table if not exists public.visitors (minute timestamptz primary key, visitors bigint not null)`;

const addViews = `insert into public.page_views as totals (page, views) select * from unnest($1::text[], $2::bigint[])
  on conflict (page) do update set views = totals.views + excluded.views`;

const writeVisitors = `insert into public.visitors (minute, visitors)
  select to_timestamp(ms / 1000), visitors from unnest($1::float8[], $2::bigint[]) as t(ms, visitors)`;

/** Results and progress in one transaction of PostgreSQL: a view is counted once, whenever the process dies. */
export async function postgresStore(connectionString: string): Promise<Store> {
  const pool = new Pool({ connectionString });
  // Of an idle connection: the next query asks for another one.
  pool.on('error', (error) => console.error(error.message));
  await pool.query(tables);
  const checkpoint = postgresCheckpoint(pool, { job: 'clickstream' });
  return {
    checkpoint,
    outputs: {
      addViews: foreachBatchInTransaction(checkpoint, (transaction, pages) =>
        transaction.query(addViews, [pages.map(([page]) => page), pages.map(([, views]) => views)]),
      ),
      writeVisitors: foreachBatchInTransaction(checkpoint, (transaction, minutes) =>
        transaction.query(writeVisitors, [minutes.map(({ minute }) => minute), minutes.map((each) => each.visitors)]),
      ),
    },
    async read() {
      const pages = await pool.query<{ page: string; views: string }>(
        'select page, views from public.page_views order by views desc, page',
      );
      const visitors = await pool.query<{ minute: Date; visitors: string }>(
        'select minute, visitors from public.visitors order by minute',
      );
      return {
        pages: pages.rows.map(({ page, views }) => [page, Number(views)]),
        visitors: visitors.rows.map((row) => ({ minute: row.minute.getTime(), visitors: Number(row.visitors) })),
      };
    },
    close: () => pool.end(),
  };
}
