import type { OpenEngine } from './engine.js';
import { loadPackage } from './packages.js';

interface WriteBatch {
  tryPut(key: Buffer, value: Buffer): void;
  flush(): Promise<void>;
  destroy(): void;
}

interface Rocks {
  ready(): Promise<void>;
  close(): Promise<void>;
  read(options: object): { get(key: Buffer): Promise<Buffer | null>; flush(): Promise<void>; destroy(): void };
  write(options: object): WriteBatch;
  flush(): Promise<void>;
  iterator(range: object, options: object): AsyncIterable<{ readonly key: Buffer; readonly value: Buffer }>;
}

/** A log that is damaged is refused, rather than read as far as it is whole. */
const absoluteConsistency = 1;

/**
 * RocksDB through rocksdb-native. It reads no key synchronously, so all keys are asked for at once; and it has no write that
 * is synced, so a commit writes what is in memory to files.
 */
export const openRocks: OpenEngine = async (directory) => {
  const RocksDB = loadPackage<new (directory: string, options: object) => Rocks>('rocksdb-native');
  const db = new RocksDB(directory, { walRecoveryMode: absoluteConsistency });
  await db.ready();
  const fill = async (list: readonly (readonly [Buffer, Buffer])[]) => {
    const batch = db.write({ capacity: list.length });
    for (const [key, value] of list) batch.tryPut(key, value);
    await batch.flush();
    batch.destroy();
  };
  return {
    async readEach(keys) {
      const batch = db.read({ capacity: keys.length });
      const values = Promise.all(keys.map((key) => batch.get(key)));
      values.catch(() => {});
      await batch.flush();
      batch.destroy();
      return (await values).map((value) => value ?? undefined);
    },
    async commit(list) {
      await fill(list);
      await db.flush();
    },
    fill,
    async scan(visit) {
      for await (const { key, value } of db.iterator({}, { capacity: 1_024 })) visit(key, value);
    },
    settle: () => db.flush(),
    close: () => db.close(),
  };
};
