import { BodyReader } from './bodyReader.js';
import { BodyWriter } from './bodyWriter.js';

export interface FindCoordinatorResponse {
  readonly throttleTime: number;
  readonly errorCode: number;
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
}

/** The kind of coordinator that a consumer group has. */
const groupCoordinator = 0;

/** The bytes of a FindCoordinator request for a consumer group, version 2. */
export function encodeFindCoordinator(groupId: string): Buffer {
  return new BodyWriter().string(groupId).int8(groupCoordinator).bytes;
}

/** Reads the body of a FindCoordinator response, version 2. */
export function readFindCoordinatorResponse(body: Buffer): FindCoordinatorResponse {
  const reader = new BodyReader(body);
  const throttleTime = reader.int32();
  const errorCode = reader.int16();
  reader.nullableString(); // what the error means, in words
  const nodeId = reader.int32();
  const host = reader.string();
  const port = reader.int32();
  reader.end();
  return { throttleTime, errorCode, nodeId, host, port };
}
