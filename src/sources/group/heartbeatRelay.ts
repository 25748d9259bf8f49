import { catchError, defer, last, type ObservableInput, tap, throwError } from 'rxjs';
import { ProtocolError } from '../../batch/errors.js';
import type { GroupMembership } from '../../batch/groupMembership.js';
import type { GroupClient } from './groupClient.js';

/**
 * Sends the heartbeats of the members of a worker thread from another thread, where the functions of the user cannot block them. The launcher
 * of the thread installs it.
 */
export interface HeartbeatRelay {
  /** Returns undefined where it has no place for another member. */
  member(): RelayedHeartbeats | undefined;
}

/** Why a heartbeat has failed: no error, since the relay may belong to another copy of the library, with classes of its own. */
export interface HeartbeatRefusal {
  readonly kafkaError: string;
  readonly retriable: boolean;
  readonly cause: unknown;
}

/** The heartbeats of one member. */
export interface RelayedHeartbeats {
  /** From now on they are sent by themselves, at this interval in ms, until the group refuses one. */
  keep(membership: GroupMembership, interval: number): void;
  /** Sends one now. Fails with a `HeartbeatRefusal`. */
  beat(membership: GroupMembership): ObservableInput<unknown>;
  /** When the last one was sent that was answered, in ms; 0 before. */
  answeredAt(): number;
  /** No more are sent until `keep`. */
  release(): void;
  /** No more are sent; called once. */
  close(): void;
}

// By the registry of symbols, so that all copies of the library in one thread find it.
const place = Symbol.for('dstream.heartbeats');

/** Sets the relay of all members of this thread that begin later. */
export function installHeartbeatRelay(relay: HeartbeatRelay): void {
  (globalThis as { [place]?: HeartbeatRelay })[place] = relay;
}

/** The client, with its heartbeats sent by the relay of this thread if there is one. */
export function withRelayedHeartbeats(client: GroupClient): GroupClient {
  const beats = (globalThis as { [place]?: HeartbeatRelay })[place]?.member();
  return beats ? new RelayedGroupClient(client, beats) : client;
}

/** How many heartbeats there are in a session. */
const beatsPerSession = 10;

class RelayedGroupClient implements GroupClient {
  readonly #client: GroupClient;
  readonly #beats: RelayedHeartbeats;
  #interval = 0;

  constructor(client: GroupClient, beats: RelayedHeartbeats) {
    this.#client = client;
    this.#beats = beats;
  }

  connect: GroupClient['connect'] = () => this.#client.connect();

  partitions: GroupClient['partitions'] = (topics) => this.#client.partitions(topics);

  join: GroupClient['join'] = (request) => {
    // A group waits for its joins: until it has answered, no heartbeat is due.
    this.#beats.release();
    this.#interval = Math.max(1, Math.round(request.sessionTimeout / beatsPerSession));
    return this.#client.join(request);
  };

  sync: GroupClient['sync'] = (membership, assignments) =>
    defer(() => this.#client.sync(membership, assignments)).pipe(
      last(),
      // Before the tasks are given out, which may take long.
      tap(() => this.#beats.keep(membership, this.#interval)),
    );

  heartbeat: GroupClient['heartbeat'] = (membership) =>
    defer(() => this.#beats.beat(membership)).pipe(
      catchError(({ kafkaError, retriable, cause }: HeartbeatRefusal) =>
        throwError(() => new ProtocolError('Heartbeat', kafkaError, retriable, { cause })),
      ),
    );

  answeredAt = (): number => this.#beats.answeredAt();

  leave: GroupClient['leave'] = (membership) => {
    this.#beats.release();
    return this.#client.leave(membership);
  };

  close: GroupClient['close'] = () => {
    this.#beats.close();
    return this.#client.close();
  };
}
