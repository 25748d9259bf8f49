import { FencedError } from 'dstream';
import type { Changelog, ChangelogRecord } from '../../src/state/kafka/changelog.js';

/**
 * A compacted partition in memory, with offsets that stay: what compaction takes away leaves a gap, and a tombstone goes once it has been
 * there for `tombstonesMs` of the clock of `Date`.
 */
export class SparseLog {
  id: string | undefined = 'first';
  begin = 0;
  end = 0;
  tombstonesMs: number | undefined = 86_400_000;
  records: { readonly offset: number; readonly at: number; readonly record: ChangelogRecord }[] = [];
  /** The offsets from which it was read. */
  reads: number[] = [];
  #owner: object | undefined;

  compact(): void {
    const newest = new Map(this.records.map((one) => [one.record.key.toString('latin1'), one]));
    const isKept = ({ at, record }: (typeof this.records)[number]) =>
      record.value !== null || Date.now() - at < (this.tombstonesMs ?? 0);
    this.records = [...newest.values()].filter(isKept).sort((a, b) => a.offset - b.offset);
  }

  /** As a topic that was deleted and created again. */
  recreate(id: string): void {
    Object.assign(this, { id, begin: 0, end: 0, records: [] });
  }

  open(): Changelog<string> {
    const self = {};
    return {
      location: 'changelog in memory',
      read: async (from, visit) => {
        this.reads.push(from);
        for (const { offset, record } of this.records) if (offset >= from) visit(record);
        return this.end;
      },
      describe: async () => ({ id: this.id, begin: this.begin, end: this.end, tombstonesMs: this.tombstonesMs }),
      take: async () => {
        this.#owner = self;
      },
      append: async (records) => {
        // As over a network: never in the same turn.
        await new Promise((resolve) => setImmediate(resolve));
        if (this.#owner !== self) throw new FencedError('changelog in memory');
        for (const record of records) this.records.push({ offset: this.end++, at: Date.now(), record });
        const end = this.end;
        // What ends the transaction has an offset too.
        this.end++;
        return end;
      },
      close: async () => {},
    };
  }
}
