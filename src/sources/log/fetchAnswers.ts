import type { SchedulerLike } from 'rxjs';
import { OffsetOutOfRangeError } from '../../batch/errors.js';
import { identityOf } from '../../batch/logIdentity.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import { isOtherTopic, type LogBreak } from './logBreak.js';
import type { FetchedPartition } from './logClient.js';
import type { LongPolls } from './longPolls.js';
import type { PartitionState } from './partitionState.js';
import type { ResolvedLogSourceOptions } from './resolveLogSourceOptions.js';
import { passOver } from './startPositions.js';

export interface FetchAnswersParts {
  /** What happens where the log does not have an offset any more. */
  readonly policy: ResolvedLogSourceOptions<unknown>['offsetOutOfRange'];
  readonly polls: LongPolls;
  readonly scheduler: SchedulerLike;
  /** Ranges that were found lost go to its end. */
  readonly lost: OffsetRange[];
  /** Called with an error that ends the reading. */
  readonly fail: (error: unknown) => void;
}

/**
 * What a broker has answered for a partition: its records go to the state of the partition, if they are of the log that was planned.
 * `polled` says that all of it was asked for, planned or not. Returns how many bytes of records it has taken.
 */
export function receiveAnswer(
  parts: FetchAnswersParts,
  state: PartitionState,
  fetched: FetchedPartition,
  polled: boolean,
): number {
  // A response to a request from before the log was found to be recreated.
  if (fetched.offset !== state.fetchFrom) return 0;
  if (fetched.error) {
    refused(parts, state, fetched);
    return 0;
  }
  // Of the topic before this one, or of a leader that has been replaced.
  if (isOtherTopic(fetched.topicId, state.topicId)) return 0;
  if ((fetched.leaderEpoch ?? Infinity) < (state.leaderEpoch ?? -1)) return 0;
  const { records } = fetched;
  const differs = records && state.divergence(records, fetched.offset);
  const leaderEpoch = records?.leaderEpochs?.at(-1)?.leaderEpoch;
  if (isNewEpoch(leaderEpoch, fetched, state) && !state.doubts.believes(`epoch ${leaderEpoch} at ${fetched.offset}`)) {
    records?.release?.();
    return 0;
  }
  if (differs !== undefined) {
    records?.release?.();
    if (!state.doubts.believes(`another log at ${differs}`)) return 0;
    const { topic, partition, topicId } = state;
    const latest = { topic, partition, offset: fetched.latest, ...identityOf({ topicId, leaderEpoch }) };
    breakOff(parts, state, { reason: 'diverged', first: differs, latest });
    return 0;
  }
  const known = state.leaderEpoch;
  state.fetched(fetched);
  if (records) state.receive(records, fetched.offset, fetched.bytes, polled);
  parts.polls.heard(state, fetched.leaderEpoch, parts.scheduler.now());
  if (known !== undefined && state.leaderEpoch !== known) parts.polls.stop();
  return records ? fetched.bytes : 0;
}

/** The log does not have the offset: fails, or continues at an end of the log and notes what is lost. */
function refused(parts: FetchAnswersParts, state: PartitionState, fetched: FetchedPartition): void {
  const { error, earliest, latest } = fetched;
  const outOfRange = error instanceof OffsetOutOfRangeError;
  if (outOfRange && error.reason !== 'range') {
    const { topic, partition, topicId, leaderEpoch } = fetched;
    // It has been dealt with since the request was sent.
    if (error.reason === 'recreated' && !isOtherTopic(topicId, state.topicId)) return;
    const present = { topic, partition, offset: error.latest, ...identityOf({ topicId, leaderEpoch }) };
    breakOff(parts, state, { reason: error.reason, first: error.earliest, latest: present });
    return;
  }
  // No batch needs it yet, and one needs what was fetched before: it is fetched again once it is planned.
  if (outOfRange && state.fetchFrom > state.planned) {
    state.ahead = 0;
    return;
  }
  if (!outOfRange || parts.policy === 'error') {
    parts.fail(error);
    return;
  }
  const { topic, partition, fetchFrom } = state;
  const { position, lost } = passOver({ topic, partition, offset: fetchFrom }, earliest, latest, parts.policy);
  parts.lost.push(lost);
  state.latest = latest;
  if (position.offset < fetchFrom) state.moveTo(position.offset);
  else state.skipTo(position.offset);
}

function breakOff(parts: FetchAnswersParts, state: PartitionState, found: LogBreak): void {
  try {
    parts.lost.push(...state.breakOff(found, parts.policy));
  } catch (error) {
    parts.fail(error);
  }
}

/** Whether a record batch has an epoch that its leader did not have when it was asked: no checksum covers it. */
function isNewEpoch(epoch: number | undefined, fetched: FetchedPartition, state: PartitionState): boolean {
  const known = Math.max(fetched.leaderEpoch ?? -1, state.leaderEpoch ?? -1);
  return epoch !== undefined && known >= 0 && epoch > known;
}
