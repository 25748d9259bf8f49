import { memoryLog } from 'dstream';
import { memoryGroup } from 'dstream/testing';
import { from, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Lease } from '../../../src/driver/ownership.js';
import type { GroupClient, JoinRequest } from '../../../src/sources/group/groupClient.js';
import { streamOwnership } from '../../../src/sources/group/memberOwnership.js';
import { virtual } from '../../support/virtual.js';

const sessionTimeout = 3_000;

/** The warnings of processes with one group, which start one after the other and read these topics, and which of them has the work. */
function warningsOf(
  jobs: readonly (readonly (string | RegExp)[])[],
  clientOf = (client: GroupClient, _: number) => client,
): readonly (readonly string[])[] {
  const warnings: string[][] = jobs.map(() => []);
  virtual((scheduler) => {
    const log = memoryLog({ topics: { clicks: 2, views: 1 }, scheduler });
    const group = memoryGroup({ log, scheduler });
    const working = new Set<number>();
    const leases: Lease[] = [];
    jobs.forEach((topics, index) => {
      const ownership = streamOwnership(() => clientOf(group.client(), index), {
        ...{ groupId: 'g', topics, processId: `process ${index}`, instanceId: undefined, drainMs: 100, sessionTimeout },
        ...{ heartbeatInterval: 300, discoverInterval: 5_000, retryTimeout: 60_000, scheduler },
        warn: (message) => warnings[index]?.push(message),
      });
      timer(index * 1_000).subscribe(() => {
        const lease = ownership.claim({
          assigned: () => working.add(index),
          release: () => {},
          lost: () => {},
          ended: () => {},
          failed: (error) => expect.unreachable(String(error)),
        });
        leases.push(lease);
        lease.start();
      });
    });
    timer(10_000).subscribe(() => {
      expect([...working]).toEqual([0]);
      for (const lease of leases) from(lease.leave()).subscribe();
    });
  });
  return warnings;
}

describe("members of a group with membership: 'exclusive'", () => {
  it('are warned once of a job with other topics: both of both, and of the group', () => {
    const [[first, ...more] = [], second = []] = warningsOf([['clicks'], ['views']]);
    expect(first).toContain('Group "g" has another job: it reads views, and this one clicks.');
    expect(more).toEqual([]);
    expect(second).toHaveLength(1);
    expect(second[0]).toContain('Group "g" has another job: it reads clicks, and this one views.');
  });

  it('are warned of a job that reads more, or less', () => {
    expect(warningsOf([['clicks'], ['clicks', 'views']]).map(({ length }) => length)).toEqual([1, 1]);
    expect(warningsOf([[/clicks|views/], ['clicks']]).map(({ length }) => length)).toEqual([0, 1]);
  });

  it('are not warned of each other when they read the same', () => {
    expect(warningsOf([['clicks'], ['clicks'], ['clicks']])).toEqual([[], [], []]);
    expect(warningsOf([[/clicks|views/], ['views', 'clicks']])).toEqual([[], []]);
    expect(warningsOf([['clicks'], [/cl/]])).toEqual([[], []]);
    expect(warningsOf([[/cl/i], [/cl/i]])).toEqual([[], []]);
    expect(
      warningsOf([
        ['views', /cl/],
        [/cl/, 'views'],
      ]),
    ).toEqual([[], []]);
  });

  it('are warned of a job with other patterns, whether there are topics that these select or not', () => {
    const [[first, ...more] = [], second = []] = warningsOf([[/clicks/], [/views/]]);
    expect(first).toContain('Group "g" has another job: it reads /views/, and this one /clicks/.');
    expect(more).toEqual([]);
    expect(second).toHaveLength(1);
    const counts = (...jobs: Parameters<typeof warningsOf>) => warningsOf(...jobs).map(({ length }) => length);
    expect(counts([['clicks'], [/views/]])).toEqual([1, 1]);
    expect(counts([[/cl/], [/clicks|views/]])).toEqual([1, 0]);
    expect(counts([[/cl/, /later/], [/cl/]])).toEqual([1, 0]);
    expect(counts([['clicks'], ['clicks', /later/]])).toEqual([1, 0]);
  });

  it('are not warned of a member of an earlier version, which does not say its patterns, or of a pattern that they cannot read', () => {
    const saying = (patterns: readonly string[] | undefined) => (client: GroupClient, index: number) => ({
      ...client,
      join: (request: JoinRequest) =>
        client.join(index === 0 ? request : { ...request, subscription: { ...request.subscription, patterns } }),
    });
    expect(
      warningsOf(
        [
          ['views', /cl/],
          [/cl/, 'views'],
        ],
        saying(undefined),
      ),
    ).toEqual([[], []]);
    expect(warningsOf([['clicks'], [/cl/]], saying(['/cl(/', '/cl/later']))).toEqual([[], []]);
  });
});
