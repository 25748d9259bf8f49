import { concat, defer, from, last, type ObservableInput, type SchedulerLike, type Subscription } from 'rxjs';
import { scheduleAfter } from '../backpressure/longDelay.js';
import { DStreamError, ProtocolError } from '../batch/errors.js';
import type { GroupMembership } from '../batch/groupMembership.js';
import type { HeartbeatAnswer, HeartbeatRequest } from './jobMessages.js';
import { takeDown } from './thrownError.js';

/** What sends heartbeats: of a `GroupClient` what they need. */
export interface HeartbeatClient {
  heartbeat(membership: GroupMembership): ObservableInput<unknown>;
  leave(membership: GroupMembership): ObservableInput<unknown>;
}

/** Where the keeper of one thread writes to: the clocks that the thread sees, and its port. */
export interface KeptThread {
  readonly clocks: BigInt64Array;
  answer(answer: HeartbeatAnswer): void;
}

interface KeptMember {
  membership: GroupMembership;
  interval: number;
  timer: Subscription | undefined;
}

/** In the main thread: sends the heartbeats of the members of one worker thread, whatever that is doing. */
export class HeartbeatKeeper {
  readonly #client: HeartbeatClient;
  readonly #thread: KeptThread;
  readonly #scheduler: SchedulerLike;
  /** By their places in the clocks. */
  readonly #members = new Map<number, KeptMember>();

  constructor(client: HeartbeatClient, thread: KeptThread, scheduler: SchedulerLike) {
    this.#client = client;
    this.#thread = thread;
    this.#scheduler = scheduler;
  }

  handle(request: HeartbeatRequest): void {
    const { place } = request;
    if (request.type === 'release') this.#release(place);
    else if (request.type === 'keep') this.#keep(place, request.membership, request.interval);
    else this.#beat(place, request.membership, request.id);
  }

  /** The thread is gone: its members leave their groups, so that nobody waits for the end of their sessions. Static members come back. */
  gone(): void {
    for (const [place, { membership }] of [...this.#members]) {
      this.#release(place);
      if (membership.instanceId !== undefined) continue;
      // Without this the session ends by itself.
      defer(() => this.#client.leave(membership)).subscribe({ error: () => {} });
    }
  }

  #release(place: number): void {
    this.#members.get(place)?.timer?.unsubscribe();
    this.#members.delete(place);
  }

  #keep(place: number, membership: GroupMembership, interval: number): void {
    this.#release(place);
    const member: KeptMember = { membership, interval, timer: undefined };
    this.#members.set(place, member);
    this.#later(place, member);
  }

  /** The next heartbeat that nobody asks for. */
  #later(place: number, member: KeptMember): void {
    member.timer?.unsubscribe();
    if (this.#members.get(place) !== member) return;
    member.timer = scheduleAfter(this.#scheduler, member.interval, () => this.#beat(place, member.membership));
  }

  #beat(place: number, membership: GroupMembership, id?: number): void {
    const sentAt = this.#scheduler.now();
    const member = this.#members.get(place);
    const answer = (error?: unknown) => {
      if (error === undefined) this.#answeredAt(place, sentAt);
      if (id !== undefined) {
        const refusal = error === undefined ? {} : { refusal: refusalOf(error) };
        this.#thread.answer({ type: 'beaten', id, ...refusal });
      }
      if (member) this.#after(place, member, error);
    };
    // An empty Observable is an answer too.
    const sent = defer(() => concat(from(this.#client.heartbeat(membership)), [undefined])).pipe(last());
    sent.subscribe({ next: () => answer(), error: (error: unknown) => answer(error) });
  }

  /** Goes on, unless the group does not know the member any more. */
  #after(place: number, member: KeptMember, error: unknown): void {
    if (this.#members.get(place) !== member) return;
    const isRebalancing = error instanceof ProtocolError && error.kafkaError === 'REBALANCE_IN_PROGRESS';
    const isOver = error !== undefined && !isRebalancing && !(error instanceof DStreamError && error.retriable);
    if (isOver) this.#release(place);
    else this.#later(place, member);
  }

  #answeredAt(place: number, at: number): void {
    const { clocks } = this.#thread;
    if (BigInt(at) > Atomics.load(clocks, place)) Atomics.store(clocks, place, BigInt(Math.trunc(at)));
  }
}

function refusalOf(error: unknown): NonNullable<HeartbeatAnswer['refusal']> {
  const kafkaError =
    error instanceof ProtocolError ? error.kafkaError : error instanceof DStreamError ? error.code : '';
  return { kafkaError, retriable: error instanceof DStreamError && error.retriable, error: takeDown(error) };
}
