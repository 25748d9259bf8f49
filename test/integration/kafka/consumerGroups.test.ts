import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { foreachBatch, string } from 'dstream';
import { kafkaTasks } from 'dstream/kafka';
import { mergeMap } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { whyNoBroker } from '../../../scripts/kafka-broker.mjs';
import { describeGroup } from '../../support/consumerGroups.js';
import { brokers, committedOffsets, makeTopic, newKafka, produce } from '../../support/kafka.js';

const partitions = 4;
const each = 10;

// Kafka's own tool runs on Java, with the jars of a broker.
describe.skipIf(brokers.length === 0 || whyNoBroker())('kafka-consumer-groups', () => {
  it('shows who has which tasks, and their lag, while there are members and when there are none', async () => {
    const [topic, groupId] = [await makeTopic(newKafka(), partitions), randomUUID()];
    const send = () =>
      produce(newKafka(), topic, [
        Array.from({ length: each * partitions }, (_, i) => ({ value: `${i}`, partition: i % partitions })),
      ]);
    let release = () => {};
    let held: Promise<void> | undefined;
    const start = (clientId: string, extra = {}) => {
      const tasks = kafkaTasks(newKafka({ clientId }), {
        ...{
          topics: [topic],
          groupId,
          interval: 100,
          deserialize: string(),
          start: 'earliest',
          drainMs: 100,
          sessionTimeout: 3_000,
          ...extra,
        },
      });
      const run = tasks.pipe(mergeMap((task) => task.pipe(foreachBatch(() => held))));
      run.subscribe({ error: () => {} });
      return tasks;
    };
    const all = [start('one'), start('two', { instanceId: 'pod-1' })];
    await send();
    const done = async (count: number) => {
      while (
        (await committedOffsets(newKafka(), groupId, topic)).filter((offset) => offset === count).length < partitions
      )
        await sleep(50);
    };
    await done(each);

    const members = await describeGroup(groupId, '--members', '--verbose');
    const byClient = new Map(members.rows.map((row) => [row['CLIENT-ID'], row]));
    expect([...byClient.keys()].sort()).toEqual(['one', 'two']);
    for (const row of members.rows) expect(row['#PARTITIONS']).toBe('2');
    expect(byClient.get('two')?.['GROUP-INSTANCE-ID']).toBe('pod-1');

    held = new Promise((resolve) => {
      release = resolve;
    });
    await send();
    const working = await describeGroup(groupId);
    expect(working.rows.map((row) => row.PARTITION).sort()).toEqual(['0', '1', '2', '3']);
    for (const row of working.rows) {
      expect(row).toMatchObject({
        TOPIC: topic,
        'CURRENT-OFFSET': `${each}`,
        'LOG-END-OFFSET': `${2 * each}`,
        LAG: `${each}`,
      });
      expect(['one', 'two']).toContain(row['CLIENT-ID']);
    }
    release();
    held = undefined;
    await done(2 * each);

    await Promise.all(all.map((tasks) => tasks.stop()));
    // The static member stays in the group until its session is over.
    let drained = await describeGroup(groupId);
    while (drained.rows.some((row) => row['CLIENT-ID'] !== '-')) drained = await describeGroup(groupId);
    expect(drained.rows.map((row) => row.LAG)).toEqual(['0', '0', '0', '0']);
    expect(drained.notes).toContain('has no active members');
  });
});
