import { FencedError } from 'dstream';
import type { Changelog, ChangelogRecord } from '../../src/state/kafka/changelog.js';
import { visitOnce } from './visitOnce.js';

/** The records of one partition in memory, and who may append. */
export interface ChangelogMemory {
  readonly records: ChangelogRecord[];
  owner?: object;
}

/** A changelog in memory, as each process opens it. `fails` may refuse an append. */
export function memoryChangelog(
  memory: ChangelogMemory,
  fails: (records: readonly ChangelogRecord[]) => Error | undefined = () => undefined,
): Changelog<string> & { readonly appends: number; readonly others: readonly string[] } {
  const self = {};
  const others: string[] = [];
  let appends = 0;
  return {
    location: 'changelog in memory',
    others,
    get appends() {
      return appends;
    },
    describe: async () => ({ id: 'topic', begin: 0, end: memory.records.length, tombstonesMs: 86_400_000 }),
    read: async ({ offset }, visit) => {
      for (const record of memory.records.slice(offset)) visitOnce(record, visit);
      return { offset: memory.records.length };
    },
    take: async () => {
      memory.owner = self;
    },
    append: async (records, more) => {
      // As over a network: never in the same turn.
      await new Promise((resolve) => setImmediate(resolve));
      if (memory.owner !== self) throw new FencedError('changelog in memory');
      const error = fails(records);
      if (error) throw error;
      appends++;
      memory.records.push(...records);
      others.push(...more);
      return memory.records.length;
    },
    close: async () => {},
  };
}

/** Only the last record of each key, as Kafka compacts. */
export function compact(memory: ChangelogMemory): void {
  const last = new Map<string, ChangelogRecord>();
  for (const record of memory.records) {
    const key = record.key.toString('latin1');
    // In the place of the last record, not of the first.
    last.delete(key);
    last.set(key, record);
  }
  memory.records.splice(0, memory.records.length, ...[...last.values()].filter(({ value }) => value !== null));
}
