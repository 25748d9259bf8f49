import type { OffsetRange } from './offsetRange.js';
import type { TopicPartitionOffset } from './topicPartition.js';

/** What tells a log from another one of the same name. */
export type LogIdentity = Pick<TopicPartitionOffset, 'topicId' | 'leaderEpoch'>;

/** The identity as far as it is known: absent fields stay absent, so that what is saved has no `undefined` in it. */
export function identityOf({
  topicId,
  leaderEpoch,
}: {
  readonly topicId?: string | undefined;
  readonly leaderEpoch?: number | undefined;
}): LogIdentity {
  if (topicId === undefined) return leaderEpoch === undefined ? {} : { leaderEpoch };
  return leaderEpoch === undefined ? { topicId } : { topicId, leaderEpoch };
}

/** Where a log goes on after a range, as far as the range says: not the epoch of its last record batch, which is read later. */
export function positionAfter({ topic, partition, until, topicId }: OffsetRange): TopicPartitionOffset {
  return { topic, partition, offset: until, ...identityOf({ topicId }) };
}
