import {
  defer,
  delay,
  from,
  Observable,
  type ObservableInput,
  type SchedulerAction,
  type SchedulerLike,
  Subscription,
  tap,
} from 'rxjs';
import type { GroupClient } from '../../src/sources/group/groupClient.js';

/** What happens to a process in the middle of a turn, the `nth` time that it gets to `point`. */
export interface Accident {
  readonly point: string;
  readonly nth: number;
  /** It is killed, or stopped for as many ms. */
  readonly effect: 'kill' | number;
}

/**
 * A process in virtual time: what it has scheduled, and what arrives for it, waits while it is stopped, and never happens once it is killed.
 * Stopped in the middle of a turn, it goes on there: what it was about to send goes out before any of its timers runs, as after SIGCONT.
 */
export class StoppableProcess implements SchedulerLike {
  readonly #scheduler: SchedulerLike;
  #state: 'running' | 'stopped' | 'killed' = 'running';
  #waiting: (() => void)[] = [];
  /** What is left of the turn in which it was stopped. */
  #turn: (() => void)[] = [];
  #accident: Accident | undefined;
  /** How often it has got to the point of its accident. */
  #reached = 0;

  constructor(scheduler: SchedulerLike) {
    this.#scheduler = scheduler;
  }

  /** Whether its accident is still to come. */
  get isAwaiting(): boolean {
    return this.#accident !== undefined;
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

  /** Of several, the last one counts; `undefined` is none. */
  meet(accident: Accident | undefined): void {
    this.#accident = accident;
    this.#reached = 0;
  }

  /** It gets to a point at which it may be stopped or killed. */
  reach(point: string): void {
    const accident = this.#accident;
    if (this.#state !== 'running' || accident?.point !== point || ++this.#reached < accident.nth) return;
    this.#accident = undefined;
    if (accident.effect === 'kill') {
      this.kill();
      return;
    }
    this.stop();
    this.#scheduler.schedule(() => this.continue(), accident.effect);
  }

  continue(): void {
    if (this.#state !== 'stopped') return;
    this.#state = 'running';
    const turn = this.#turn;
    this.#turn = [];
    for (const work of turn) this.#finish(work);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const work of waiting) this.#enter(work);
  }

  kill(): void {
    this.#state = 'killed';
    this.#waiting = [];
    this.#turn = [];
  }

  /**
   * What it does outside of itself, `delay` ms after it was sent, whatever became of the process and of whoever waits for the answer. The
   * points are before it is sent, and when the answer has arrived.
   */
  send<A>([before, after]: readonly [string, string], work: () => ObservableInput<A>, delay = 0): Observable<A> {
    return new Observable((subscriber) => {
      const answered = { complete: () => this.reach(after) };
      const sent = (): Subscription => this.receive(defer(work).pipe(tap(answered))).subscribe(subscriber);
      this.reach(before);
      this.#finish(() => (delay > 0 ? this.#scheduler.schedule(sent, delay) : sent()));
    });
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
    const ask = <A>(points: readonly [string, string], question: () => ObservableInput<A>) =>
      this.send(points, () => (latency > 0 ? from(question()).pipe(delay(latency, this.#scheduler)) : question()));
    const unnamed = ['', ''] as const;
    return {
      connect: () => ask(unnamed, () => client.connect()),
      join: (request) => ask(['group:before-join', 'group:joined'], () => client.join(request)),
      sync: (of, assignments) => ask(['group:before-sync', 'group:synced'], () => client.sync(of, assignments)),
      heartbeat: (membership) => ask(['group:before-heartbeat', 'group:beaten'], () => client.heartbeat(membership)),
      leave: (membership) => ask(['group:before-leave', 'group:left'], () => client.leave(membership)),
      partitions: (topics) => ask(unnamed, () => client.partitions(topics)),
      close: () => client.close(),
    };
  }

  /** Work of the present turn. */
  #finish(work: () => void): void {
    if (this.#state === 'running') work();
    else if (this.#state === 'stopped') this.#turn.push(work);
  }

  #enter(work: () => void): void {
    if (this.#state === 'running') work();
    else if (this.#state === 'stopped') this.#waiting.push(work);
  }
}
