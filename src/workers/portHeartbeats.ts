import type { GroupMembership } from '../batch/groupMembership.js';
import type { HeartbeatRefusal, HeartbeatRelay, RelayedHeartbeats } from '../sources/group/heartbeatRelay.js';
import { type HeartbeatAnswer, type HeartbeatRequest, maxRelayedMembers } from './jobMessages.js';
import { revive } from './thrownError.js';

interface Waiting {
  readonly done: () => void;
  readonly failed: (refusal: HeartbeatRefusal) => void;
}

/** In a thread: has the heartbeats of its members sent by the main thread. */
export class PortHeartbeats implements HeartbeatRelay {
  readonly #clocks: BigInt64Array;
  readonly #send: (request: HeartbeatRequest) => void;
  readonly #waiting = new Map<number, Waiting>();
  readonly #free = Array.from({ length: maxRelayedMembers }, (_, i) => i + 1);
  #ids = 0;

  constructor(clocks: BigInt64Array, send: (request: HeartbeatRequest) => void) {
    this.#clocks = clocks;
    this.#send = send;
  }

  member(): RelayedHeartbeats | undefined {
    const place = this.#free.shift();
    if (place === undefined) return undefined;
    Atomics.store(this.#clocks, place, 0n);
    const release = () => this.#send({ type: 'release', place });
    return {
      keep: (membership, interval) => this.#send({ type: 'keep', place, membership, interval }),
      beat: (membership) => this.#beat(place, membership),
      answeredAt: () => Number(Atomics.load(this.#clocks, place)),
      release,
      close: () => {
        release();
        this.#free.push(place);
      },
    };
  }

  answered({ id, refusal }: HeartbeatAnswer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (!refusal) waiting?.done();
    else {
      const { kafkaError, retriable, error } = refusal;
      waiting?.failed({ kafkaError, retriable, cause: revive(error) });
    }
  }

  #beat(place: number, membership: GroupMembership): Promise<void> {
    const id = ++this.#ids;
    return new Promise((done, failed) => {
      this.#waiting.set(id, { done, failed });
      this.#send({ type: 'beat', place, membership, id });
    });
  }
}
