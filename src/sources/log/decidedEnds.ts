import { EMPTY, type Observable, tap } from 'rxjs';
import { partitionKey } from '../../batch/topicPartition.js';
import type { SourceSetup } from '../source.js';
import { endPositions } from './endPositions.js';
import type { LogClient } from './logClient.js';
import type { PartitionState } from './partitionState.js';
import type { ResolvedLogSourceOptions } from './resolveLogSourceOptions.js';

/**
 * With `until`: finds where each partition ends. The latest offset is decided once: until everything up to there has been read, a
 * restart keeps it.
 */
export function decidedEnds(
  owner: string,
  client: LogClient,
  states: readonly PartitionState[],
  until: ResolvedLogSourceOptions<unknown>['until'],
  { replay, restored = [] }: Pick<SourceSetup, 'replay' | 'restored'>,
): Observable<unknown> {
  if (until === undefined) return EMPTY;
  const planned = new Map(replay.flat().map((range) => [partitionKey(range), range]));
  const saved = new Map([...restored, ...replay.flat()].map((one) => [partitionKey(one), one.endsAt]));
  const goesOn = replay.length > 0 || states.some(({ key, planned }) => planned < (saved.get(key) ?? 0));
  const listed = new Set(Array.isArray(until) ? until.map(partitionKey) : []);
  const isLatest = (key: string) => until === 'latest' || (Array.isArray(until) && !listed.has(key));
  const starts = states.map(({ topic, partition, planned: offset }) => ({ topic, partition, offset }));
  return endPositions(owner, client, starts, until).pipe(
    tap((ends) => {
      for (const state of states) {
        const range = planned.get(state.key);
        const decided = goesOn && isLatest(state.key) ? saved.get(state.key) : undefined;
        state.bound = range?.end === 'ended' ? range.until : (decided ?? ends.get(state.key) ?? Infinity);
        if (isLatest(state.key) && Number.isFinite(state.bound)) state.endsAt = state.bound;
      }
    }),
  );
}
