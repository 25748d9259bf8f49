import { OffsetOutOfRangeError } from '../../batch/errors.js';
import { identityOf } from '../../batch/logIdentity.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import type { LogOffset } from './logClient.js';

/** A partition has become another log than the one that was read: the topic was created again, or the log was cut and written again. */
export interface LogBreak {
  readonly reason: 'recreated' | 'diverged';
  /** The first offset of the present log that was not read: its beginning, or where it parts from what was read. */
  readonly first: number;
  /** The end of the present log. */
  readonly latest: LogOffset;
}

/** What was known of the log before. */
export interface FormerLog {
  readonly topic: string;
  readonly partition: number;
  /** The offset after everything handed out. */
  readonly position: number;
  /** The offset after everything planned, and after everything that was known to be there. */
  readonly planned: number;
  readonly latest: number;
  readonly topicId?: string | undefined;
}

/**
 * Where reading goes on, and what is lost: of the former log what was planned or known to be there and has not been read; and of the
 * present one what `'latest'` passes over.
 *
 * @throws {OffsetOutOfRangeError} when the policy is `'error'`
 */
export function passBreak(
  former: FormerLog,
  { reason, first, latest }: LogBreak,
  policy: 'error' | 'earliest' | 'latest',
): { readonly offset: number; readonly lost: readonly OffsetRange[] } {
  const { topic, partition, position, planned, topicId } = former;
  const place = { topic, partition };
  const known = Math.max(position, planned);
  const gone: OffsetRange =
    reason === 'recreated'
      ? { ...place, from: position, until: Math.max(known, former.latest), ...identityOf({ topicId }) }
      : { ...place, from: first, until: Math.max(known, first), ...identityOf({ topicId }) };
  if (policy === 'error') throw new OffsetOutOfRangeError(gone, first, latest.offset, reason);
  if (policy === 'earliest') return { offset: first, lost: [gone] };
  const from = reason === 'diverged' ? Math.min(first, position) : first;
  const passed: OffsetRange = { ...place, from, until: latest.offset, ...identityOf({ topicId: latest.topicId }) };
  const lost = reason === 'recreated' ? [gone, passed] : [passed];
  return { offset: latest.offset, lost: lost.filter((range, i) => i === 0 || range.until > range.from) };
}

/** Whether these are ids of different topics; one that is unknown is not different. */
export function isOtherTopic(one: string | undefined, other: string | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other;
}
