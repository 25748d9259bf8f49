import { randomUUID } from 'node:crypto';
import { foreachBatch, fromBatches, type Pair, updateStateByKey } from 'dstream';
import { kafkaCheckpoint } from 'dstream/kafka';
import { firstValueFrom, from, lastValueFrom } from 'rxjs';
import { afterEach, expect, it, vi } from 'vitest';
import { brokers, describeKafka, describeSasl, makeTopic, newKafka, saslBrokers } from '../../support/kafka.js';
import { runCommand } from '../../support/runCommand.js';
import { settle } from '../../support/savedBatches.js';

const kafka = newKafka();
const newTopic = () => `test-state-${randomUUID()}`;
const run = (place: string, args: readonly string[], input = '') =>
  runCommand(['checkpoint', `kafka://${brokers.join(',')}/${place}`, ...args], input);
const visitsOver = async (topic: string, id: string, visits: readonly Pair<string, number>[][]) => {
  const seen: Pair<string, number>[] = [];
  await lastValueFrom(
    fromBatches(visits, { interval: 10, checkpoint: kafkaCheckpoint(kafka, { topic }) }).pipe(
      updateStateByKey((ones, n: number | undefined) => (n ?? 0) + ones.length, { id }),
      foreachBatch((totals) => {
        seen.push(...totals);
      }),
    ),
    { defaultValue: undefined },
  );
  return seen;
};
const first: Pair<string, number>[] = [
  ['ann', 1],
  ['bob', 1],
];

describeKafka('dstream checkpoint, of Kafka', () => {
  it('inspects, renames, exports, imports and drops, by topic and partition', async () => {
    const [topic, copy] = [newTopic(), newTopic()];
    await visitsOver(topic, 'visits', [first]);
    const { code, out } = await run(`${topic}/0`, ['inspect']);
    expect([code, out]).toEqual([0, expect.stringContaining(`Kafka topic ${topic}/0\nlast batch: `)]);
    expect(out).toContain('state "visits": updateStateByKey, version 0, 2 keys\n');
    // Of the only partition there is.
    expect(JSON.parse((await run(topic, ['inspect', '--json'])).out)).toMatchObject({ interval: 10 });

    // What the refusal of the stream names.
    const refused = visitsOver(topic, 'visitors', [first, first]);
    await expect(refused).rejects.toThrow(`npx dstream checkpoint kafka://BROKERS/${topic}/0 rename "visits" NEW-ID`);
    expect((await run(topic, ['rename', 'visits', 'visitors'])).out).toContain('is "visitors" now');
    expect(await visitsOver(topic, 'visitors', [first, [['ann', 1]]])).toContainEqual(['ann', 2]);

    const exported = await run(topic, ['export', 'visitors']);
    expect(exported.out.split('\n').slice(1)).toEqual([
      '{"dstream":"state","id":"visitors","operator":"updateStateByKey","signature":"","version":0}',
      '{"key":"ann","state":2}',
      '{"key":"bob","state":1}',
      '',
    ]);
    const imported = await run(copy, ['import'], exported.out);
    expect(imported).toEqual({ code: 0, out: `imported "visitors" into Kafka topic ${copy}/0\n`, err: '' });
    expect((await run(copy, ['export'])).out).toBe(exported.out);
    expect((await run(copy, ['import'], exported.out)).err).toContain('replace');
    expect((await run(copy, ['import', '--replace'], exported.out)).code).toBe(0);

    expect(await run(topic, ['drop', 'nobody'])).toMatchObject({ code: 1, err: expect.stringContaining('visitors') });
    expect((await run(topic, ['drop', 'visitors'])).code).toBe(0);
    expect((await run(topic, ['inspect'])).out).not.toContain('state ');
    expect((await run(copy, ['inspect'])).out).toContain('state "visitors"');
  });

  it('splits into the partitions of a topic, which it creates', async () => {
    const [topic, tasks] = [newTopic(), newTopic()];
    await visitsOver(topic, 'visits', [first]);
    const target = `kafka://${brokers.join(',')}/${tasks}`;
    const { code, out } = await run(topic, ['split', '--of', '3', '--to', target]);
    expect([code, out]).toEqual([0, [0, 1, 2].map((i) => `wrote Kafka topic ${tasks}/${i}\n`).join('')]);
    const parts = await Promise.all([0, 1, 2].map(async (i) => (await run(`${tasks}/${i}`, ['export'])).out));
    expect(parts.join('').match(/"key":"(ann|bob)"/g)).toHaveLength(2);
    expect(await run(tasks, ['inspect'])).toMatchObject({
      code: 2,
      err: expect.stringContaining(`topic ${tasks} has 3 partitions: name one, as in ${tasks}/0`),
    });
    const again = await run(topic, ['split', '--of', '3', '--to', `${target}/1`]);
    expect(again).toMatchObject({ code: 2, err: expect.stringContaining('leave out /1') });
  });

  it('is refused while a stream owns the partition, be it a member of a group', async () => {
    const topic = newTopic();
    for (const by of [undefined, { task: '0', memberId: 'm', generation: 1 }]) {
      const session = await firstValueFrom(from(kafkaCheckpoint(kafka, { topic }).open({ by })));
      await settle(session.save({ time: 10, zeroTime: 0, interval: 10, positions: {}, changes: [] }));
      for (const args of [['inspect'], ['drop', 'visits'], ['rename', 'a', 'b'], ['export']]) {
        expect(await run(topic, args)).toMatchObject({ code: 1, out: '', err: expect.stringContaining('in use by') });
      }
      // And has not noticed.
      await settle(session.save({ time: 20, zeroTime: 0, interval: 10, positions: {}, changes: [] }));
      await settle(session.close());
      expect(await run(topic, ['inspect'])).toMatchObject({ code: 0, err: '' });
    }
  });

  it('creates nothing where there is nothing, and touches no topic that is not a checkpoint', async () => {
    const missing = newTopic();
    expect(await run(missing, ['inspect'])).toMatchObject({
      code: 2,
      err: expect.stringContaining(`there is no topic ${missing}`),
    });
    const [empty, expiring] = [await makeTopic(kafka, 2), await makeTopic(kafka, 1)];
    expect((await run(`${empty}/2`, ['inspect'])).err).toContain('has no partition 2: it has 2');
    expect((await run(`${empty}/1`, ['inspect'])).err).toContain('has no checkpoint: it is empty');
    expect((await run(expiring, ['import'])).err).toContain('is not only compacted');
    const admin = kafka.admin();
    await admin.connect();
    expect(await admin.listTopics()).not.toContain(missing);
    await admin.disconnect();
    for (const [args, message] of [
      [['checkpoint', 'kafka://broker', 'inspect'], 'a location in Kafka is kafka://'],
      [['checkpoint', 'kafka://broker/topic/x', 'inspect'], 'a location in Kafka is kafka://'],
      [['checkpoint', 'kafka://broker/topic', 'inspect', '--job', 'a'], '--job is for a location in PostgreSQL'],
      [['checkpoint', 'kafka://broker/topic', 'import', '--store', 'lmdb'], '--store is for a location in a directory'],
    ] as const) {
      expect(await runCommand(args)).toMatchObject({ code: 2, err: expect.stringContaining(message) });
    }
  });
});

describeSasl('dstream checkpoint, of Kafka that wants a login', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('takes it from the environment', async () => {
    const topic = newTopic();
    await visitsOver(topic, 'visits', [first]);
    const inspect = () => runCommand(['checkpoint', `kafka://${saslBrokers.join(',')}/${topic}`, 'inspect']);
    vi.stubEnv('DSTREAM_KAFKA_USERNAME', 'reader');
    vi.stubEnv('DSTREAM_KAFKA_PASSWORD', 'wrong');
    const refused = await inspect();
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('the broker refused the credentials')]);
    expect(refused.err).not.toContain('wrong');
    vi.stubEnv('DSTREAM_KAFKA_PASSWORD', 'secret');
    expect(await inspect()).toMatchObject({ code: 0, out: expect.stringContaining('2 keys') });
    vi.stubEnv('DSTREAM_KAFKA_MECHANISM', 'magic');
    expect(await inspect()).toMatchObject({ code: 2, err: expect.stringContaining('DSTREAM_KAFKA_MECHANISM must be') });
  });
});
