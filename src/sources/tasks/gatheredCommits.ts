import { defer, Observable, type SchedulerLike } from 'rxjs';
import { ProtocolError } from '../../batch/errors.js';
import type { GroupMembership } from '../../batch/groupMembership.js';
import type { TopicPartitionOffset } from '../../batch/topicPartition.js';
import type { LogClient } from '../log/logClient.js';

interface Commit {
  readonly positions: readonly TopicPartitionOffset[];
  readonly member: () => GroupMembership | undefined;
  done(): void;
  fail(error: unknown): void;
}

/**
 * Commits the offsets of several tasks by one request: those that come while one is under way go with the next. The broker looks at the
 * member and its generation and not at who owns a partition, so what is committed is only what this process holds at each attempt.
 */
export class GatheredCommits {
  readonly #client: Pick<LogClient, 'commit'>;
  readonly #scheduler: SchedulerLike;
  #waiting: Commit[] = [];
  #underWay = false;

  constructor(client: Pick<LogClient, 'commit'>, scheduler: SchedulerLike) {
    this.#client = client;
    this.#scheduler = scheduler;
  }

  /** `member` returns `undefined` once the partitions are another member's. */
  commit(
    groupId: string,
    positions: readonly TopicPartitionOffset[],
    member: () => GroupMembership | undefined,
  ): Observable<never> {
    return new Observable((subscriber) => {
      const commit: Commit = {
        positions,
        member,
        done: () => subscriber.complete(),
        fail: (error) => subscriber.error(error),
      };
      this.#waiting.push(commit);
      if (!this.#underWay) {
        this.#underWay = true;
        this.#scheduler.schedule(() => this.#next(groupId));
      }
      return () => {
        this.#waiting = this.#waiting.filter((one) => one !== commit);
      };
    });
  }

  #next(groupId: string): void {
    const all = this.#waiting;
    this.#waiting = [];
    if (all.length === 0) {
      this.#underWay = false;
      return;
    }
    const held: Commit[] = [];
    const lost: Commit[] = [];
    for (const commit of all) (commit.member() ? held : lost).push(commit);
    for (const { fail } of lost) fail(new ProtocolError('OffsetCommit', 'UNKNOWN_MEMBER_ID', false));
    this.#send(groupId, held, () => this.#next(groupId));
  }

  #send(groupId: string, commits: readonly Commit[], then: () => void): void {
    if (commits.length === 0) {
      then();
      return;
    }
    // A task that is given away while the commit is tried again must not be committed with it.
    const member = () => {
      let found: GroupMembership | undefined;
      for (const commit of commits) {
        found = commit.member();
        if (!found) break;
      }
      return found;
    };
    const positions = commits.flatMap((commit) => commit.positions);
    defer(() => this.#client.commit(groupId, positions, member)).subscribe({
      error: (error: unknown) => {
        const held = commits.filter((commit) => commit.member());
        for (const commit of commits) if (held.length === commits.length || !held.includes(commit)) commit.fail(error);
        this.#send(groupId, held.length === commits.length ? [] : held, then);
      },
      complete: () => {
        for (const { done } of commits) done();
        then();
      },
    });
  }
}
