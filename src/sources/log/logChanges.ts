import { EMPTY, from, last, mergeMap, type Observable, tap } from 'rxjs';
import type { OffsetRange } from '../../batch/offsetRange.js';
import { partitionKey } from '../../batch/topicPartition.js';
import type { Steps } from '../../observables/steps.js';
import { checkIdentity } from './checkIdentity.js';
import { isOtherTopic, type LogBreak } from './logBreak.js';
import type { LogClient, LogOffset } from './logClient.js';
import type { LogPartitions } from './logPartitions.js';
import type { PartitionState } from './partitionState.js';
import type { ResolvedLogSourceOptions } from './resolveLogSourceOptions.js';
import { checkRange } from './startPositions.js';

// Notices, by the ends of the logs, that one is not the one that was planned: cut, or another of the same name.

export interface LogChangesParts {
  readonly client: LogClient;
  readonly partitions: LogPartitions;
  /** What happens where the log does not have what was planned any more. */
  readonly policy: ResolvedLogSourceOptions<unknown>['offsetOutOfRange'];
  readonly lost: (ranges: readonly OffsetRange[]) => void;
  /** Called when a position has moved: a batch may be waiting for records that will never arrive. */
  readonly moved: () => void;
}

/** Compares what is planned with the logs whose ends were heard: one may be another of the same name. */
export function checkIdentities(parts: LogChangesParts, heard: readonly LogOffset[]): Steps {
  const { client, partitions } = parts;
  const found = heard.flatMap((latest) => {
    const state = partitions.byKey.get(partitionKey(latest));
    return state ? [[state, latest] as const] : [];
  });
  return checkIdentity(client, found, (state, other) => breakOff(parts, state, other));
}

/** A log that ends before what is planned or received was truncated, or recreated where topics have no ids. */
export function checkTruncated(parts: LogChangesParts): Observable<unknown> {
  const { client, partitions } = parts;
  const { present } = partitions;
  const ahead = present.filter((state) => state.latest < Math.max(state.planned, state.fetchFrom));
  if (ahead.length === 0) return EMPTY;
  // Records may have arrived since the end was asked for, so it is asked for again.
  const received = new Map(ahead.map((state) => [state.key, state.fetchFrom]));
  // With all the others: of one that is away now nothing is given up, and nothing waits for it.
  const asked = client.unavailable ? present : ahead;
  return from(client.offsets(asked, 'latest', { partial: true })).pipe(
    last(undefined, []),
    mergeMap((positions) => {
      const heard = positions.filter((position) => received.has(partitionKey(position)));
      for (const position of heard) {
        const state = partitions.of(position);
        if (isOtherTopic(state.topicId, position.topicId)) continue;
        state.heard(position);
        if (state.latest < (received.get(state.key) ?? 0)) state.drop();
      }
      const states = heard.map((position) => partitions.of(position));
      return giveUp(
        parts,
        states.filter(({ latest, planned }) => latest < planned),
      );
    }),
  );
}

/** Gives up planned ranges that are not in the logs any more. */
function giveUp(
  { client, partitions, policy, lost, moved }: LogChangesParts,
  states: readonly PartitionState[],
): Observable<unknown> {
  const positions = states.map(({ topic, partition, planned }) => ({ topic, partition, offset: planned }));
  return checkRange(client, positions, policy).pipe(
    tap((found) => {
      lost(found.lost);
      for (const position of found.positions) partitions.of(position).moveTo(position.offset);
      if (found.positions.length > 0) moved();
    }),
  );
}

function breakOff({ policy, lost, moved }: LogChangesParts, state: PartitionState, found: LogBreak): void {
  lost(state.breakOff(found, policy));
  moved();
}
