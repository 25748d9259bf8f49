import { ProtocolError } from 'dstream';
import { EMPTY, interval, map, of, type SchedulerLike, take, throwError, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { GroupClient, JoinRequest } from '../../../src/sources/group/groupClient.js';
import { GroupMember } from '../../../src/sources/group/groupMember.js';
import { taskPerPartition } from '../../../src/sources/group/groupTask.js';
import { virtual } from '../../support/virtual.js';

const sessionTimeout = 6_000;
const drainMs = 500;
const nothingHeld = { topics: ['t'], processId: 'a', since: 0, owned: [], generation: -1 };
const places = (...numbers: number[]) => numbers.map((partition) => ({ topic: 't', partition }));

/** A member whose events go to `said`. What is to be given away is at once, or never. */
function memberOf(
  scheduler: SchedulerLike,
  client: GroupClient,
  said: string[],
  drains: 'at once' | 'never' = 'at once',
): GroupMember {
  const member: GroupMember = new GroupMember(
    client,
    {
      ...{
        groupId: 'g',
        instanceId: undefined,
        protocol: 'p',
        topics: ['t'],
        layout: taskPerPartition,
        processId: 'a',
      },
      ...{ sessionTimeout, heartbeatInterval: 500, discoverInterval: 5_000, retryTimeout: 60_000, drainMs },
      scheduler,
    },
    {
      assigned: () => {},
      release: (tasks) => {
        if (drains === 'at once') for (const { id } of tasks) member.released(id);
      },
      lost: () => {},
      overdue: ({ id }) => void said.push(`overdue ${id}`),
      failed: (error) => void said.push(`failed ${error}`),
      happened: ({ type, tasks }) => void said.push(`${type} ${tasks.join()}`.trim()),
    },
  );
  return member;
}

/**
 * A member that another one leads: its joins take as long as `joins` says, its syncs `syncs`, and each assigns what `assigned` says.
 */
function led(
  scheduler: SchedulerLike,
  joins: readonly number[],
  assigned: readonly (readonly number[])[],
  syncs = 100,
  drains: 'at once' | 'never' = 'at once',
) {
  const said: string[] = [];
  const claims: number[][] = [];
  let joined = 0;
  const client: GroupClient = {
    connect: () => EMPTY,
    join: ({ subscription }: JoinRequest) => {
      claims.push(subscription.owned.map(({ partition }) => partition));
      return timer(joins[joined] ?? 0).pipe(map(() => ({ generation: ++joined, memberId: 'm', members: [] })));
    },
    // The leader asks for the partitions before it assigns.
    sync: () =>
      timer(syncs).pipe(map(() => ({ partitions: places(...(assigned[joined - 1] ?? [])), tasks: 4, rejoin: false }))),
    // The group rebalances once.
    heartbeat: () =>
      joined === 1 && scheduler.now() >= 1_000
        ? throwError(() => new ProtocolError('Heartbeat', 'REBALANCE_IN_PROGRESS', true))
        : EMPTY,
    leave: () => EMPTY,
    partitions: () => of(places(0, 1, 2, 3)),
    close: () => EMPTY,
  };
  const member = memberOf(scheduler, client, said, drains);
  member.start();
  timer(40_000).subscribe(() => member.leave().subscribe());
  return { said, claims, member };
}

describe('a member of a group', () => {
  it('keeps what it holds when a join and its sync each take a session: the group waits for a member that is stopped', () => {
    virtual((scheduler) => {
      const { said } = led(
        scheduler,
        [0, sessionTimeout + 100],
        [
          [0, 1],
          [0, 1],
        ],
        sessionTimeout - 100,
      );
      timer(30_000).subscribe(() => expect(said).toEqual(['joined', 'assigned 0,1', 'joined']));
    });
  });

  it('says that its generation may be over as long as it waits for the next one', () => {
    virtual((scheduler) => {
      const { member } = led(scheduler, [0, 500], [[0], [0]]);
      const says = (at: number, is: object) =>
        timer(at).subscribe(() => expect(member.membership('0')).toEqual({ groupId: 'g', memberId: 'm', ...is }));
      says(900, { generation: 1 });
      says(1_300, { generation: 1, isJoining: true });
      says(3_000, { generation: 2 });
    });
  });

  it('joins again without a task that is never given away, two sessions after its drain should have ended', () => {
    virtual((scheduler) => {
      const { said, claims } = led(scheduler, [0, 0, 0], [[0, 1], [0], [0]], 100, 'never');
      const stuck = ['stuck 1', 'overdue 1', 'released 1', 'joined'];
      timer(1_000 + drainMs + 2 * sessionTimeout).subscribe(() => expect(claims).toEqual([[], [0, 1]]));
      timer(30_000).subscribe(() => {
        expect(claims).toEqual([[], [0, 1], [0]]);
        expect(said).toEqual(['joined', 'assigned 0,1', 'joined', 'releasing 1', ...stuck]);
      });
    });
  });

  it('joins again when it has lost in a join what it claimed there: nobody has it while it is claimed', () => {
    virtual((scheduler) => {
      const { said, claims } = led(scheduler, [0, sessionTimeout + 5_100, 0], [[0, 1], [0], [0, 1]]);
      timer(30_000).subscribe(() => {
        expect(claims).toEqual([[], [0, 1], [0]]);
        expect(said).toEqual(['joined', 'assigned 0,1', 'lost 0,1', 'joined', 'assigned 0', 'joined', 'assigned 1']);
      });
    });
  });

  it('hears what the group answers, however often a batch asks for a heartbeat before', () => {
    virtual((scheduler) => {
      const said: string[] = [];
      const client: GroupClient = {
        connect: () => EMPTY,
        join: () => of({ generation: 1, memberId: 'm', members: [] }),
        sync: () => of({ partitions: places(0, 1), tasks: 2, rejoin: false }),
        // The next one is sent before it is answered.
        heartbeat: () => timer(400),
        leave: () => EMPTY,
        partitions: () => of(places(0, 1)),
        close: () => EMPTY,
      };
      const member = memberOf(scheduler, client, said);
      member.start();
      interval(300)
        .pipe(take(100))
        .subscribe(() => member.renew().subscribe());
      timer(30_000).subscribe(() => {
        expect(said).toEqual(['joined', 'assigned 0,1']);
        member.leave().subscribe();
      });
    });
  });

  it('does not look for partitions any more when another member leads', () => {
    virtual((scheduler) => {
      const said: string[] = [];
      let joins = 0;
      let looks = 0;
      const client: GroupClient = {
        connect: () => EMPTY,
        join: ({ subscription }) => {
          joins++;
          return of({
            generation: joins,
            memberId: 'm',
            members: joins === 1 ? [{ memberId: 'm', subscription }] : [],
          });
        },
        sync: (_, all) => of(all.get('m') ?? { partitions: places(0), tasks: 2, rejoin: false }),
        // It was removed, and another member leads when it is back.
        heartbeat: () =>
          joins === 1 && scheduler.now() > 7_000
            ? throwError(() => new ProtocolError('Heartbeat', 'UNKNOWN_MEMBER_ID', false))
            : EMPTY,
        leave: () => EMPTY,
        partitions: () => {
          looks++;
          return of(places(...(scheduler.now() < 10_000 ? [0, 1] : [0, 1, 2])));
        },
        close: () => EMPTY,
      };
      const member = memberOf(scheduler, client, said);
      member.start();
      timer(60_000).subscribe(() => {
        expect([joins, looks]).toEqual([2, 2]);
        member.leave().subscribe();
      });
    });
  });

  it('reports that its looks for new partitions fail, though its heartbeats do not', () => {
    virtual((scheduler) => {
      const said: string[] = [];
      const fails = () => scheduler.now() > 1_000 && scheduler.now() < 78_000;
      const client: GroupClient = {
        connect: () => EMPTY,
        join: () => of({ generation: 1, memberId: 'm', members: [{ memberId: 'm', subscription: nothingHeld }] }),
        sync: (_, all) => of(all.get('m') ?? { partitions: [], tasks: 0, rejoin: false }),
        heartbeat: () => EMPTY,
        leave: () => EMPTY,
        partitions: () => (fails() ? throwError(() => new ProtocolError('Metadata', 'no', true)) : of(places(0))),
        close: () => EMPTY,
      };
      const member = memberOf(scheduler, client, said);
      member.start();
      const heard: (readonly [number, readonly string[]])[] = [];
      for (const at of [9_000, 11_000, 69_000, 71_000, 79_000, 81_000, 100_000]) {
        timer(at).subscribe(() => heard.push([at, said.splice(0)]));
      }
      timer(100_001).subscribe(() => {
        expect(heard).toEqual([
          [9_000, ['joined', 'assigned 0']],
          [11_000, ['failing']],
          [69_000, []],
          [71_000, ['failing']],
          [79_000, []],
          [81_000, ['recovered']],
          [100_000, []],
        ]);
        member.leave().subscribe();
      });
    });
  });
});
