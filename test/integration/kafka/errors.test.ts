import { createServer } from 'node:net';
import { foreachBatch, memoryCheckpoint, string, updateStateByKey, window } from 'dstream';
import { type KafkaBatchesOptions, kafkaBatches } from 'dstream/kafka';
import { Kafka, logLevel } from 'kafkajs';
import { type Observable, timeout } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { expectNoSecret } from '../../support/expectNoSecret.js';
import {
  brokers,
  describeKafka,
  describeSasl,
  makeTopic,
  newKafka,
  produce,
  saslBrokers,
} from '../../support/kafka.js';

/** An error must come; that it comes at all, and does not hang, is what the limit is for. */
const limit = 300_000;

function failure(stream: Observable<unknown>): Promise<unknown> {
  return new Promise((resolve, reject) => {
    stream.pipe(timeout(limit)).subscribe({ error: resolve, complete: () => reject(new Error('completed')) });
  });
}

const options = (more: object) =>
  ({ topics: ['t'], interval: 50, deserialize: string(), ...more }) as KafkaBatchesOptions<string | null>;

const read = (kafka: Kafka, more: object) => kafkaBatches(kafka, options(more)).pipe(foreachBatch(() => {}));

describeKafka('errors of a real Kafka', () => {
  it('an unknown topic', async () => {
    expect(await failure(read(newKafka(), { topics: ['absent'] }))).toMatchObject({
      code: 'UNKNOWN_TOPIC',
      topic: 'absent',
      message: 'topics: topic "absent" does not exist',
    });
  });

  it('a topic that is deleted while it is read', async () => {
    const kafka = newKafka();
    const topic = await makeTopic(kafka, 1);
    const admin = kafka.admin();
    await admin.connect();
    const deleted = kafkaBatches(kafka, options({ topics: [topic], retryTimeout: 3_000 })).pipe(
      foreachBatch(async (_, { time, zeroTime, interval }) => {
        if (time === zeroTime + interval) await admin.deleteTopics({ topics: [topic] });
      }),
    );
    expect(await failure(deleted)).toMatchObject({ code: 'UNKNOWN_TOPIC', topic });
    await admin.disconnect();
  });

  it('an unknown partition', async () => {
    const topic = await makeTopic(newKafka(), 1);
    const partitions = [{ topic, partition: 7 }];
    expect(await failure(read(newKafka(), { topics: undefined, partitions }))).toMatchObject({
      code: 'UNKNOWN_TOPIC',
      topic: `${topic}/7`,
    });
  });

  it('a group that has committed nothing, where it must have', async () => {
    const topic = await makeTopic(newKafka(), 1);
    expect(await failure(read(newKafka(), { topics: [topic], groupId: 'nobody', start: 'committed' }))).toMatchObject({
      code: 'INVALID_OPTION',
      option: 'start',
      value: 'committed',
    });
  });

  it('a group that has members, who are named', async () => {
    const kafka = newKafka();
    const topic = await makeTopic(kafka, 1);
    await produce(kafka, topic, [[{ value: 'a' }]]);
    const groupId = `group-of-${topic}`;
    const consumer = newKafka({ clientId: 'the-old-service' }).consumer({ groupId });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      consumer.run({ eachMessage: async () => resolve() }).catch(reject);
    });
    const error = await failure(read(newKafka(), { topics: [topic], groupId, start: 'earliest' }));
    expect(error).toMatchObject({
      code: 'PROTOCOL',
      retriable: false,
      message: expect.stringContaining(
        `group "${groupId}" is in use by consumers that are its members: the-old-service`,
      ),
    });
    await consumer.disconnect();
  });

  it('a window that is no multiple of the interval, a missing id: after the first batch', async () => {
    const kafka = newKafka();
    const topic = await makeTopic(kafka, 1);
    const windowed = kafkaBatches(kafka, options({ topics: [topic] })).pipe(window({ window: 75 }));
    expect(await failure(windowed)).toMatchObject({
      code: 'INVALID_OPTION',
      message: 'window: window (75) must be a multiple of the batch interval (50)',
    });
    const counted = kafkaBatches(kafka, {
      ...options({ topics: [topic] }),
      checkpoint: memoryCheckpoint(),
      deserialize: () => ['k', 1] as const,
    }).pipe(updateStateByKey((values: readonly number[]) => values.length));
    expect(await failure(counted)).toMatchObject({ code: 'MISSING_ID', operator: 'updateStateByKey' });
  });

  it('an output that is missing, where progress is kept', async () => {
    const topic = await makeTopic(newKafka(), 1);
    expect(await failure(kafkaBatches(newKafka(), options({ topics: [topic], groupId: 'g' })))).toMatchObject({
      code: 'UNCLAIMED_BATCH',
    });
  });
});

describeSasl('credentials', () => {
  const login = (password: string) =>
    new Kafka({
      brokers: [...saslBrokers],
      logLevel: logLevel.NOTHING,
      sasl: { mechanism: 'plain', username: 'reader', password },
    });

  it('that are wrong', async () => {
    const error = await failure(read(login('pass-of-the-client'), {}));
    expectNoSecret(error, 'pass-of-the-client');
    expect(error).toMatchObject({ code: 'AUTHENTICATION', retriable: false });
    expect((error as Error).message).toMatch(/^sasl: the broker refused the credentials: .*authentication/i);
  });

  it('that are right read the topic', async () => {
    const topic = await makeTopic(newKafka({ brokers: [...brokers] }), 1);
    const stream = kafkaBatches(login('secret'), options({ topics: [topic] }));
    await new Promise((resolve, reject) => {
      stream
        .pipe(foreachBatch(() => {}))
        .subscribe({ next: () => void stream.stop(), error: reject, complete: () => resolve(1) });
    });
  });
});

describe('errors without a Kafka', () => {
  const retry = { retries: 1, initialRetryTime: 50 };

  it('no broker', async () => {
    const kafka = new Kafka({ brokers: ['127.0.0.1:1'], logLevel: logLevel.NOTHING, retry });
    expect(await failure(kafkaBatches(kafka, options({ retryTimeout: 200 })))).toMatchObject({
      code: 'CONNECTION',
      retriable: true,
      brokers: ['127.0.0.1:1'],
    });
  });

  it('a broker that accepts and never answers', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as { port: number };
    const kafka = new Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: logLevel.NOTHING, retry, requestTimeout: 300 });
    const error = await failure(kafkaBatches(kafka, options({ retryTimeout: 200 })));
    expect(error).toMatchObject({ retriable: true });
    // Which of the two depends on where kafkajs was when its own time-out struck.
    expect(['CONNECTION', 'TIMED_OUT']).toContain((error as { code: string }).code);
    silent.close();
  });

  it('options out of range, at once, with the option, the value and the rule', () => {
    const kafka = new Kafka({ brokers: ['127.0.0.1:1'], logLevel: logLevel.NOTHING });
    expect(() => kafkaBatches(kafka, options({ interval: -1 }))).toThrow(
      'kafkaBatches: interval (-1) must be a positive integer',
    );
    expect(() => kafkaBatches(kafka, options({ isolationLevel: 'dirty' }))).toThrow('isolationLevel ("dirty")');
    expect(() => kafkaBatches({} as Kafka, options({}))).toThrow('kafkajs: the given object is no Kafka');
  });
});
