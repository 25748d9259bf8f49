import type { GroupMembership } from '../batch/groupMembership.js';
import type { StopOptions } from '../driver/stopReport.js';
import type { ThrownError } from './thrownError.js';

/** What a thread needs to know before it begins. */
export interface JobThreadData {
  /** The module with the job. */
  readonly url: string;
  readonly index: number;
  readonly threads: number;
  readonly restarts: number;
  /** Times in ms, at `alivePlace` and behind it. */
  readonly clocks: BigInt64Array;
  /** Whether the heartbeats of its members are sent by the main thread. */
  readonly relaysHeartbeats: boolean;
  /** By how much lower its priority is than that of the main thread. */
  readonly niceness: number;
}

/** Members of groups whose heartbeats a thread can leave to the main thread. */
export const maxRelayedMembers = 15;
/** In the clocks of a thread: when its event loop last turned. Behind it: of each member, when its last answered heartbeat was sent. */
export const alivePlace = 0;

/** From a thread. */
export type FromJobThread =
  | { readonly type: 'running' }
  | { readonly type: 'ended' }
  | { readonly type: 'failed'; readonly error: ThrownError }
  /** The module cannot be loaded, or is not a job. */
  | { readonly type: 'unusable'; readonly rule: string }
  | HeartbeatRequest;

/** About the heartbeats of a member, which is known by its place in the clocks. */
export type HeartbeatRequest =
  | { readonly type: 'keep'; readonly place: number; readonly membership: GroupMembership; readonly interval: number }
  | { readonly type: 'beat'; readonly place: number; readonly membership: GroupMembership; readonly id: number }
  | { readonly type: 'release'; readonly place: number };

/** A heartbeat is answered; `refusal` where the group, or the connection, has failed it. */
export interface HeartbeatAnswer {
  readonly type: 'beaten';
  readonly id: number;
  readonly refusal?: { readonly kafkaError: string; readonly retriable: boolean; readonly error: ThrownError };
}

/** To a thread. */
export type ToJobThread = { readonly type: 'stop'; readonly options: StopOptions } | HeartbeatAnswer;
