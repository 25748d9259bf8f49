import { type LogClient, memoryLog } from 'dstream';
import { logClientContract, type TestedLog } from 'dstream/testing';
import { EMPTY, from, map, of } from 'rxjs';
import { describe, expect, it } from 'vitest';

function memory(spoil: (client: LogClient) => Partial<LogClient> = () => ({})): TestedLog {
  const log = memoryLog();
  const client: LogClient = {
    name: 'memory',
    connect: () => log.connect(),
    partitions: (topics) => log.partitions(topics),
    offsets: (partitions, point) => log.offsets(partitions, point),
    committed: (group, partitions) => log.committed(group, partitions),
    commit: (group, positions) => log.commit(group, positions),
    fetch: (requests, options) => log.fetch(requests, options),
    diverged: (positions) => log.diverged(positions),
    close: () => log.close(),
  };
  return {
    client: () => ({ ...client, ...spoil(client) }),
    createTopic: (topic, partitions) => log.createTopic(topic, partitions),
    addPartitions: (topic, partitions) => log.createTopic(topic, partitions),
    append: (topic, records) => log.append(topic, records),
    truncate: (topic, partition, offset) => log.truncate(topic, partition, offset),
    deleteTopic: (topic) => log.deleteTopic(topic),
    electUncleanLeader: (topic, partition, offset) => log.electUncleanLeader(topic, partition, offset),
  };
}

describe('the log in memory', () => {
  for (const { name, run } of logClientContract(() => memory())) it(name, run);
});

describe('the contract', () => {
  const failing = async (spoil: (client: LogClient) => Partial<LogClient>): Promise<readonly string[]> => {
    const names: string[] = [];
    for (const { name, run } of logClientContract(() => memory(spoil))) await run().catch(() => names.push(name));
    return names;
  };

  it.each<[string, (client: LogClient) => Partial<LogClient>, RegExp]>([
    ['forgets what was committed', () => ({ commit: () => EMPTY }), /keeps the offsets of each group/],
    [
      'mixes up the ends',
      ({ offsets }) => ({ offsets: (partitions) => offsets(partitions, 'latest') }),
      /returns the ends/,
    ],
    [
      'lists partitions in the wrong order',
      ({ partitions }) => ({ partitions: (topics) => from(partitions(topics)).pipe(map((all) => [...all].reverse())) }),
      /in order of topic and number/,
    ],
    ['finds every topic', () => ({ partitions: () => of([]) }), /UnknownTopicError/],
    [
      'brings more bytes than asked for',
      ({ fetch }) => ({
        fetch: (requests, options) =>
          fetch(
            requests.map((request) => ({ ...request, maxBytes: 1e9 })),
            options,
          ),
      }),
      /obeys the bytes/,
    ],
    [
      'leaves partitions out',
      ({ fetch }) => ({ fetch: (requests, options) => fetch(requests.slice(0, 1), options) }),
      /several topics and partitions/,
    ],
    [
      'hides that offsets are gone',
      ({ fetch }) => ({
        fetch: (requests, options) =>
          from(fetch(requests, options)).pipe(map((answers) => answers.map(({ error: _, ...answer }) => answer))),
      }),
      /whose offset is not in the log/,
    ],
    [
      'takes a topic that was created again for the former one',
      ({ fetch }) => ({
        fetch: (requests, options) =>
          fetch(
            requests.map(({ topicId: _, ...request }) => request),
            options,
          ),
      }),
      /created again/,
    ],
    ['does not see that a log was cut', () => ({ diverged: () => of([]) }), /cut and written again/],
    [
      'begins one record late',
      ({ fetch }) => ({
        fetch: (requests, options) =>
          fetch(
            requests.map((request) => ({ ...request, offset: request.offset + 1 })),
            options,
          ),
      }),
      /each record once/,
    ],
  ])('finds a client that %s', async (_, spoil, expected) => {
    const names = await failing(spoil);
    expect(names.filter((name) => expected.test(name))).not.toEqual([]);
  });
});
