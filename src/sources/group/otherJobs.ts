import { EMPTY } from 'rxjs';
import { isSelected } from '../log/isSelected.js';
import type { MemberCopies } from './memberEvents.js';
import type { GroupMemberOptions } from './memberOptions.js';

/**
 * Notices other jobs in a group whose members have all or nothing: one of them waits for as long as the other works, and neither reads less
 * for it. Those that wait are standbys of all partitions that the leader knows of, so each hears which topics the leader reads; and the leader
 * hears which topics and patterns the others name. `warn` is called once for the topics of each other job.
 */
export function otherJobs(
  { groupId, topics }: Pick<GroupMemberOptions, 'groupId' | 'topics'>,
  warn: (message: string) => void,
): MemberCopies {
  const warned = new Set<string>();
  const look = (found: readonly string[], patterns: readonly string[] = []): void => {
    const theirs = [...new Set(found)].sort();
    const names = [...theirs, ...patterns].join(', ');
    if (names === '' || isSame(topics, theirs, patterns)) return;
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
    patterns: topics.filter((topic) => typeof topic !== 'string').map(String),
    ranks: () => new Map(),
    place: (assigned, members, tasks) => {
      for (const member of members) look(member.topics ?? [], member.patterns);
      const waiting = members.filter(({ memberId }) => !assigned.get(memberId)?.length);
      return new Map(waiting.map(({ memberId }) => [memberId, tasks]));
    },
    keep: (tasks) => look(tasks.flatMap(({ partitions }) => partitions.map(({ topic }) => topic))),
  };
}

/** Whether topics and patterns may be those of the same job, as far as can be told: members of earlier versions do not say their patterns. */
function isSame(own: readonly (string | RegExp)[], topics: readonly string[], patterns: readonly string[]): boolean {
  const selects = patterns.map(patternOf);
  const isTheirs = (topic: string | RegExp) => {
    if (typeof topic === 'string')
      return topics.includes(topic) || selects.some((pattern) => isSelected(topic, [pattern]));
    return (
      patterns.length === 0 || patterns.includes(String(topic)) || topics.some((name) => isSelected(name, [topic]))
    );
  };
  const isOwn = (pattern: RegExp, index: number) =>
    own.some((topic) => (typeof topic === 'string' ? pattern.test(topic) : String(topic) === patterns[index]));
  return own.every(isTheirs) && topics.every((topic) => isSelected(topic, own)) && selects.every(isOwn);
}

/** What cannot be read may select any topic. */
function patternOf(text: string): RegExp {
  const end = text.lastIndexOf('/');
  try {
    return new RegExp(text.slice(1, end), text.slice(end + 1).replace(/[gy]/g, ''));
  } catch {
    return /(?:)/;
  }
}
