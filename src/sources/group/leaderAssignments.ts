import type { TopicPartition } from '../../batch/topicPartition.js';
import { assignTasks } from './assignTasks.js';
import type { GroupAssignment, JoinAnswer } from './groupClient.js';
import type { TaskLayout } from './groupTask.js';
import type { MemberCopies } from './memberEvents.js';

/** What the leader of a group assigns to its members, by their ids, where the topics have these partitions. */
export function leaderAssignments(
  answer: JoinAnswer,
  known: readonly TopicPartition[],
  layout: TaskLayout,
  copies: MemberCopies | undefined,
): ReadonlyMap<string, GroupAssignment> {
  const tasks = layout(known);
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const claims = answer.members.map(({ memberId, instanceId, subscription }) => ({
    ...{ memberId, instanceId, since: subscription.since, generation: subscription.generation },
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
