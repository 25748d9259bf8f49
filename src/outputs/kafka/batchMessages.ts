import type { ProducerMessage } from './producerPort.js';

/** Records by the topic that they go to. */
export type MessagesByTopic = ReadonlyMap<string, readonly ProducerMessage[]>;

/** Records that say the batch time, which is a later one where the clock is behind what another owner has written. */
export type TimedMessages = (time: number) => MessagesByTopic;

/** What all outputs of one group write of one batch. */
export class BatchMessages {
  readonly #added: (MessagesByTopic | TimedMessages)[] = [];

  add(messages: MessagesByTopic | TimedMessages): void {
    this.#added.push(messages);
  }

  /** Whether any of them say the batch time. */
  get areTimed(): boolean {
    return this.#added.some((messages) => typeof messages === 'function');
  }

  at(time: number): MessagesByTopic {
    const all = new Map<string, ProducerMessage[]>();
    for (const added of this.#added) {
      for (const [topic, more] of typeof added === 'function' ? added(time) : added) {
        const before = all.get(topic);
        if (before) for (const message of more) before.push(message);
        else all.set(topic, [...more]);
      }
    }
    return all;
  }
}
