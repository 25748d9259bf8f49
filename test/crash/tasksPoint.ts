import { writeSync } from 'node:fs';
import type { Checkpoint, GroupEvent, LogClient } from 'dstream';
import { defer, from, map, tap } from 'rxjs';
import type { GroupClient } from '../../src/sources/group/groupClient.js';
import { failpoint } from '../../src/storage/failpoint.js';

/** Where a process that shares tasks can be killed or stopped, beside the points of its outputs. */
export const taskPoints = [
  ...['group:before-join', 'group:joined', 'group:before-sync', 'group:synced', 'task:assigned', 'task:before-open'],
  ...['task:opened', 'fetch:before', 'fetch:after', 'commit:before', 'commit:after', 'group:before-release'],
  ...['group:drained', 'group:before-leave', 'group:left'],
] as const;

/** In the turn of a batch: from the beginning of its transaction until it is asked to commit. */
export const turnPoints = {
  kafka: ['send:begun', 'send:written', 'send:commit-asked', 'send:after-commit'],
  table: ['transaction:before', 'transaction:begun', 'output:written', 'transaction:before-progress'],
  topic: ['send:begun', 'send:offsets', 'send:written', 'transaction:before', 'transaction:before-progress'],
} as const;

/** While a transaction holds the row of its job, so that the next owner waits for it; and around an opening and a commit. */
export const databasePoints = [
  ...['epoch:before', 'epoch:begun', 'restore:read', 'transaction:after-progress', 'transaction:in-state'],
  ...['transaction:before-commit', 'transaction:commit-sent', 'transaction:after-commit'],
] as const;

const [stopPoint, stopNth] = (process.env.TASKS_STOP_AT ?? '').split('@');
let left = Number(stopNth);

/** Kills the process here, or stops it and says so: whoever started it lets it go on. */
export function tasksPoint(name: string): void {
  failpoint(name);
  if (name !== stopPoint || --left !== 0) return;
  writeSync(1, `stopped at ${name}\n`);
  process.kill(process.pid, 'SIGSTOP');
}

export function pointedGroup(group: GroupClient): GroupClient {
  const around = <A>(
    before: (typeof taskPoints)[number],
    after: (typeof taskPoints)[number],
    ask: () => ReturnType<GroupClient['join']> | A,
  ) =>
    defer(() => {
      tasksPoint(before);
      return from(ask() as Promise<A>);
    }).pipe(tap({ complete: () => tasksPoint(after) }));
  return {
    connect: () => group.connect(),
    join: (request) => around('group:before-join', 'group:joined', () => group.join(request)) as never,
    sync: (of, assignments) => around('group:before-sync', 'group:synced', () => group.sync(of, assignments)) as never,
    heartbeat: (membership) => group.heartbeat(membership),
    leave: (membership) => around('group:before-leave', 'group:left', () => group.leave(membership)),
    partitions: (topics) => group.partitions(topics),
    close: () => group.close(),
  };
}

export function groupPoint({ type }: GroupEvent): void {
  if (type === 'assigned') tasksPoint('task:assigned');
  if (type === 'releasing') tasksPoint('group:before-release');
  if (type === 'released') tasksPoint('group:drained');
}

/** A checkpoint with points around its opening. It stays what it is: outputs write in its transactions. */
export function pointedOpening<C extends Checkpoint>(checkpoint: C): C {
  return {
    ...checkpoint,
    open: (options) =>
      defer(() => {
        tasksPoint('task:before-open');
        return from(checkpoint.open(options));
      }).pipe(
        map((session) => {
          tasksPoint('task:opened');
          return session;
        }),
      ),
  };
}

export function pointedLog(log: LogClient): LogClient {
  return {
    name: log.name,
    connect: () => log.connect(),
    partitions: (topics) => log.partitions(topics),
    offsets: (of, point, options) => log.offsets(of, point, options),
    committed: (groupId, of, options) => log.committed(groupId, of, options),
    broker: (of) => log.broker?.(of),
    fetch: (requests, options) =>
      defer(() => {
        tasksPoint('fetch:before');
        return from(log.fetch(requests, options));
      }).pipe(tap(() => tasksPoint('fetch:after'))),
    commit: (groupId, positions, member) =>
      defer(() => {
        tasksPoint('commit:before');
        return from(log.commit(groupId, positions, member));
      }).pipe(tap({ complete: () => tasksPoint('commit:after') })),
    close: () => log.close(),
  };
}
