import { setTimeout as sleep } from 'node:timers/promises';
import type { Kafka, Producer } from 'kafkajs';
import { poison, unreadable } from './modes.js';

export const partitions = 3;
const recordsPerSend = 20;
const sendIntervalMs = 200;

/**
 * Sends numbered records until it is stopped, around the proxies. Which of them arrived is read from the topic in the end: a send that
 * failed may have arrived all the same.
 */
export class Sender {
  readonly #kafka: Kafka;
  readonly #topic: string;
  #running = true;
  #done: Promise<void>;
  #number = 0;

  constructor(kafka: Kafka, topic: string) {
    this.#kafka = kafka;
    this.#topic = topic;
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#done;
  }

  async #run(): Promise<void> {
    let producer: Producer | undefined;
    while (this.#running) {
      try {
        if (!producer) {
          producer = this.#kafka.producer({ allowAutoTopicCreation: false });
          await producer.connect();
        }
        await producer.send({ topic: this.#topic, acks: -1, timeout: 10_000, messages: this.#messages() });
      } catch {
        // A broker was killed: the next attempt is by another connection.
        await producer?.disconnect().catch(() => {});
        producer = undefined;
      }
      await sleep(sendIntervalMs);
    }
    await producer?.disconnect().catch(() => {});
  }

  #messages() {
    return Array.from({ length: partitions * recordsPerSend }, (_, i) => {
      const number = this.#number++;
      const kind = number % 101 === 7 ? `${unreadable} ` : number % 103 === 9 ? `${poison} ` : '';
      return { partition: i % partitions, value: `${kind}${number}` };
    });
  }
}
