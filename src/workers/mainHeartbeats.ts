import { defer, from, type ObservableInput } from 'rxjs';
import type { GroupClient } from '../sources/group/groupClient.js';
import type { Kafka, KafkaRuntime } from '../sources/kafka/kafkajs/kafka.js';
import type { HeartbeatClient } from './heartbeatKeeper.js';

/** The heartbeats of all threads over one connection of the main thread, which is opened with the first of them. */
export class MainHeartbeats implements HeartbeatClient {
  readonly #kafka: Kafka | KafkaRuntime;
  #client: Promise<GroupClient> | undefined;
  readonly #underWay = new Set<Promise<void>>();

  constructor(kafka: Kafka | KafkaRuntime) {
    this.#kafka = kafka;
  }

  heartbeat: HeartbeatClient['heartbeat'] = (membership) => this.#with((client) => client.heartbeat(membership));

  leave: HeartbeatClient['leave'] = (membership) => this.#with((client) => client.leave(membership));

  /** After what is under way: the member of a thread that was ended leaves its group. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    const client = await this.#client?.catch(() => undefined);
    if (client) from(client.close()).subscribe({ error: () => {} });
  }

  #with(send: (client: GroupClient) => ObservableInput<unknown>): ObservableInput<unknown> {
    return defer(() => {
      const sent = this.#send(send);
      this.#underWay.add(sent);
      const over = () => void this.#underWay.delete(sent);
      sent.then(over, over);
      return sent;
    });
  }

  async #send(send: (client: GroupClient) => ObservableInput<unknown>): Promise<void> {
    this.#client ??= this.#connect();
    const client = await this.#client;
    await new Promise<void>((resolve, reject) => from(send(client)).subscribe({ error: reject, complete: resolve }));
  }

  async #connect(): Promise<GroupClient> {
    try {
      // Here, so that only those who use it need kafkajs.
      const { KafkajsGroupClient } = await import('../sources/kafka/kafkajs/kafkajsGroupClient.js');
      const client = new KafkajsGroupClient('runInThreads', this.#kafka);
      await client.connect();
      return client;
    } catch (error) {
      this.#client = undefined;
      throw error;
    }
  }
}
