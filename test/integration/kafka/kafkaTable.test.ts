import { batchesFrom, foreachBatch, joinTable, json, mapRecords, memoryCheckpoint, string } from 'dstream';
import { kafkaSource, kafkaTable, kafkaTasksFrom } from 'dstream/kafka';
import { mergeMap } from 'rxjs';
import { expect, it } from 'vitest';
import { brokers, describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';

const compacted = { configEntries: [{ name: 'cleanup.policy', value: 'compact' }] };
const rows = (count: number) => Array.from({ length: count }, (_, i) => ({ key: `u${i}`, value: String(i) }));

describeKafka('kafkaTable', () => {
  const kafka = newKafka();

  it('is read to its end first, and goes on from the checkpoint', async () => {
    const users = await makeTopic(kafka, 3, compacted);
    const clicks = await makeTopic(kafka, 1);
    await produce(kafka, users, [
      rows(5_000),
      [
        { key: 'u1', value: '100' },
        { key: 'u2', value: null },
      ],
    ]);
    await produce(kafka, clicks, [['u0', 'u1', 'u2', 'u4999'].map((value) => ({ value }))]);
    const checkpoint = memoryCheckpoint();
    const life = (enough: number) =>
      new Promise<{ readonly joined: readonly string[]; readonly read: number }>((resolve, reject) => {
        const joined: string[] = [];
        let read = 0;
        const streams = batchesFrom(
          {
            clicks: kafkaSource(kafka, { topics: [clicks], start: 'earliest', deserialize: string() }),
            users: kafkaTable(kafka, { topic: users, deserialize: json<number>() }),
          },
          {
            interval: 50,
            checkpoint,
            batchObserver: {
              next: ({ inputs }) => {
                read += inputs.users?.records ?? 0;
              },
            },
          },
        );
        streams.clicks
          .pipe(
            mapRecords((user) => [user ?? '', 'click']),
            joinTable(streams.users, { id: 'users', missing: 'keep' }),
            foreachBatch((records) => {
              for (const [user, [, row]] of records) joined.push(`${user}:${row}`);
              if (joined.length >= enough) void streams.clicks.stop();
            }),
          )
          .subscribe({ error: reject, complete: () => resolve({ joined, read }) });
      });
    expect(await life(4)).toEqual({ joined: ['u0:0', 'u1:100', 'u2:undefined', 'u4999:4999'], read: 5_002 });

    await produce(kafka, users, [[{ key: 'u0', value: '7' }]]);
    await produce(kafka, clicks, [[{ value: 'u0' }, { value: 'u1' }]]);
    expect(await life(2)).toEqual({ joined: ['u0:7', 'u1:100'], read: 1 });
  });

  it('is whole in every task, whatever the partitions of its topic', async () => {
    const users = await makeTopic(kafka, 3, compacted);
    const clicks = await makeTopic(kafka, 2);
    await produce(kafka, users, [rows(100)]);
    const wanted = rows(100).map(({ key }) => key);
    await produce(kafka, clicks, [[0, 1].flatMap((partition) => wanted.map((value) => ({ value, partition })))]);
    const tasks = kafkaTasksFrom(
      kafka,
      {
        clicks: { topics: [clicks], start: 'earliest', deserialize: string() },
        users: kafkaTable(kafka, { topic: users, deserialize: json<number>() }),
      },
      { groupId: `g-${clicks}`, interval: 50 },
    );
    const joined = new Map<string, number>();
    await new Promise<void>((resolve, reject) => {
      tasks
        .pipe(
          mergeMap(({ task, streams }) =>
            streams.clicks.pipe(
              mapRecords((user) => [String(user), 'click']),
              joinTable(streams.users, { missing: 'error' }),
              foreachBatch((records) => {
                joined.set(task.id, (joined.get(task.id) ?? 0) + records.length);
                if (joined.get('0') === 100 && joined.get('1') === 100) void tasks.stop();
              }),
            ),
          ),
        )
        .subscribe({ error: reject, complete: resolve });
    });
    expect([...joined].sort()).toEqual([
      ['0', 100],
      ['1', 100],
    ]);
  });

  it('warns of a topic that is not compacted', async () => {
    const warnings: string[] = [];
    const logged = newKafka({
      brokers,
      logLevel: 2,
      logCreator: () => (entry) => {
        warnings.push(entry.log.message);
      },
    });
    for (const topic of [await makeTopic(kafka, 1), await makeTopic(kafka, 1, compacted)]) {
      const { users } = batchesFrom({ users: kafkaTable(logged, { topic, deserialize: string() }) }, { interval: 20 });
      let batches = 0;
      await new Promise<void>((resolve, reject) => {
        users
          .pipe(
            foreachBatch(() => {
              const warned = warnings.some((message) => message.includes(`topic "${topic}" is not compacted`));
              if (warned || ++batches === 100) void users.stop();
            }),
          )
          .subscribe({ error: reject, complete: resolve });
      });
    }
    const told = warnings.filter((message) => message.includes('is not compacted (cleanup.policy is "delete")'));
    expect(told).toHaveLength(1);
  });
});
