import type { OpenEngine } from './engine.js';
import { openLevel } from './levelEngine.js';
import { openLmdb } from './lmdbEngine.js';
import { openRocks } from './rocksEngine.js';
import { openBetterSqlite, openNodeSqlite } from './sqliteEngine.js';

export const lmdb = 'LMDB';

export const engines: Readonly<Record<string, OpenEngine>> = {
  [lmdb]: openLmdb,
  LevelDB: openLevel({}),
  'LevelDB, 64 MB cached, uncompressed': openLevel({ cacheSize: 67_108_864, compression: false }),
  RocksDB: openRocks,
  'SQLite, better-sqlite3': openBetterSqlite,
  'SQLite, node:sqlite': openNodeSqlite,
};
