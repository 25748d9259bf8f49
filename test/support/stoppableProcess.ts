import {
  delay,
  from,
  Observable,
  type ObservableInput,
  type SchedulerAction,
  type SchedulerLike,
  Subscription,
} from 'rxjs';
import type { GroupClient } from '../../src/sources/group/groupClient.js';

/**
 * A process in virtual time: what it has scheduled, and what arrives for it, waits while it is stopped, and never happens once it is killed.
 */
export class StoppableProcess implements SchedulerLike {
  readonly #scheduler: SchedulerLike;
  #state: 'running' | 'stopped' | 'killed' = 'running';
  #waiting: (() => void)[] = [];

  constructor(scheduler: SchedulerLike) {
    this.#scheduler = scheduler;
  }

  get running(): boolean {
    return this.#state === 'running';
  }

  now(): number {
    return this.#scheduler.now();
  }

  schedule<S>(work: (this: SchedulerAction<S>, state?: S) => void, delay = 0, state?: S): Subscription {
    const scheduled = new Subscription();
    const run = (): void => {
      if (!scheduled.closed) work.call(scheduled as SchedulerAction<S>, state as S);
    };
    scheduled.add(this.#scheduler.schedule(() => this.#enter(run), delay));
    return scheduled;
  }

  stop(): void {
    if (this.#state === 'running') this.#state = 'stopped';
  }

  continue(): void {
    if (this.#state !== 'stopped') return;
    this.#state = 'running';
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const work of waiting) this.#enter(work);
  }

  kill(): void {
    this.#state = 'killed';
    this.#waiting = [];
  }

  /** What is called from outside: an answer. */
  receive<A>(answer: ObservableInput<A>): Observable<A> {
    return new Observable((subscriber) =>
      from(answer).subscribe({
        next: (value) => this.#enter(() => subscriber.next(value)),
        error: (error: unknown) => this.#enter(() => subscriber.error(error)),
        complete: () => this.#enter(() => subscriber.complete()),
      }),
    );
  }

  /** A client of a group whose answers this process receives, `latency` ms after they were sent. */
  connected(client: GroupClient, latency = 0): GroupClient {
    const receive = <A>(answer: ObservableInput<A>) =>
      this.receive(latency > 0 ? from(answer).pipe(delay(latency, this.#scheduler)) : answer);
    return {
      connect: () => receive(client.connect()),
      join: (request) => receive(client.join(request)),
      sync: (membership, assignments) => receive(client.sync(membership, assignments)),
      heartbeat: (membership) => receive(client.heartbeat(membership)),
      leave: (membership) => receive(client.leave(membership)),
      partitions: (topics) => receive(client.partitions(topics)),
      close: () => client.close(),
    };
  }

  #enter(work: () => void): void {
    if (this.#state === 'running') work();
    else if (this.#state === 'stopped') this.#waiting.push(work);
  }
}
