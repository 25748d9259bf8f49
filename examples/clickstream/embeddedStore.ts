import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { foreachPartitionOnce, type Partition } from 'dstream';
import { fileCheckpoint } from 'dstream/node';
import { open } from 'lmdb';
import type { MinuteOfVisitors } from './pipeline.js';
import type { Store } from './store.js';

/**
 * Results in LMDB, where there is no PostgreSQL: each partition of a batch in a transaction that also notes its id, which is the same when
 * the batch comes again after a crash.
 */
export function embeddedStore(directory: string): Store {
  mkdirSync(directory, { recursive: true });
  const database = open({ path: join(directory, 'results.lmdb') });
  const pages = database.openDB<number, string>({ name: 'pages' });
  const minutes = database.openDB<number, number>({ name: 'visitors' });
  const written = database.openDB<boolean, string>({ name: 'written' });

  const once = <T>(output: string, write: (record: T) => void) =>
    foreachPartitionOnce<T>(
      ({ records }: Partition<T>, { id }) =>
        database.transactionSync(() => {
          for (const record of records) write(record);
          written.putSync(`${output} ${id}`, true);
        }),
      { written: (ids) => [ids.filter((id) => written.doesExist(`${output} ${id}`))] },
    );

  return {
    checkpoint: fileCheckpoint(join(directory, 'checkpoint')),
    outputs: {
      addViews: once('views', ([page, views]) => {
        pages.putSync(page, (pages.get(page) ?? 0) + views);
      }),
      writeVisitors: once('visitors', ({ minute, visitors }: MinuteOfVisitors) => {
        minutes.putSync(minute, visitors);
      }),
    },
    read: async () => ({
      pages: [...pages.getRange()]
        .map(({ key, value }) => [key, value] as const)
        .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)),
      visitors: [...minutes.getRange()].map(({ key, value }) => ({ minute: key, visitors: value })),
    }),
    close: () => database.close(),
  };
}
