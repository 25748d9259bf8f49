import { type PostgresClient, type PostgresPool, withClient } from './postgresPool.js';

/** The version of the tables and of their contents. */
export const format = 1;

/** The quoted names of the tables. */
export interface PostgresTables {
  readonly schema: string;
  readonly jobs: string;
  readonly planned: string;
  readonly states: string;
  readonly entries: string;
  readonly leases: string;
}

export function tablesIn(schema: string): PostgresTables {
  const quoted = `"${schema.replaceAll('"', '""')}"`;
  const table = (name: string) => `${quoted}.${name}`;
  return {
    schema: quoted,
    jobs: table('jobs'),
    planned: table('planned_batches'),
    states: table('states'),
    entries: table('state_entries'),
    leases: table('leases'),
  };
}

/** Creates the tables where they are missing. Where they exist no right to create any is needed. */
export async function createTables(client: PostgresClient, tables: PostgresTables): Promise<void> {
  // Each version has added something: the newest addition says whether all of them are there.
  const newest = `select not exists (
    select from pg_attribute where attrelid = to_regclass($1) and attname = 'selection') as missing`;
  const isComplete = async () => {
    const { rows } = await client.query(newest, [tables.planned]);
    return rows[0]?.missing !== true;
  };
  if (await isComplete()) return;
  await client.query('begin');
  // For two that begin at once: "if not exists" alone does not keep them apart.
  await client.query("select pg_advisory_xact_lock(hashtext('dstream tables'))");
  // The others have waited for the first one, and "if not exists" does not see at once what it has created.
  if (await isComplete()) {
    await client.query('commit');
    return;
  }
  await client.query(`
    create schema if not exists ${tables.schema};
    create table if not exists ${tables.jobs} (
      job text primary key,
      format int not null,
      epoch bigint not null,
      zero_time bigint,
      interval bigint,
      time bigint,
      positions jsonb
    );
    create table if not exists ${tables.planned} (
      job text not null,
      time bigint not null,
      zero_time bigint not null,
      interval bigint not null,
      ranges jsonb not null,
      primary key (job, time)
    );
    alter table ${tables.planned} add column if not exists attempts int not null default 0;
    alter table ${tables.planned} add column if not exists selection text;
    create table if not exists ${tables.states} (
      job text not null,
      id text not null,
      operator text not null,
      signature text not null,
      version int not null,
      primary key (job, id)
    );
    create table if not exists ${tables.entries} (
      job text not null,
      id text not null,
      key bytea not null,
      long_key bytea,
      seq bigint not null,
      value bytea not null,
      primary key (job, id, key)
    );
    create table if not exists ${tables.leases} (
      job text primary key,
      epoch bigint not null,
      beat bigint not null,
      owner text not null
    );
    create index if not exists state_entries_seq on ${tables.entries} (job, id, seq);
  `);
  await client.query('commit');
}

/** The names of all jobs. */
export async function jobsIn(pool: PostgresPool, schema: string): Promise<readonly string[]> {
  const { jobs } = tablesIn(schema);
  return withClient(pool, async (client) => {
    const { rows: tables } = await client.query('select to_regclass($1) is null as missing', [jobs]);
    if (tables[0]?.missing === true) return [];
    const { rows } = await client.query(`select job from ${jobs} order by job`);
    return rows.map(({ job }) => job as string);
  });
}
