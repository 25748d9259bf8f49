import type { Kafka } from 'kafkajs';
import { DStreamError } from '../../batch/errors.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import { partitionKey } from '../../batch/topicPartition.js';
import { mayRetry, translateError } from '../../sources/kafka/kafkajs/kafkaErrors.js';
import { type KafkajsPort, kafkajsPort } from '../../sources/kafka/kafkajs/kafkajsPort.js';
import { withBackOff } from './withBackOff.js';

export interface CommittedOffset {
  readonly offset: number;
  /** The batch time that was kept with it; -Infinity for none. */
  readonly time: number;
}

/** Between two attempts, in ms: doubled each time up to the most. */
const backOff = { first: 10, most: 500 } as const;

/**
 * The offsets of a group that no transaction is about to change. Brokers may end a transaction, and take new ones of its id,
 * a moment before they give out the offsets that it committed; kafkajs's own request would bring the older ones.
 */
export class StableOffsets {
  readonly #port: KafkajsPort;
  readonly #groupId: string;
  readonly #timeout: number;
  #connected: Promise<void> | undefined;

  constructor(kafka: Kafka, groupId: string, timeout: number) {
    this.#port = kafkajsPort(kafka, 'read_committed');
    this.#groupId = groupId;
    this.#timeout = timeout;
  }

  /** By `TOPIC/PARTITION`; those that were never committed are not in it. */
  async of(ranges: readonly OffsetRange[]): Promise<ReadonlyMap<string, CommittedOffset>> {
    const again = (error: unknown) => error instanceof DStreamError && mayRetry(error);
    return withBackOff(() => this.#ask(ranges), { ...backOff, timeout: this.#timeout, mayRetry: again });
  }

  async #ask(ranges: readonly OffsetRange[]): Promise<ReadonlyMap<string, CommittedOffset>> {
    try {
      this.#connected ??= this.#port.connect();
      await this.#connected;
      const found = await this.#port.stableOffsetFetch(this.#groupId, ranges);
      const committed = found.filter(({ offset }) => offset >= 0);
      return new Map(committed.map((one) => [partitionKey(one), { offset: one.offset, time: timeIn(one.metadata) }]));
    } catch (cause) {
      throw translateError(cause, 'OffsetFetch', `group "${this.#groupId}"`);
    }
  }

  async close(): Promise<void> {
    if (this.#connected) await this.#port.disconnect().catch(() => {});
  }
}

/** What is kept with an offset. */
export function metadataOf(time: number): string {
  return `dstream ${time}`;
}

function timeIn(metadata: string): number {
  const [, time] = /^dstream (-?\d+)$/.exec(metadata) ?? [];
  return time === undefined ? -Infinity : Number(time);
}
