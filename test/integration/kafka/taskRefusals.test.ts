import { randomUUID } from 'node:crypto';
import { foreachBatch, InvalidOptionError, string, UnknownTopicError } from 'dstream';
import { kafkaTasks } from 'dstream/kafka';
import { lastValueFrom, mergeMap } from 'rxjs';
import { expect, it } from 'vitest';
import { describeKafka, makeTopic, newKafka } from '../../support/kafka.js';

/** What `kafkaTasks` fails with. */
async function failureOf(options: {
  readonly topic: string;
  readonly groupId: string;
  readonly sessionTimeout: number;
}) {
  const { topic, ...more } = options;
  const tasks = kafkaTasks(newKafka(), { topics: [topic], interval: 100, deserialize: string(), ...more });
  const running = tasks.pipe(mergeMap((task) => task.pipe(foreachBatch(() => {}))));
  return lastValueFrom(running).catch((error: unknown) => error as Error);
}

describeKafka('kafkaTasks is refused', () => {
  it('a session that is too short for the broker, and says what bounds there are', async () => {
    const topic = await makeTopic(newKafka(), 1);
    const error = await failureOf({ topic, groupId: randomUUID(), sessionTimeout: 30 });
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error).toMatchObject({ option: 'sessionTimeout' });
    expect((error as Error).message).toContain('group.min.session.timeout.ms');
  });

  it('a topic that does not exist, which was looked for again and again', async () => {
    const error = await failureOf({ topic: 'never-created', groupId: randomUUID(), sessionTimeout: 6_000 });
    expect(error).toBeInstanceOf(UnknownTopicError);
    expect((error as Error).message).toContain('"never-created"');
  });

  it('a group of consumers of another kind, whose members the error names', async () => {
    const topic = await makeTopic(newKafka(), 1);
    const groupId = randomUUID();
    const consumer = newKafka({ clientId: 'other-app' }).consumer({ groupId });
    await consumer.connect();
    await consumer.subscribe({ topics: [topic] });
    const joined = new Promise((resolve) => consumer.on('consumer.group_join', resolve));
    await consumer.run({ eachMessage: async () => {} });
    await joined;
    try {
      const error = await failureOf({ topic, groupId, sessionTimeout: 6_000 });
      expect(error).toMatchObject({ kafkaError: 'INCONSISTENT_GROUP_PROTOCOL' });
      expect((error as Error).message).toMatch(/in use by consumers of another kind: .*other-app/);
    } finally {
      await consumer.disconnect();
    }
  });
});
