import { EMPTY, from, last, type Observable, tap } from 'rxjs';
import { partitionKey, type TopicPartitionOffset } from '../../batch/topicPartition.js';
import type { Steps } from '../../observables/steps.js';
import { isOtherTopic, type LogBreak } from './logBreak.js';
import type { LogClient, LogOffset } from './logClient.js';
import type { PartitionState } from './partitionState.js';

type Heard = readonly (readonly [state: PartitionState, latest: LogOffset])[];

/**
 * Takes the ends of the logs as they are now, and notices those that have become other logs: a topic of another id, and one whose new
 * leader does not have what was planned. `broken` is called for each. Those that cannot be compared now are left as they were.
 */
export function* checkIdentity(
  client: LogClient,
  heard: Heard,
  broken: (state: PartitionState, found: LogBreak) => void,
): Steps {
  const recreated = heard.filter(isRecreated);
  const same = recreated.length === 0 ? heard : heard.filter((one) => !isRecreated(one));
  yield takeRecreated(client, recreated, broken);
  const unchecked = same.flatMap(([state, { leaderEpoch }]) => state.unchecked(leaderEpoch));
  const answer = unchecked.length > 0 && client.diverged ? yield client.diverged(unchecked, { partial: true }) : [];
  const diverged = (answer as readonly TopicPartitionOffset[] | undefined) ?? [];
  const away = new Set(client.unavailable?.().map(partitionKey));
  for (const [state, latest] of same) {
    if (away.has(state.key)) continue;
    const first = firstOf(diverged, state.key);
    if (first < Infinity) broken(state, { reason: 'diverged', first, latest });
    state.heard(latest);
    state.checked(latest.leaderEpoch);
  }
}

/** Infinity where none of these is in the partition. */
function firstOf(positions: readonly TopicPartitionOffset[], key: string): number {
  let first = Infinity;
  for (const position of positions) if (partitionKey(position) === key) first = Math.min(first, position.offset);
  return first;
}

function isRecreated([state, latest]: Heard[number]): boolean {
  return isOtherTopic(state.topicId, latest.topicId);
}

function takeRecreated(
  client: LogClient,
  recreated: Heard,
  broken: (state: PartitionState, found: LogBreak) => void,
): Observable<unknown> {
  if (recreated.length === 0) return EMPTY;
  const partitions = recreated.map(([, latest]) => latest);
  return from(client.offsets(partitions, 'earliest')).pipe(
    last(),
    tap((earliest) => {
      const firsts = new Map(earliest.map((position) => [partitionKey(position), position.offset]));
      for (const [state, latest] of recreated) {
        broken(state, { reason: 'recreated', first: firsts.get(state.key) ?? 0, latest });
      }
    }),
  );
}
