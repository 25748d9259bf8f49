import { UnknownTopicError } from '../../batch/errors.js';
import type { TopicPartition, TopicPartitionOffset } from '../../batch/topicPartition.js';
import { errorOf, expectSame, settle } from './expectations.js';
import type { LogTrial } from './logTrial.js';

type Case = (trial: LogTrial) => Promise<void>;

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

/** What every client of a log does about partitions and offsets, by what it is called. */
export const logPlaceCases: Readonly<Record<string, Case>> = {
  async 'lists partitions in order of topic and number'(trial) {
    const prefix = trial.name('listed');
    const [a, b] = [`${prefix}.a`, `${prefix}.b`];
    await trial.log.createTopic(b, 2);
    await trial.log.createTopic(a, 11);
    const client = await trial.connect();
    const expected = [
      ...numbers(11).map((partition) => ({ topic: a, partition })),
      ...numbers(2).map((partition) => ({ topic: b, partition })),
    ];
    expectSame('topics by name', places(await settle(client.partitions([b, a]))), expected);
    expectSame('topics by pattern', places(await settle(client.partitions([new RegExp(`^${prefix}`)]))), expected);
    expectSame(
      'a name and a pattern',
      places(await settle(client.partitions([b, new RegExp(`^${prefix}.a`, 'g')]))),
      expected,
    );
    expectSame('a pattern that none matches', await settle(client.partitions([/^no such topic$/])), []);
    await trial.log.addPartitions(b, 3);
    expectSame('partitions that were added', places(await settle(client.partitions([b]))), [
      ...expected.slice(11),
      { topic: b, partition: 2 },
    ]);
  },

  async 'fails with UnknownTopicError for a topic that is not there'(trial) {
    const there = await trial.topic(1);
    const absent = trial.name('absent');
    const client = await trial.connect();
    const error = await errorOf('partitions', () => settle(client.partitions([there, absent])));
    expectSame('an UnknownTopicError', error instanceof UnknownTopicError, true);
    expectSame('its topic', (error as UnknownTopicError).topic, absent);
  },

  async 'returns the ends of empty and filled partitions'(trial) {
    const topic = await trial.topic(2);
    await trial.append(topic, [
      { value: 'a', partition: 1 },
      { value: 'b', partition: 1 },
    ]);
    const client = await trial.knowing(topic);
    const partitions = numbers(2).map((partition) => ({ topic, partition }));
    const at = (...offsets: readonly number[]) => offsets.map((offset, partition) => ({ topic, partition, offset }));
    expectSame('earliest', offsetsOf(await settle(client.offsets(partitions, 'earliest'))), at(0, 0));
    expectSame('latest', offsetsOf(await settle(client.offsets(partitions, 'latest'))), at(0, 2));
    await trial.log.truncate(topic, 1, 1);
    expectSame('earliest after retention', offsetsOf(await settle(client.offsets(partitions, 'earliest'))), at(0, 1));
  },

  async 'returns the first offset at or after a timestamp, and the end if nothing is that new'(trial) {
    const topic = await trial.topic(2);
    const begin = trial.now;
    for (const i of numbers(3)) await trial.append(topic, [{ value: 'v', partition: 0, timestamp: begin + 10 * i }]);
    const client = await trial.knowing(topic);
    const partitions = numbers(2).map((partition) => ({ topic, partition }));
    for (const [timestamp, offset] of [
      [begin - 1, 0],
      [begin, 0],
      [begin + 1, 1],
      [begin + 20, 2],
      [begin + 21, 3],
    ] as const) {
      expectSame(
        `${timestamp - begin} ms after the first`,
        offsetsOf(await settle(client.offsets(partitions, { timestamp }))),
        [
          { topic, partition: 0, offset },
          { topic, partition: 1, offset: 0 },
        ],
      );
    }
  },

  async 'keeps the offsets of each group'(trial) {
    const topic = await trial.topic(2);
    const [group, other] = [trial.name('group'), trial.name('group')];
    const client = await trial.knowing(topic);
    const partitions = numbers(2).map((partition) => ({ topic, partition }));
    expectSame('a new group', await settle(client.committed(group, partitions)), []);
    await settle(client.commit(group, [{ topic, partition: 1, offset: 7 }]));
    await settle(client.commit(other, [{ topic, partition: 1, offset: 1 }]));
    expectSame('one partition', await settle(client.committed(group, partitions)), [
      { topic, partition: 1, offset: 7 },
    ]);
    const both = [
      { topic, partition: 0, offset: 3 },
      { topic, partition: 1, offset: 9 },
    ];
    await settle(client.commit(group, both));
    const again = await trial.knowing(topic);
    expectSame('seen by another client', sorted(await settle(again.committed(group, partitions))), both);
  },
};

/** Without what identifies the topics. */
function places(partitions: readonly TopicPartition[] | undefined): readonly TopicPartition[] {
  return (partitions ?? []).map(({ topic, partition }) => ({ topic, partition }));
}

/** In the order of the partitions, without what identifies the logs. */
function offsetsOf(positions: readonly TopicPartitionOffset[] | undefined): readonly TopicPartitionOffset[] {
  return sorted(positions).map(({ topic, partition, offset }) => ({ topic, partition, offset }));
}

function sorted<P extends { readonly partition: number }>(positions: readonly P[] | undefined): readonly P[] {
  return [...(positions ?? [])].sort((a, b) => a.partition - b.partition);
}
