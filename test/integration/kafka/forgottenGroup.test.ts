import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type GroupEvent, mapRecords, mapWithState, type Pair, string } from 'dstream';
import { kafkaCheckpoint, kafkaTasks, sendInTransaction } from 'dstream/kafka';
import { mergeMap } from 'rxjs';
import { expect, it } from 'vitest';
import { describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';
import { outputOf, valuesOf } from '../../support/kafkaTopics.js';

const kafka = newKafka();
const partitions = 2;
const keys = ['a', 'b', 'c', 'd'];

describeKafka('a group that Kafka has forgotten', () => {
  it('begins again at its first generation, and loses or repeats nothing of what its tasks have saved', async () => {
    const [input, output] = [await makeTopic(kafka, partitions), await makeTopic(kafka, 1)];
    const [groupId, state] = [randomUUID(), `test-state-${randomUUID()}`];
    const start = () => {
      const events: GroupEvent[] = [];
      const tasks = kafkaTasks(kafka, {
        ...{ topics: [input], groupId, interval: 50, start: 'earliest', keys: 'unchecked', deserialize: string() },
        checkpoint: ({ partition }) => kafkaCheckpoint(kafka, { topic: state, partition, partitions }),
        groupObserver: { next: (event) => void events.push(event) },
      });
      const running = tasks.pipe(
        mergeMap((task) =>
          task.pipe(
            mapRecords((key): Pair<string, number> => [key ?? '', 1]),
            mapWithState<string, number, number, { readonly value: string }>(
              (key, one, count) => {
                count.update((count.get() ?? 0) + (one ?? 0));
                return { value: `${key}${count.get()}` };
              },
              { id: 'counts' },
            ),
            sendInTransaction(task.checkpoint, { topic: output }),
          ),
        ),
      );
      running.subscribe();
      return { events, stop: () => tasks.stop() };
    };
    const written = async () => valuesOf(await outputOf(output, 1)).flat();
    const generationOf = (events: readonly GroupEvent[]) => Math.max(...events.map(({ generation }) => generation));
    /** Each key once more, each in a partition of its own. */
    const expected: string[] = [];
    const count = async (n: number) => {
      await produce(kafka, input, [keys.map((value, i) => ({ value, partition: i % partitions }))]);
      expected.push(...keys.map((key) => `${key}${n}`));
      while ((await written()).length < expected.length) await sleep(50);
    };

    let generation = 0;
    for (let n = 1; n <= 2; n++) {
      const job = start();
      await count(n);
      await job.stop();
      generation = generationOf(job.events);
    }
    const admin = kafka.admin();
    await admin.connect();
    await admin.deleteGroups([groupId]);
    await admin.disconnect();
    // What comes while there is neither a process nor a group.
    await produce(kafka, input, [keys.map((value, i) => ({ value, partition: i % partitions }))]);
    expected.push(...keys.map((key) => `${key}3`));
    const job = start();
    await count(4);
    await job.stop();

    expect(generationOf(job.events)).toBeLessThan(generation);
    expect((await written()).sort()).toEqual(expected.sort());
  });
});
