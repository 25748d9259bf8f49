import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodeAssignment,
  encodeSubscription,
  readAssignment,
  readSubscription,
} from '../../../../src/sources/kafka/protocol/consumerProtocol.js';
import {
  encodeFindCoordinator,
  readFindCoordinatorResponse,
} from '../../../../src/sources/kafka/protocol/findCoordinatorProtocol.js';
import { encodeJoinGroup, readJoinGroupResponse } from '../../../../src/sources/kafka/protocol/joinGroupProtocol.js';
import {
  encodeHeartbeat,
  encodeLeaveGroup,
  encodeSyncGroup,
  readHeartbeatResponse,
  readLeaveGroupResponse,
  readSyncGroupResponse,
} from '../../../../src/sources/kafka/protocol/membershipProtocol.js';
import {
  encodeAssignmentUserData,
  encodeMemberUserData,
  readAssignmentUserData,
  readMemberUserData,
} from '../../../../src/sources/kafka/protocol/memberUserData.js';
import {
  encodeOffsetCommit,
  readOffsetCommitResponse,
} from '../../../../src/sources/kafka/protocol/offsetCommitProtocol.js';
import { propertySettings } from '../../../property/settings.js';

const bigEndian = (bytes: Uint8Array) => [...bytes].reverse();
const int16 = (value: number) => bigEndian(new Uint8Array(new Int16Array([value]).buffer));
const int32 = (value: number) => bigEndian(new Uint8Array(new Int32Array([value]).buffer));
const int64 = (value: number) => bigEndian(new Uint8Array(new BigInt64Array([BigInt(value)]).buffer));
const text = (value: string) => [...int16(Buffer.byteLength(value)), ...Buffer.from(value)];
const none = int16(-1);
const sized = (bytes: readonly number[]) => [...int32(bytes.length), ...bytes];

const member = { groupId: 'jobs', generation: 7, memberId: 'm-1', instanceId: 'pod-0' };
const named = [...text('jobs'), ...int32(7), ...text('m-1'), ...text('pod-0')];

/** Responses, written from Kafka's description of the protocol, and what they say. */
const responses = {
  'FindCoordinator 2': {
    read: readFindCoordinatorResponse,
    bytes: [...int32(3), ...int16(15), ...text('loading'), ...int32(2), ...text('kafka-2'), ...int32(9_092)],
    says: { throttleTime: 3, errorCode: 15, nodeId: 2, host: 'kafka-2', port: 9_092 },
  },
  'JoinGroup 5': {
    read: readJoinGroupResponse,
    bytes: [
      ...[...int32(3), ...int16(0), ...int32(7), ...text('dstream-1'), ...text('m-1'), ...text('m-2'), ...int32(2)],
      ...[...text('m-1'), ...none, ...sized([1, 2])],
      ...[...text('m-2'), ...text('pod-0'), ...sized([])],
    ],
    says: {
      ...{ throttleTime: 3, errorCode: 0, generation: 7, protocolName: 'dstream-1', leader: 'm-1', memberId: 'm-2' },
      members: [
        { memberId: 'm-1', instanceId: undefined, metadata: Buffer.from([1, 2]) },
        { memberId: 'm-2', instanceId: 'pod-0', metadata: Buffer.from([]) },
      ],
    },
  },
  'SyncGroup 3': {
    read: readSyncGroupResponse,
    bytes: [...int32(3), ...int16(27), ...sized([5, 6])],
    says: { throttleTime: 3, errorCode: 27, assignment: Buffer.from([5, 6]) },
  },
  'Heartbeat 3': {
    read: readHeartbeatResponse,
    bytes: [...int32(3), ...int16(25)],
    says: { throttleTime: 3, errorCode: 25 },
  },
  'LeaveGroup 3': {
    read: readLeaveGroupResponse,
    bytes: [...int32(3), ...int16(0), ...int32(1), ...text('m-1'), ...none, ...int16(25)],
    says: { throttleTime: 3, errorCode: 25 },
  },
  'OffsetCommit 7': {
    read: readOffsetCommitResponse,
    bytes: [
      ...int32(3),
      ...int32(1),
      ...text('flights'),
      ...int32(2),
      ...int32(0),
      ...int16(0),
      ...int32(1),
      ...int16(22),
    ],
    says: {
      throttleTime: 3,
      partitions: [
        { topic: 'flights', partition: 0, errorCode: 0 },
        { topic: 'flights', partition: 1, errorCode: 22 },
      ],
    },
  },
};

describe.each(Object.entries(responses))('the response of %s', (_, { read, bytes, says }) => {
  it('is read as it was sent', () => {
    expect(read(Buffer.from(bytes))).toEqual(says);
  });

  it('is refused when it is cut, or longer than it should be', () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(() => read(Buffer.from(bytes.slice(0, length)))).toThrow(RangeError);
    }
    expect(() => read(Buffer.from([...bytes, 0]))).toThrow(RangeError);
  });

  it('with other bits is read or refused, and nothing else', () => {
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, bits) => {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ bits;
        try {
          read(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      propertySettings(500),
    );
  });
});

describe('requests of the group protocol', () => {
  it('are written as Kafka describes them', () => {
    expect([...encodeFindCoordinator('jobs', 'group')]).toEqual([...text('jobs'), 0]);
    expect([...encodeFindCoordinator('jobs', 'transactionalId')]).toEqual([...text('jobs'), 1]);
    expect([...encodeHeartbeat(member)]).toEqual(named);
    expect([...encodeLeaveGroup({ ...member, instanceId: undefined })]).toEqual([
      ...[...text('jobs'), ...int32(1), ...text('m-1'), ...none],
    ]);
    expect([...encodeSyncGroup(member, [{ memberId: 'm-2', assignment: Buffer.from([9]) }])]).toEqual([
      ...[...named, ...int32(1), ...text('m-2'), ...sized([9])],
    ]);
  });

  it('JoinGroup names the protocol and what the member says in it', () => {
    const protocol = { type: 'consumer', name: 'dstream-1', metadata: Buffer.from([1, 2, 3]) };
    const call = {
      groupId: 'jobs',
      sessionTimeout: 6_000,
      rebalanceTimeout: 7_000,
      memberId: '',
      instanceId: undefined,
    };
    expect([...encodeJoinGroup({ ...call, protocol })]).toEqual([
      ...[...text('jobs'), ...int32(6_000), ...int32(7_000), ...text(''), ...none],
      ...[...text('consumer'), ...int32(1), ...text('dstream-1'), ...sized([1, 2, 3])],
    ]);
  });

  it('OffsetCommit is that of a member, or of a client that is none', () => {
    const topics = [{ topic: 'flights', partitions: [{ partition: 1, offset: 2 ** 40, metadata: 'dstream x 5' }] }];
    const offsets = [
      ...[...int32(1), ...text('flights'), ...int32(1), ...int32(1), ...int64(2 ** 40), ...int32(-1)],
      ...text('dstream x 5'),
    ];
    expect([...encodeOffsetCommit('jobs', member, topics)]).toEqual([...named, ...offsets]);
    const nobody = [...text('jobs'), ...int32(-1), ...text(''), ...none];
    expect([...encodeOffsetCommit('jobs', undefined, topics)]).toEqual([...nobody, ...offsets]);
  });
});

describe("the protocol of Kafka's consumers", () => {
  const subscription = {
    topics: ['flights', 'users'],
    userData: Buffer.from([1, 9]),
    owned: [
      { topic: 'flights', partition: 3 },
      { topic: 'users', partition: 3 },
    ],
    generation: 7,
  };

  it('writes and reads a subscription, version 2', () => {
    const bytes = encodeSubscription(subscription);
    expect([...bytes]).toEqual([
      ...[...int16(2), ...int32(2), ...text('flights'), ...text('users'), ...sized([1, 9])],
      ...[...int32(2), ...text('flights'), ...int32(1), ...int32(3), ...text('users'), ...int32(1), ...int32(3)],
      ...int32(7),
    ]);
    expect(readSubscription(bytes)).toEqual(subscription);
  });

  it('reads older and later versions as far as they go', () => {
    const old = Buffer.from([...int16(0), ...int32(1), ...text('flights'), ...int32(-1)]);
    expect(readSubscription(old)).toEqual({
      ...{ topics: ['flights'], userData: Buffer.alloc(0), owned: [], generation: -1 },
    });
    const later = Buffer.concat([encodeSubscription(subscription), Buffer.from(text('rack'))]);
    later.writeInt16BE(3, 0);
    expect(readSubscription(later)).toEqual(subscription);
  });

  it('writes and reads an assignment, and an empty one for a member that was left out', () => {
    const assignment = { partitions: subscription.owned, userData: Buffer.from([1]) };
    expect(readAssignment(encodeAssignment(assignment))).toEqual(assignment);
    expect(readAssignment(Buffer.alloc(0))).toEqual({ partitions: [], userData: Buffer.alloc(0) });
  });
});

describe('what members of a job say in user data', () => {
  const plain = { processId: 'host/1/a', since: 1_700_000_000_000 };
  const copies = [
    { task: '3', behind: 12 },
    { task: '4', behind: undefined },
    { task: '5', behind: undefined, isBegun: true as const },
  ];

  it('is read as it was written', () => {
    const standby = { place: 'host /var/copies', copies };
    const patterns = ['/^eu-/', '/^клик/u', String(new RegExp('long|'.repeat(10_000)))];
    for (const said of [plain, { ...plain, standby }, { ...plain, patterns }, { ...plain, standby, patterns }]) {
      expect(readMemberUserData(encodeMemberUserData(said))).toEqual(said);
    }
    const assignment = { tasks: 8, rejoin: true };
    expect(readAssignmentUserData(encodeAssignmentUserData(assignment))).toEqual(assignment);
    const standbys = { ...assignment, standbys: [{ topic: 'clicks', partition: 3 }] };
    expect(readAssignmentUserData(encodeAssignmentUserData(standbys))).toEqual(standbys);
  });

  it('has the bytes of version 1 without copies and patterns, which older members read', () => {
    const bytes = [1, ...int64(plain.since), ...Buffer.from(plain.processId)];
    for (const patterns of [undefined, []]) {
      expect([...encodeMemberUserData({ ...plain, patterns })]).toEqual(bytes);
    }
    expect([...encodeAssignmentUserData({ tasks: 8, rejoin: true, standbys: [] })]).toEqual([1, ...int32(8), 1]);
  });

  it('has patterns behind the bytes of version 2, which older members do not look at', () => {
    const older = [2, ...int64(plain.since), ...text(plain.processId), ...text(''), ...int32(0)];
    const data = encodeMemberUserData({ ...plain, patterns: ['/a/'] });
    expect([...data]).toEqual([...older, ...int32(1), ...sized([...Buffer.from('/a/')])]);
  });

  it('says nothing in a version that is not known, or without any bytes', () => {
    for (const data of [Buffer.alloc(0), Buffer.of(3, 0, 0, 0, 0, 0, 0, 0, 0, 0)]) {
      expect(readMemberUserData(data)).toEqual({ processId: '', since: 0 });
      expect(readAssignmentUserData(data)).toEqual({ tasks: 0, rejoin: false });
    }
  });
});
