import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, KafkaJSError } from 'kafkajs';

/** A commit, as it was seen from outside. */
export interface SeenCommit {
  /** When the coordinator was asked and had it, in ms of `performance.now()`: later than it was made by at most a poll. */
  readonly at: number;
  /** The process id of who committed. */
  readonly pid: number;
  readonly offset: number;
}

/** What a group commits, by asking its coordinator again and again. */
export class Commits {
  /** By partition, in the order in which they were seen. */
  readonly seen: readonly SeenCommit[][];
  #ended = false;
  readonly #watching: Promise<void>;

  constructor(admin: Admin, groupId: string, topic: string, partitions: number, everyMs: number) {
    this.seen = Array.from({ length: partitions }, () => []);
    const watch = async () => {
      while (!this.#ended) {
        const [found] = await admin.fetchOffsets({ groupId, topics: [topic] }).catch(notYet);
        const at = performance.now();
        for (const { partition, offset, metadata } of found?.partitions ?? []) {
          // `dstream HOST/PID/RANDOM/RANDOM TIME`
          const pid = Number(/^dstream [^/]+\/(\d+)\//.exec(metadata ?? '')?.[1]);
          const list = this.seen[partition];
          if (!list || Number.isNaN(pid) || Number(offset) === list.at(-1)?.offset) continue;
          list.push({ at, pid, offset: Number(offset) });
        }
        await sleep(everyMs);
      }
    };
    this.#watching = watch();
  }

  /** Who has committed last, by partition. */
  owners(): readonly (number | undefined)[] {
    return this.seen.map((list) => list.at(-1)?.pid);
  }

  partitionsOf(pid: number): readonly number[] {
    return this.owners().flatMap((owner, partition) => (owner === pid ? [partition] : []));
  }

  /** When this partition first had a commit of another process after that time. */
  firstOfOthers(partition: number, pid: number, after: number): number | undefined {
    return this.seen[partition]?.find((one) => one.at >= after && one.pid !== pid)?.at;
  }

  /** The longest time without a commit, from the last one before `from` until `until`. */
  gap(partition: number, from: number, until: number): number {
    const times = (this.seen[partition] ?? []).map(({ at }) => at);
    const last = times.filter((at) => at < from).at(-1) ?? from;
    const all = [last, ...times.filter((at) => at >= from && at <= until), until];
    return Math.max(...all.slice(1).map((at, i) => at - (all[i] as number)));
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#watching;
  }
}

/** The coordinator of a new group has to be found first. */
function notYet(error: KafkaJSError): [] {
  if (error.retriable) return [];
  throw error;
}
