import { BodyReader } from './bodyReader.js';
import { BodyWriter } from './bodyWriter.js';

/** What a member asks for when it joins a group. */
export interface JoinGroupCall {
  readonly groupId: string;
  /** How long the broker waits for a heartbeat, in ms. */
  readonly sessionTimeout: number;
  /** How long the broker waits for the others to join, in ms. */
  readonly rebalanceTimeout: number;
  /** `''` for the first time: the broker chooses one. */
  readonly memberId: string;
  /** The id of a static member, which is the same after a restart. */
  readonly instanceId: string | undefined;
  /** The name of the protocol that all members of the group must share, and what this member says in it. */
  readonly protocol: { readonly type: string; readonly name: string; readonly metadata: Buffer };
}

/** Another member, as its leader sees it. */
export interface JoinedGroupMember {
  readonly memberId: string;
  readonly instanceId: string | undefined;
  readonly metadata: Buffer;
}

export interface JoinGroupResponse {
  readonly throttleTime: number;
  readonly errorCode: number;
  readonly generation: number;
  readonly protocolName: string;
  /** The member id of the leader, who assigns. */
  readonly leader: string;
  readonly memberId: string;
  /** For the leader alone. */
  readonly members: readonly JoinedGroupMember[];
}

/** The bytes of a JoinGroup request, version 5: the first with static members. */
export function encodeJoinGroup(call: JoinGroupCall): Buffer {
  const { type, name, metadata } = call.protocol;
  const protocols = 1;
  return new BodyWriter()
    .string(call.groupId)
    .int32(call.sessionTimeout)
    .int32(call.rebalanceTimeout)
    .string(call.memberId)
    .nullableString(call.instanceId)
    .string(type)
    .int32(protocols)
    .string(name)
    .sized(metadata).bytes;
}

/** Reads the body of a JoinGroup response, version 5. */
export function readJoinGroupResponse(body: Buffer): JoinGroupResponse {
  const reader = new BodyReader(body);
  const throttleTime = reader.int32();
  const errorCode = reader.int16();
  const generation = reader.int32();
  const protocolName = reader.nullableString();
  const leader = reader.nullableString();
  const memberId = reader.nullableString();
  const members: JoinedGroupMember[] = [];
  for (let count = reader.count(); count > 0; count--) {
    const memberId = reader.string();
    const instanceId = reader.nullableString() || undefined;
    // A copy: the response's buffer is used again.
    members.push({ memberId, instanceId, metadata: Buffer.from(reader.bytes()) });
  }
  reader.end();
  return { throttleTime, errorCode, generation, protocolName, leader, memberId, members };
}
