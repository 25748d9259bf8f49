import { from, last, type SchedulerLike } from 'rxjs';
import { byPlace, partitionKey, type TopicPartition } from '../../batch/topicPartition.js';
import { GatheredCalls } from '../log/gatheredCalls.js';
import type { LogClient, LogOffset, LogPartition, LogPoint, OffsetsOptions } from '../log/logClient.js';
import { GatheredCommits } from './gatheredCommits.js';
import { GatheredFetches } from './gatheredFetches.js';

interface OffsetsQuestion {
  readonly partitions: readonly TopicPartition[];
  readonly point: LogPoint;
  readonly options: OffsetsOptions | undefined;
}

/**
 * A client for all tasks of a process: what they ask at a tick, commit and fetch goes out together, so that the requests do not grow with the
 * number of tasks. A fetch asks for what all of them want, and for no more than `maxFetchBytes`.
 */
export function sharedLog(client: LogClient, scheduler: SchedulerLike, maxFetchBytes = Infinity): LogClient {
  const later = (work: () => void): void => void scheduler.schedule(work);
  /** The latest answer: all tasks look for theirs in it. */
  let found: { answer: readonly LogOffset[]; byPlace: ReadonlyMap<string, LogOffset> } = {
    answer: [],
    byPlace: new Map(),
  };
  const offsets = new GatheredCalls<OffsetsQuestion, readonly LogOffset[]>(
    later,
    (questions) => {
      const { point, options } = questions[0] as OffsetsQuestion;
      // Once each: two sources of a task may read one partition, and Kafka refuses a request that has it twice.
      const partitions = byPlace(questions.flatMap((question) => question.partitions));
      return client.offsets([...partitions.values()], point, options);
    },
    (answer, { partitions }) => {
      if (found.answer !== answer) found = { answer, byPlace: byPlace(answer) };
      return partitions.flatMap((place) => found.byPlace.get(partitionKey(place)) ?? []);
    },
  );
  const partitions = new GatheredCalls<readonly (string | RegExp)[], readonly LogPartition[]>(
    later,
    (questions) => client.partitions(questions[0] ?? []),
    (answer) => answer,
  );
  const commits = new GatheredCommits(client, scheduler);
  const fetches = new GatheredFetches(client, scheduler, maxFetchBytes);
  const { diverged, broker, address, describe, unavailable } = client;
  return {
    name: client.name,
    connect: () => client.connect(),
    partitions: (topics) => partitions.ask(topics.map(String).join(), topics),
    offsets: (places, point, options) =>
      offsets.ask(`${typeof point === 'string' ? point : point.timestamp} ${options?.partial}`, {
        partitions: places,
        point,
        options,
      }),
    committed: (groupId, places, options) => from(client.committed(groupId, places, options)).pipe(last()),
    commit: (groupId, positions, member) =>
      member ? commits.commit(groupId, positions, member) : client.commit(groupId, positions),
    fetch: (requests, options) => fetches.fetch(requests, options),
    ...(diverged && { diverged: (positions, options) => diverged.call(client, positions, options) }),
    ...(broker && { broker: (place) => broker.call(client, place) }),
    ...(address && { address: (of) => address.call(client, of) }),
    ...(describe && { describe: () => describe.call(client) }),
    ...(unavailable && { unavailable: () => unavailable.call(client) }),
    close: () => client.close(),
  };
}
