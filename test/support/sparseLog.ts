import { FencedError } from 'dstream';
import { CheckpointError } from '../../src/batch/errors.js';
import {
  type Changelog,
  ChangelogCut,
  type ChangelogPosition,
  type ChangelogRecord,
} from '../../src/state/kafka/changelog.js';
import { visitOnce } from './visitOnce.js';

/**
 * A compacted partition in memory, with offsets that stay: what compaction takes away leaves a gap, and a tombstone goes once it has been
 * there for `tombstonesMs` of the clock of `Date`.
 */
export class SparseLog {
  id: string | undefined = 'first';
  begin = 0;
  end = 0;
  tombstonesMs: number | undefined = 86_400_000;
  /** Whether no broker can be asked for its settings. */
  isAway = false;
  records: { readonly offset: number; readonly at: number; readonly record: ChangelogRecord }[] = [];
  /** The offsets from which it was read. */
  reads: number[] = [];
  /** How many records were read. */
  visited = 0;
  epoch = 0;
  /** Where each epoch but the first begins. */
  readonly #starts: { readonly epoch: number; readonly offset: number }[] = [];
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

  /** Another replica becomes the leader, which has nothing from `offset` on where it is given. */
  elect(offset = this.end): void {
    this.#starts.push({ epoch: ++this.epoch, offset });
    this.records = this.records.filter((one) => one.offset < offset);
    this.end = offset;
  }

  #cutAt({ offset, epoch }: ChangelogPosition): number | undefined {
    const end = this.#starts.find((start) => epoch !== undefined && start.epoch > epoch)?.offset ?? this.end;
    return end < offset ? end : undefined;
  }

  open(): Changelog<string> {
    const self = {};
    return {
      location: 'changelog in memory',
      read: async (position, visit, progress) => {
        this.reads.push(position.offset);
        const cutAt = this.#cutAt(position);
        if (cutAt !== undefined) {
          const cause = new ChangelogCut(`it was cut at ${cutAt}`);
          throw new CheckpointError('changelog in memory', 'read', { cause });
        }
        await progress?.(position.offset, this.end, this.epoch);
        for (const { offset, record } of [...this.records]) {
          if (offset < position.offset) continue;
          visitOnce(record, visit);
          this.visited++;
          if (this.visited % 10 === 0) await progress?.(offset + 1, this.end, this.epoch);
        }
        return { offset: this.end, epoch: this.epoch };
      },
      describe: async (position) => ({
        ...{ id: this.id, begin: this.begin, end: this.end },
        tombstonesMs: this.isAway ? 'unknown' : this.tombstonesMs,
        cutAt: position && this.#cutAt(position),
      }),
      end: async () => ({ offset: this.end, epoch: this.epoch }),
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
