import { randomBytes } from 'node:crypto';
import { emitWarning } from 'node:process';
import type { TopicPartition } from '../../../batch/topicPartition.js';
import { processId } from './processId.js';

/** How often a run looks whether another one commits under its group, in ms. */
const lookIntervalMs = 10_000;

/**
 * Notices when another run commits offsets under the same group, without either being a member of it: both work off every record. A
 * commit keeps the name of its run as metadata, `dstream RUN TIME`; what is found in place of one's own was committed later.
 */
export class GroupCommits {
  readonly #run = `${processId}/${randomBytes(3).toString('hex')}`;
  readonly #committed = new Map<string, TopicPartition>();
  readonly #warnedOf = new Set<string>();
  #lookAt = 0;

  /** The text to be committed beside an offset. */
  metadata(): string {
    return `dstream ${this.#run} ${Date.now()}`;
  }

  /** The partitions to be looked at before the next commit; none as long as the last look is recent. */
  due(now: number): readonly TopicPartition[] {
    if (now < this.#lookAt) return [];
    this.#lookAt = now + lookIntervalMs;
    return [...this.#committed.values()];
  }

  committed(key: string, { topic, partition }: TopicPartition): void {
    this.#committed.set(key, { topic, partition });
  }

  /** Warns of other runs, by what is committed now. */
  look(groupId: string, found: readonly { readonly metadata: string }[]): void {
    for (const { metadata } of found) {
      const [, other] = /^dstream (\S+) \d+$/.exec(metadata) ?? [];
      if (other === undefined || other === this.#run || this.#warnedOf.has(other)) continue;
      this.#warnedOf.add(other);
      const message =
        `Two runs commit offsets under group "${groupId}", so every record is worked off twice: ${this.#run} (this one) and ${other}, ` +
        "as HOST/PROCESS. Set membership: 'exclusive' so that one works and the other is on standby, or give each its own group.";
      emitWarning(message, { type: 'DStreamWarning', code: 'DSTREAM_SHARED_GROUP' });
    }
  }
}
