import { type FetchedPartition, type GroupMembership, type LogClient, memoryLog, ProtocolError } from 'dstream';
import { EMPTY, from, type Observable, Subject, throwError } from 'rxjs';
import type { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { sharedLog } from '../../../src/sources/tasks/sharedLog.js';
import { logLike } from '../../support/logLike.js';
import { virtual } from '../../support/virtual.js';

const place = (partition: number) => ({ topic: 't', partition });
const at = (partition: number, offset: number) => ({ ...place(partition), offset });
const membership: GroupMembership = { groupId: 'g', memberId: 'm', generation: 1 };

/** The values of an Observable, with its end. */
function heardOf<T>(source: Observable<T> | ReturnType<LogClient['commit']>): unknown[] {
  const heard: unknown[] = [];
  from(source as Observable<T>).subscribe({
    next: (value) => heard.push(value),
    error: (error: unknown) => heard.push(error),
    complete: () => heard.push('complete'),
  });
  return heard;
}

function sharedOver(scheduler: TestScheduler, methods: Partial<LogClient>): LogClient {
  const log = memoryLog({ topics: { t: 3 }, scheduler });
  log.append('t', [{ value: 'a', partition: 1 }]);
  return sharedLog(logLike(log, methods), scheduler);
}

describe('sharedLog', () => {
  it('asks once for the ends of all tasks of a turn, and each hears of its own', () => {
    virtual((scheduler) => {
      const asked: unknown[] = [];
      const log = memoryLog({ topics: { t: 3 }, scheduler });
      log.append('t', [{ value: 'a', partition: 1 }]);
      const shared = sharedLog(
        logLike(log, {
          offsets: (partitions, point) => {
            asked.push([point, partitions.map(({ partition }) => partition)]);
            return log.offsets(partitions, point);
          },
        }),
        scheduler,
      );
      const ends = [0, 1, 1].map((partition) => heardOf(from(shared.offsets([place(partition)], 'latest'))));
      heardOf(from(shared.offsets([place(2)], 'earliest')));
      scheduler.schedule(() => {
        // Once for a partition, whoever asks: Kafka refuses a request that has it twice.
        expect(asked).toEqual([
          ['latest', [0, 1]],
          ['earliest', [2]],
        ]);
        expect(ends).toMatchObject([
          [[at(0, 0)], 'complete'],
          [[at(1, 1)], 'complete'],
          [[at(1, 1)], 'complete'],
        ]);
      }, 1);
    });
  });

  it('an error is for all who asked', () => {
    virtual((scheduler) => {
      const error = new ProtocolError('ListOffsets', 'busy', true);
      const shared = sharedOver(scheduler, { offsets: () => throwError(() => error) });
      const heard = [0, 1].map((partition) => heardOf(from(shared.offsets([place(partition)], 'latest'))));
      scheduler.schedule(() => expect(heard).toEqual([[error], [error]]), 1);
    });
  });

  it('commits together what comes while a commit is under way', () => {
    virtual((scheduler) => {
      const commits: (readonly number[])[] = [];
      const answers: Subject<never>[] = [];
      const shared = sharedOver(scheduler, {
        commit: (_, positions) => {
          commits.push(positions.map(({ partition }) => partition));
          const answer = new Subject<never>();
          answers.push(answer);
          return answer;
        },
      });
      const commit = (partition: number) => heardOf(shared.commit('g', [at(partition, 5)], () => membership));
      const first = commit(0);
      scheduler.schedule(() => {
        const later = [commit(1), commit(2)];
        answers[0]?.complete();
        expect(first).toEqual(['complete']);
        expect(commits).toEqual([[0], [1, 2]]);
        answers[1]?.complete();
        expect(later).toEqual([['complete'], ['complete']]);
      }, 1);
    });
  });

  it('does not commit for a task that was given away, also when the commit is tried again, and goes on for the others', () => {
    virtual((scheduler) => {
      const held = new Set([0, 1, 2]);
      const commits: (readonly number[])[] = [];
      const refused = new ProtocolError('OffsetCommit', 'UNKNOWN_MEMBER_ID', false);
      const shared = sharedOver(scheduler, {
        commit: (_, positions, member) => {
          commits.push(positions.map(({ partition }) => partition));
          // At the first attempt the group rebalances, and one task goes.
          if (commits.length === 1) held.delete(1);
          return member?.() ? from([]) : throwError(() => refused);
        },
      });
      const member = (partition: number) => () => (held.has(partition) ? membership : undefined);
      held.delete(2);
      const heard = [0, 1, 2].map((partition) => heardOf(shared.commit('g', [at(partition, 5)], member(partition))));
      scheduler.schedule(() => {
        expect(commits).toEqual([[0, 1], [0]]);
        expect(heard).toMatchObject([
          ['complete'],
          [{ kafkaError: 'UNKNOWN_MEMBER_ID' }],
          [{ kafkaError: 'UNKNOWN_MEMBER_ID' }],
        ]);
      }, 1);
    });
  });

  it('has one fetch under way to a broker, and the next has what was wanted meanwhile', () => {
    virtual((scheduler) => {
      const fetches: (readonly number[])[] = [];
      const answers: Subject<readonly FetchedPartition[]>[] = [];
      const signals: (AbortSignal | undefined)[] = [];
      const shared = sharedOver(scheduler, {
        fetch: (requests, { signal }) => {
          fetches.push(requests.map(({ partition }) => partition));
          signals.push(signal);
          const answer = new Subject<readonly FetchedPartition[]>();
          answers.push(answer);
          return answer;
        },
      });
      const answered = (partition: number): FetchedPartition => ({
        ...at(partition, 0),
        latest: 0,
        earliest: 0,
        bytes: 0,
      });
      const fetch = (partition: number) =>
        from(shared.fetch([{ ...at(partition, 0), maxBytes: 10 }], { maxWait: 500, maxBytes: 10 }));
      const [first, second] = [heardOf(fetch(0)), heardOf(fetch(1))];
      scheduler.schedule(() => {
        const third = heardOf(fetch(2));
        expect(fetches).toEqual([[0, 1]]);
        answers[0]?.next([answered(0)]);
        expect(first).toEqual([[answered(0)]]);
        expect(fetches).toHaveLength(1);
        // All are answered: the next request goes out before this one has completed.
        answers[0]?.next([answered(1)]);
        expect(fetches).toEqual([[0, 1], [2]]);
        answers[0]?.complete();
        expect([first.at(-1), second.at(-1)]).toEqual(['complete', 'complete']);
        answers[1]?.error(new ProtocolError('Fetch', 'busy', true));
        expect(third).toMatchObject([{ kafkaError: 'busy' }]);
      }, 1);
      scheduler.schedule(() => {
        const abandoned = fetch(0).subscribe();
        scheduler.schedule(() => {
          abandoned.unsubscribe();
          expect(signals[2]?.aborted).toBe(true);
        }, 1);
      }, 2);
    });
  });

  it('asks for no more bytes than it may', () => {
    virtual((scheduler) => {
      const asked: number[] = [];
      const log = memoryLog({ topics: { words: 3 }, scheduler });
      const client = logLike(log, {
        fetch: (_, { maxBytes }) => {
          asked.push(maxBytes);
          return EMPTY;
        },
      });
      for (const most of [undefined, 25]) {
        const shared = sharedLog(client, scheduler, most);
        for (const partition of [0, 1, 2]) {
          const request = { topic: 'words', partition, offset: 0, maxBytes: 10 };
          from(shared.fetch([request], { maxWait: 0, maxBytes: 10 })).subscribe();
        }
      }
      scheduler.schedule(() => expect(asked).toEqual([30, 25]), 10);
    });
  });
});
