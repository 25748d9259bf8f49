import { BodyReader } from './bodyReader.js';
import { BodyWriter } from './bodyWriter.js';

/** A member in one generation of its group, as SyncGroup, Heartbeat and OffsetCommit name it. */
export interface MemberIdentity {
  readonly groupId: string;
  readonly generation: number;
  readonly memberId: string;
  readonly instanceId?: string | undefined;
}

/** What the leader of a group assigns to one member. */
export interface GroupAssignment {
  readonly memberId: string;
  readonly assignment: Buffer;
}

export interface SyncGroupResponse {
  readonly throttleTime: number;
  readonly errorCode: number;
  readonly assignment: Buffer;
}

export interface HeartbeatResponse {
  readonly throttleTime: number;
  readonly errorCode: number;
}

function named({ groupId, generation, memberId, instanceId }: MemberIdentity): BodyWriter {
  return new BodyWriter().string(groupId).int32(generation).string(memberId).nullableString(instanceId);
}

/** The bytes of a SyncGroup request, version 3; all but the leader send no assignments. */
export function encodeSyncGroup(member: MemberIdentity, assignments: readonly GroupAssignment[]): Buffer {
  const writer = named(member).int32(assignments.length);
  for (const { memberId, assignment } of assignments) writer.string(memberId).sized(assignment);
  return writer.bytes;
}

/** Reads the body of a SyncGroup response, version 3. */
export function readSyncGroupResponse(body: Buffer): SyncGroupResponse {
  const reader = new BodyReader(body);
  const throttleTime = reader.int32();
  const errorCode = reader.int16();
  const assignment = Buffer.from(reader.bytes());
  reader.end();
  return { throttleTime, errorCode, assignment };
}

/** The bytes of a Heartbeat request, version 3. */
export function encodeHeartbeat(member: MemberIdentity): Buffer {
  return named(member).bytes;
}

/** Reads the body of a Heartbeat response, version 3. */
export function readHeartbeatResponse(body: Buffer): HeartbeatResponse {
  const reader = new BodyReader(body);
  const throttleTime = reader.int32();
  const errorCode = reader.int16();
  reader.end();
  return { throttleTime, errorCode };
}

/** The bytes of a LeaveGroup request of one member, version 3. */
export function encodeLeaveGroup({ groupId, memberId, instanceId }: MemberIdentity): Buffer {
  const members = 1;
  return new BodyWriter().string(groupId).int32(members).string(memberId).nullableString(instanceId).bytes;
}

/** Reads the body of a LeaveGroup response, version 3: the first error in it. */
export function readLeaveGroupResponse(body: Buffer): HeartbeatResponse {
  const reader = new BodyReader(body);
  const throttleTime = reader.int32();
  let errorCode = reader.int16();
  for (let count = reader.count(); count > 0; count--) {
    reader.string();
    reader.nullableString();
    errorCode ||= reader.int16();
  }
  reader.end();
  return { throttleTime, errorCode };
}
