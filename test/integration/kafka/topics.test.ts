import { randomUUID } from 'node:crypto';
import { foreachBatch, type LogSourceOptions, string } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import { expect, it } from 'vitest';
import { createTopics } from '../../support/createTopics.js';
import { describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';

const kafka = newKafka();

/** Reads values until `enough`; `meanwhile` runs once after the first batch. */
async function read(
  options: Pick<
    LogSourceOptions<unknown>,
    'topics' | 'partitions' | 'start' | 'groupId' | 'discoverInterval' | 'offsetOutOfRange'
  >,
  enough: (values: readonly (string | null)[]) => boolean,
  meanwhile: () => Promise<unknown> = async () => {},
): Promise<readonly (string | null)[]> {
  const values: (string | null)[] = [];
  const stream = kafkaBatches(kafka, { interval: 50, deserialize: string(), ...options } as never);
  let batches = 0;
  await new Promise<void>((resolve, reject) => {
    stream.pipe(foreachBatch((records) => void values.push(...(records as string[])))).subscribe({
      next: () => {
        if (batches++ === 0) meanwhile().catch(reject);
        if (enough(values)) void stream.stop();
      },
      error: reject,
      complete: resolve,
    });
  });
  return values.sort();
}

const send = (topic: string, ...values: string[]) =>
  produce(kafka, topic, [values.map((value) => ({ value, partition: 0 }))]);

describeKafka('where reading starts', () => {
  it('at the latest, the earliest, a timestamp, given offsets', async () => {
    const topic = await makeTopic(kafka, 1);
    const time = Date.now() - 10_000;
    const stamped = ['a', 'b', 'c'].map((value, i) => ({ value, partition: 0, timestamp: String(time + 1_000 * i) }));
    await produce(kafka, topic, [stamped]);
    const topics = [topic];
    expect(await read({ topics, start: 'earliest' }, (v) => v.length === 3)).toEqual(['a', 'b', 'c']);
    expect(await read({ topics, start: { timestamp: time + 500 } }, (v) => v.length === 2)).toEqual(['b', 'c']);
    const start = [{ topic, partition: 0, offset: 2 }];
    expect(await read({ topics, start }, (v) => v.length === 1)).toEqual(['c']);
    expect(
      await read(
        { topics },
        (v) => v.length === 1,
        () => send(topic, 'new'),
      ),
    ).toEqual(['new']);
    const beyond = { timestamp: Date.now() + 1e9 };
    expect(
      await read(
        { topics, start: beyond },
        (v) => v.length === 1,
        () => send(topic, 'newer'),
      ),
    ).toEqual(['newer']);
    expect(
      await read({ partitions: [{ topic, partition: 0 }], start: 'earliest' }, (v) => v.length === 5),
    ).toHaveLength(5);
  });

  it('at the committed offsets of a group, wherever start points', async () => {
    const topic = await makeTopic(kafka, 1);
    await send(topic, 'a', 'b');
    const groupId = `g-${randomUUID()}`;
    await read({ topics: [topic], groupId, start: 'earliest' }, (v) => v.length === 2);
    await send(topic, 'c');
    expect(await read({ topics: [topic], groupId, start: 'earliest' }, (v) => v.length === 1)).toEqual(['c']);
  });

  it('finds partitions and topics that come while it runs', async () => {
    const prefix = `found-${randomUUID()}`;
    const admin = kafka.admin();
    await admin.connect();
    const create = (topic: string, numPartitions: number) => createTopics(admin, [{ topic, numPartitions }]);
    await create(`${prefix}-1`, 1);
    const values = await read(
      { topics: [new RegExp(`^${prefix}`)], discoverInterval: 100 },
      (v) => v.length === 2,
      async () => {
        await admin.createPartitions({ topicPartitions: [{ topic: `${prefix}-1`, count: 2 }] });
        await create(`${prefix}-2`, 1);
        await send(`${prefix}-2`, 'new topic');
        await produce(newKafka(), `${prefix}-1`, [[{ value: 'new partition', partition: 1 }]]);
      },
    );
    await admin.disconnect();
    expect(values).toEqual(['new partition', 'new topic']);
  });

  it('names the range that is lost, or passes over it as told', async () => {
    const topic = await makeTopic(kafka, 1);
    await send(topic, 'a', 'b', 'c', 'd');
    const admin = kafka.admin();
    await admin.connect();
    // kafkajs deletes records only of topics whose metadata it has loaded.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '3' }] });
    await admin.disconnect();
    const start = [{ topic, partition: 0, offset: 1 }];
    await expect(read({ topics: [topic], start }, () => false)).rejects.toMatchObject({
      code: 'OFFSET_OUT_OF_RANGE',
      lost: { topic, partition: 0, from: 1, until: 3 },
      earliest: 3,
      latest: 4,
    });
    const onward = { topics: [topic], start, offsetOutOfRange: 'earliest' as const };
    expect(await read(onward, (v) => v.length === 1)).toEqual(['d']);
  });
});
