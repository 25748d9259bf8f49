import { EMPTY } from 'rxjs';
import { isSelected } from '../log/isSelected.js';
import type { MemberCopies } from './memberEvents.js';
import type { GroupMemberOptions } from './memberOptions.js';

/**
 * Notices other jobs in a group whose members have all or nothing: one of them waits for as long as the other works, and neither reads less
 * for it. Those that wait are standbys of all partitions that the leader knows of, so each hears which topics the leader reads; and the leader
 * hears which topics the others read. `warn` is called once for the topics of each other job.
 */
export function otherJobs(
  { groupId, topics }: Pick<GroupMemberOptions, 'groupId' | 'topics'>,
  warn: (message: string) => void,
): MemberCopies {
  const warned = new Set<string>();
  const look = (found: readonly string[]): void => {
    const theirs = [...new Set(found)].sort();
    const isLess = topics.some((topic) => typeof topic === 'string' && !theirs.includes(topic));
    if (theirs.length === 0 || (!isLess && theirs.every((topic) => isSelected(topic, topics)))) return;
    const names = theirs.join(', ');
    if (warned.has(names)) return;
    warned.add(names);
    warn(
      `Group "${groupId}" has another job: it reads ${names}, and this one ${topics.join(', ')}. One of them waits while the other works. ` +
        'Give each job its own group, unless one is a newer version of the other.',
    );
  };
  return {
    look: () => EMPTY,
    claims: () => undefined,
    ranks: () => new Map(),
    place: (assigned, members, tasks) => {
      for (const member of members) look(member.topics ?? []);
      const waiting = members.filter(({ memberId }) => !assigned.get(memberId)?.length);
      return new Map(waiting.map(({ memberId }) => [memberId, tasks]));
    },
    keep: (tasks) => look(tasks.flatMap(({ partitions }) => partitions.map(({ topic }) => topic))),
  };
}
