import { join } from 'node:path';
import type { Engine, OpenEngine } from './engine.js';
import { loadPackage } from './packages.js';

interface Statement {
  run(...values: readonly unknown[]): unknown;
  get(...values: readonly unknown[]): unknown;
  iterate(): Iterable<unknown>;
}

interface Sqlite {
  exec(sql: string): unknown;
  prepare(sql: string): Statement;
  close(): void;
}

interface Row {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** SQLite through better-sqlite3. */
export const openBetterSqlite: OpenEngine = async (directory) => {
  const Database = loadPackage<new (path: string) => Sqlite>('better-sqlite3');
  return engineOf(new Database(join(directory, 'data.sqlite')));
};

/** SQLite as Node brings it, from Node 22.5 on. */
export const openNodeSqlite: OpenEngine = async (directory) => {
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite' as 'fs') as unknown as {
    readonly DatabaseSync: new (path: string) => Sqlite;
  };
  return engineOf(new DatabaseSync(join(directory, 'data.sqlite')));
};

function engineOf(db: Sqlite): Engine {
  // Each commit is synced; 64 MB of pages in memory, and the file mapped, as far as either helps.
  db.exec(`pragma journal_mode = wal; pragma synchronous = full; pragma cache_size = -65536;
    pragma mmap_size = 2000000000;
    create table if not exists entries (key blob primary key, value blob not null) without rowid`);
  const read = db.prepare('select value from entries where key = ?');
  const put = db.prepare('insert into entries values (?, ?) on conflict (key) do update set value = excluded.value');
  const all = db.prepare('select key, value from entries order by key');
  const write = (list: readonly (readonly [Buffer, Buffer])[]) => {
    db.exec('begin immediate');
    for (const [key, value] of list) put.run(key, value);
    db.exec('commit');
  };
  return {
    readEach: (keys) =>
      keys.map((key) => {
        const row = read.get(key) as Row | undefined;
        return row && bufferOf(row.value);
      }),
    commit: write,
    fill: write,
    scan: (visit) => {
      for (const { key, value } of all.iterate() as Iterable<Row>) visit(bufferOf(key), bufferOf(value));
    },
    settle: () => void db.exec('pragma wal_checkpoint(truncate)'),
    close: () => db.close(),
  };
}

/** The same bytes. A damaged cell may also hold a value of another type. */
function bufferOf(value: Uint8Array): Buffer {
  return value instanceof Uint8Array
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : Buffer.from(String(value));
}
