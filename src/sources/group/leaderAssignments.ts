import { from, last, map, type Observable, of } from 'rxjs';
import type { TopicPartition } from '../../batch/topicPartition.js';
import { assignTasks } from './assignTasks.js';
import type { GroupAssignment, GroupClient, JoinAnswer } from './groupClient.js';
import type { TaskLayout } from './groupTask.js';
import type { MemberCopies } from './memberEvents.js';
import type { GroupMemberOptions } from './memberOptions.js';

/** What a member assigns to all, by their ids, by what the topics have now: the leader does, and the others assign nothing. */
export function assigned(
  answer: JoinAnswer,
  client: Pick<GroupClient, 'partitions'>,
  { topics, layout }: Pick<GroupMemberOptions, 'topics' | 'layout'>,
  copies: MemberCopies | undefined,
): Observable<ReadonlyMap<string, GroupAssignment>> {
  if (answer.members.length === 0) return of(new Map());
  return from(client.partitions(topics)).pipe(
    last(),
    map((known) => leaderAssignments(answer, known, layout, copies)),
  );
}

/** What the leader of a group assigns to its members, by their ids, where the topics have these partitions. */
function leaderAssignments(
  answer: JoinAnswer,
  known: readonly TopicPartition[],
  layout: TaskLayout,
  copies: MemberCopies | undefined,
): ReadonlyMap<string, GroupAssignment> {
  const tasks = layout(known);
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const claims = answer.members.map(({ memberId, instanceId, subscription }) => ({
    ...{ memberId, instanceId, since: subscription.since, generation: subscription.generation },
    topics: subscription.topics,
    patterns: subscription.patterns,
    held: layout(subscription.owned).map(({ id }) => id),
    standby: subscription.standby,
    copies: subscription.standby && copies?.ranks(subscription.standby),
  }));
  const assigned = assignTasks(claims, [...byId.keys()]);
  const standbys = copies?.place(assigned, claims, [...byId.keys()]);
  const isAnyHeld = [...assigned.values()].flat().length < tasks.length;
  return new Map(
    [...assigned].map(([memberId, ids]) => {
      const partitionsOf = (all: readonly string[]) => all.flatMap((id) => byId.get(id)?.partitions ?? []);
      const kept = partitionsOf(standbys?.get(memberId) ?? []);
      const standby = kept.length > 0 ? { standbys: kept } : {};
      const assignment = { partitions: partitionsOf(ids), tasks: tasks.length, rejoin: isAnyHeld, ...standby };
      return [memberId, memberId === answer.memberId ? { ...assignment, known } : assignment];
    }),
  );
}
