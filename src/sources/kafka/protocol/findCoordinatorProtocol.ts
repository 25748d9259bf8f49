import { BodyReader } from './bodyReader.js';
import { BodyWriter } from './bodyWriter.js';

export interface FindCoordinatorResponse {
  readonly throttleTime: number;
  readonly errorCode: number;
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
}

/** Kafka's numbers for what has a coordinator. */
const keyTypes = { group: 0, transactionalId: 1 } as const;

/** A consumer group or a transactional id. */
export type CoordinatedKind = keyof typeof keyTypes;

/** The bytes of a FindCoordinator request for a consumer group or a transactional id, version 2. */
export function encodeFindCoordinator(key: string, kind: CoordinatedKind): Buffer {
  return new BodyWriter().string(key).int8(keyTypes[kind]).bytes;
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
