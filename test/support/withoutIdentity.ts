import type { LogClient, MemoryLog } from 'dstream';
import { from, map } from 'rxjs';

/** A log that identifies neither topics nor leaders, as brokers before Kafka 2.3. */
export function withoutIdentity(log: MemoryLog): LogClient {
  const anonymous = <P extends object>({
    topicId: _,
    leaderEpoch: __,
    ...rest
  }: P & { topicId?: unknown; leaderEpoch?: unknown }) => rest;
  return {
    name: 'log without identity',
    connect: () => log.connect(),
    partitions: (topics) => from(log.partitions(topics)).pipe(map((found) => found.map(anonymous))) as never,
    offsets: (partitions, point) =>
      from(log.offsets(partitions, point)).pipe(map((found) => found.map(anonymous))) as never,
    committed: (groupId, partitions) => log.committed(groupId, partitions),
    commit: (groupId, positions) => log.commit(groupId, positions),
    fetch: (requests, options) =>
      from(log.fetch(requests.map(anonymous) as never, options)).pipe(
        map((fetched) => fetched.map(anonymous)),
      ) as never,
    close: () => log.close(),
  };
}
