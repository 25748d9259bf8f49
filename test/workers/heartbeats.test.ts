import { memoryLog, ProtocolError } from 'dstream';
import { memoryGroup } from 'dstream/testing';
import { defer, from, last, lastValueFrom, mergeMap, NEVER, type ObservableInput } from 'rxjs';
import type { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { GroupMember } from '../../src/sources/group/groupMember.js';
import { oneTask } from '../../src/sources/group/groupTask.js';
import { installHeartbeatRelay, withRelayedHeartbeats } from '../../src/sources/group/heartbeatRelay.js';
import { HeartbeatKeeper } from '../../src/workers/heartbeatKeeper.js';
import { type HeartbeatAnswer, maxRelayedMembers } from '../../src/workers/jobMessages.js';
import { PortHeartbeats } from '../../src/workers/portHeartbeats.js';
import { virtual } from '../support/virtual.js';

const newClocks = () => new BigInt64Array(new SharedArrayBuffer(8 * (1 + maxRelayedMembers)));
const membership = { groupId: 'g', memberId: 'm', generation: 1 };

/** A keeper over heartbeats that succeed until `refuse` says otherwise; `sent` has when each was sent. */
function keeper(scheduler: TestScheduler, refuse: () => unknown = () => undefined) {
  const [sent, left, answers, clocks] = [[] as number[], [] as string[], [] as HeartbeatAnswer[], newClocks()];
  const client = {
    heartbeat: (): ObservableInput<unknown> =>
      defer(() => {
        sent.push(scheduler.now());
        const error = refuse();
        if (error !== undefined) throw error;
        return [];
      }),
    leave: ({ memberId }: { readonly memberId: string }) => {
      left.push(memberId);
      return [];
    },
  };
  const kept = new HeartbeatKeeper(client, { clocks, answer: (answer) => answers.push(answer) }, scheduler);
  return { kept, sent, left, answers, clocks };
}

describe('the heartbeats in the main thread', () => {
  it('go on by themselves, and later after one that was asked for', () => {
    virtual((scheduler) => {
      const { kept, sent, answers, clocks } = keeper(scheduler);
      kept.handle({ type: 'keep', place: 1, membership, interval: 10 });
      scheduler.schedule(() => kept.handle({ type: 'beat', place: 1, membership, id: 5 }), 14);
      scheduler.schedule(() => kept.handle({ type: 'release', place: 1 }), 40);
      scheduler.flush();
      expect(sent).toEqual([10, 14, 24, 34]);
      expect(answers).toEqual([{ type: 'beaten', id: 5 }]);
      expect(clocks[1]).toBe(34n);
    });
  });

  it('end when the group does not know the member any more, and go on while it rebalances', () => {
    virtual((scheduler) => {
      const errors = ['REBALANCE_IN_PROGRESS', 'UNKNOWN_MEMBER_ID'];
      const { kept, sent, answers, clocks } = keeper(
        scheduler,
        () => new ProtocolError('Heartbeat', errors.shift() ?? '', false),
      );
      kept.handle({ type: 'keep', place: 1, membership, interval: 10 });
      kept.handle({ type: 'beat', place: 1, membership, id: 1 });
      scheduler.flush();
      expect(sent).toEqual([0, 10]);
      expect(answers).toMatchObject([{ id: 1, refusal: { kafkaError: 'REBALANCE_IN_PROGRESS', retriable: false } }]);
      expect(clocks[1]).toBe(0n);
    });
  });

  it('let the members of a thread that is gone leave, unless they are static', () => {
    virtual((scheduler) => {
      const { kept, sent, left } = keeper(scheduler);
      kept.handle({ type: 'keep', place: 1, membership, interval: 10 });
      kept.handle({
        type: 'keep',
        place: 2,
        membership: { ...membership, memberId: 's', instanceId: 's' },
        interval: 10,
      });
      scheduler.schedule(() => kept.gone(), 15);
      scheduler.flush();
      expect(sent).toEqual([10, 10]);
      expect(left).toEqual(['m']);
    });
  });

  it('fail in the thread as the group has refused them', async () => {
    const port = new PortHeartbeats(newClocks(), () => {});
    installHeartbeatRelay(port);
    const client = withRelayedHeartbeats(memoryGroup({ log: memoryLog({ topics: { t: 1 } }) }).client());
    installHeartbeatRelay({ member: () => undefined });
    const beaten = lastValueFrom(from(client.heartbeat(membership)));
    const error = new ProtocolError('Heartbeat', 'ILLEGAL_GENERATION', false);
    const thrown = { type: 'error', name: error.name, message: error.message, stack: error.stack, fields: {} } as const;
    port.answered({
      type: 'beaten',
      id: 1,
      refusal: { kafkaError: 'ILLEGAL_GENERATION', retriable: false, error: thrown },
    });
    await expect(beaten).rejects.toBeInstanceOf(ProtocolError);
    await expect(beaten).rejects.toMatchObject({ kafkaError: 'ILLEGAL_GENERATION', retriable: false });
  });

  it('have a place for each member, which the next one takes over', () => {
    const port = new PortHeartbeats(newClocks(), () => {});
    const all = Array.from({ length: maxRelayedMembers }, () => port.member());
    expect(port.member()).toBeUndefined();
    all[3]?.close();
    expect(port.member()).toBeDefined();
  });

  it.each([
    [
      'a member keeps its tasks while its own thread is blocked for longer than its session',
      true,
      ['joined', 'assigned'],
    ],
    ['and loses them without', false, ['joined', 'assigned', 'lost']],
  ])('%s', (_, relayed, expected) => {
    virtual((scheduler) => {
      const log = memoryLog({ topics: { t: 1 } });
      const group = memoryGroup({ log, scheduler });
      const clocks = newClocks();
      const client = group.client();
      const kept = new HeartbeatKeeper(client, { clocks, answer: (answer) => port.answered(answer) }, scheduler);
      const port = new PortHeartbeats(clocks, (request) => kept.handle(request));
      installHeartbeatRelay({ member: () => (relayed ? port.member() : undefined) });
      const inThread = withRelayedHeartbeats(client);
      installHeartbeatRelay({ member: () => undefined });
      // Its own heartbeats wait until the thread goes on, which it never does here.
      inThread.heartbeat = () => NEVER;
      const happened: string[] = [];
      const member = new GroupMember(
        inThread,
        {
          ...{ groupId: 'g', instanceId: undefined, protocol: 'p', topics: ['t'], layout: oneTask, processId: 'x' },
          ...{ sessionTimeout: 100, heartbeatInterval: 10, discoverInterval: 10_000, retryTimeout: 1_000, drainMs: 0 },
          scheduler,
        },
        {
          assigned: () => {},
          release: () => {},
          lost: () => {},
          overdue: () => {},
          failed: (error) => happened.push(String(error)),
          happened: ({ type }) => happened.push(type),
        },
      );
      member.start();
      scheduler.schedule(() => {
        expect(happened.slice(0, 3)).toEqual(expected);
        from(member.leave())
          .pipe(
            mergeMap(() => []),
            last(undefined, 0),
          )
          .subscribe();
      }, 450);
      scheduler.flush();
    });
  });
});
