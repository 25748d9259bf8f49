import { type Database, open } from 'lmdb';
import type { OpenEngine } from './engine.js';

const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;

/** LMDB with the settings of `lmdbCheckpoint`. */
export const openLmdb: OpenEngine = async (directory) => {
  const env = open<Buffer, Buffer>(directory, {
    ...binary,
    maxDbs: 8,
    noSubdir: false,
    eventTurnBatching: false,
    overlappingSync: false,
  });
  const entries: Database<Buffer, Buffer> = env.openDB('entries', binary);
  const write = async (list: readonly (readonly [Buffer, Buffer])[]) => {
    await env.batch(() => {
      for (const [key, value] of list) void entries.put(key, value);
    });
    env.resetReadTxn();
  };
  return {
    readEach: (keys) => keys.map((key) => entries.get(key)),
    commit: write,
    fill: write,
    scan: (visit) => {
      for (const { key, value } of entries.getRange({})) visit(key, value);
    },
    settle: () => {},
    close: () => env.close(),
  };
};
