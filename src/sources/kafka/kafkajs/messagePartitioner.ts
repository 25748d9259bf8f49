import { InvalidRecordError } from '../../../batch/errors.js';
import type { ProducerMessage } from '../../../outputs/kafka/producerPort.js';
import { partitionOfKey } from '../../../partitioning/partitionOfKey.js';
import type { PartitionLeader } from './kafkajsPort.js';
import { PartitionMessages } from './partitionMessages.js';
import { noLeader } from './topicLeaders.js';

/** How long the partitions of a topic are taken for known. A topic that has more of them since gets records in those within that time. */
const maxAgeMs = 300_000;

interface Partitions {
  readonly all: ReadonlySet<number>;
  /** Those for messages without a key: with a leader, or all where none has one. */
  readonly available: readonly number[];
  readonly staleAt: number;
}

/** Kafka's default partitioner, but that messages without a key take turns. Looks the partitions of a topic up when they are needed. */
export class MessagePartitioner {
  readonly #lookUp: (topic: string) => Promise<readonly PartitionLeader[]>;
  readonly #topics = new Map<string, Partitions>();
  #turn = 0;

  /** `lookUp` returns the partitions of a topic, fresh from a broker. */
  constructor(lookUp: (topic: string) => Promise<readonly PartitionLeader[]>) {
    this.#lookUp = lookUp;
  }

  /**
   * The messages by partition.
   *
   * @throws {InvalidRecordError} when a message names a partition that the topic does not have
   */
  async partition(topic: string, messages: readonly ProducerMessage[]): Promise<readonly PartitionMessages[]> {
    const known = this.#topics.get(topic);
    const isFresh = known !== undefined && performance.now() < known.staleAt;
    const placed = place(messages, isFresh ? known : await this.#refresh(topic), this.#turn);
    if (!placed.foreign) return this.#taken(placed);
    // The topic may have more partitions by now.
    const again = place(messages, await this.#refresh(topic), this.#turn);
    if (!again.foreign) return this.#taken(again);
    const last = Math.max(...(this.#topics.get(topic)?.all ?? []));
    const rule = `is for partition ${again.foreign.partition}, and topic "${topic}" has the partitions 0 to ${last}`;
    throw new InvalidRecordError('sendToKafka', again.foreign, rule);
  }

  /** What is known of a topic was wrong: the next messages look it up. */
  forget(topic: string): void {
    this.#topics.delete(topic);
  }

  #taken({ groups, turn }: Placed): readonly PartitionMessages[] {
    this.#turn = turn;
    return groups;
  }

  async #refresh(topic: string): Promise<Partitions> {
    const leaders = await this.#lookUp(topic);
    const led = leaders.filter(({ leader }) => leader !== noLeader);
    const partitions = {
      all: new Set(leaders.map(({ partition }) => partition)),
      available: (led.length > 0 ? led : leaders).map(({ partition }) => partition),
      staleAt: performance.now() + maxAgeMs,
    };
    this.#topics.set(topic, partitions);
    return partitions;
  }
}

interface Placed {
  readonly groups: readonly PartitionMessages[];
  readonly turn: number;
  /** A message for a partition that is not there. */
  readonly foreign?: ProducerMessage;
}

function place(messages: readonly ProducerMessage[], { all, available }: Partitions, firstTurn: number): Placed {
  const groups = new Map<number, PartitionMessages>();
  let turn = firstTurn;
  for (const message of messages) {
    const { key, partition: named } = message;
    let partition: number;
    if (named !== undefined && named !== null) {
      if (!all.has(named)) return { groups: [], turn, foreign: message };
      partition = named;
    } else if (key === undefined || key === null) {
      partition = available[turn++ % available.length] as number;
    } else partition = partitionOfKey(key, all.size);
    const group = groups.get(partition) ?? new PartitionMessages(partition);
    if (group.messages.length === 0) groups.set(partition, group);
    group.messages.push(message);
  }
  return { groups: [...groups.values()], turn };
}
