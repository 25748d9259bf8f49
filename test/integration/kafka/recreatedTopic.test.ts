import { memoryCheckpoint } from 'dstream';
import type { Admin } from 'kafkajs';
import { expect, it } from 'vitest';
import { createTopics } from '../../support/createTopics.js';
import { eventually, reading } from '../../support/identity.js';
import { describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';

const kafka = newKafka();
const named = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}${i}`);
const send = (topic: string, values: readonly string[]) =>
  produce(kafka, topic, [values.map((value) => ({ value, partition: 0 }))]);

/** The same name, with more records than were read. */
async function recreate(topic: string, count: number): Promise<void> {
  const withAdmin = async (work: (admin: Admin) => Promise<unknown>) => {
    const admin = kafka.admin();
    await admin.connect();
    await work(admin).finally(() => admin.disconnect());
  };
  await withAdmin((admin) => admin.deleteTopics({ topics: [topic] }));
  await eventually('the topic', () => withAdmin((admin) => createTopics(admin, [{ topic, numPartitions: 1 }])));
  await eventually('the records', () => send(topic, named('new', count)));
}

const old = named('old', 5);

describeKafka('a topic that is deleted and created again', () => {
  it.each([3, 5, 8])(
    'while the stream runs, is read from its beginning: %i records',
    { timeout: 600_000 },
    async (count) => {
      const topic = await makeTopic(kafka, 1);
      await send(topic, old);
      const run = reading({ kafka, topic, offsetOutOfRange: 'earliest' });
      await run.has(5);
      await recreate(topic, count);
      await run.has(5 + count);
      await run.stop();
      expect(run.errors).toEqual([]);
      expect(run.values).toEqual([...old, ...named('new', count)]);
      expect(run.lost).toMatchObject([{ topic, partition: 0, from: 5, until: 5 }]);
    },
  );

  it('while the stream runs, fails it by default', { timeout: 600_000 }, async () => {
    const topic = await makeTopic(kafka, 1);
    await send(topic, old);
    const run = reading({ kafka, topic });
    await run.has(5);
    await recreate(topic, 8);
    await run.failed();
    expect(run.values).toEqual(old);
    expect(run.errors).toMatchObject([{ code: 'OFFSET_OUT_OF_RANGE', reason: 'recreated' }]);
  });

  it('between two runs with a checkpoint, is read from its beginning, or fails the stream', {
    timeout: 600_000,
  }, async () => {
    const topic = await makeTopic(kafka, 1);
    await send(topic, old);
    const checkpoint = memoryCheckpoint();
    const first = reading({ kafka, topic, checkpoint });
    await first.has(5);
    await first.stop();
    await recreate(topic, 8);
    const refused = reading({ kafka, topic, checkpoint });
    await refused.failed();
    expect(refused.values).toEqual([]);
    expect(refused.errors).toMatchObject([{ reason: 'recreated', earliest: 0, latest: 8 }]);
    const second = reading({ kafka, topic, checkpoint, offsetOutOfRange: 'earliest' });
    await second.has(8);
    await second.stop();
    expect(second.values).toEqual(named('new', 8));
    expect(second.lost).toMatchObject([{ from: 5, until: 5 }]);
  });
});
