import type { Aggregator } from '../windows/aggregator.js';
import { SortedBuckets } from './sortedBuckets.js';

/** A session that may still grow. */
export interface OpenEventSession<P> {
  /** The event times of its first and its last record, in ms. */
  start: number;
  end: number;
  partial: P;
}

/**
 * Sessions by event time: two records of a key whose times are at most `gap` apart are of one session. Records come in any order: one
 * may begin a session, extend it at either end, or join two.
 *
 * A session closes when the watermark is more than the gap, and the lateness that is allowed, beyond its end: no record that comes then
 * can be of the session any more.
 */
export class EventSessions<K, In, P> {
  readonly #gap: number;
  /** How long after its end a session closes. */
  readonly #openFor: number;
  readonly #lift: (input: In) => P;
  readonly #combine: (a: P, b: P) => P;
  readonly #add: (partial: P, input: In) => P;
  /** The sessions of each key, more than the gap apart, rising. */
  readonly #open = new Map<K, OpenEventSession<P>[]>();
  readonly #due: SortedBuckets<K>;

  constructor(
    gap: number,
    allowedLateness: number,
    { lift, combine, add }: Pick<Aggregator<In, P, unknown>, 'lift' | 'combine' | 'add'>,
  ) {
    this.#gap = gap;
    this.#openFor = gap + allowedLateness;
    this.#lift = lift;
    this.#combine = combine;
    this.#add = add ?? ((partial, input) => combine(partial, lift(input)));
    this.#due = new SortedBuckets(Math.max(gap, 1));
  }

  restore(key: K, sessions: readonly OpenEventSession<P>[]): void {
    this.#open.set(
      key,
      sessions.map((session) => ({ ...session })),
    );
    for (const { end } of sessions) this.#due.add(end + this.#openFor, key);
  }

  /** The sessions of a key that are open, if there are any. */
  of(key: K): readonly OpenEventSession<P>[] | undefined {
    return this.#open.get(key);
  }

  /** Takes a record that is on time. Returns its session. */
  add(key: K, input: In, time: number): OpenEventSession<P> {
    const sessions = this.#open.get(key);
    if (!sessions) {
      const first = this.#begin(key, input, time);
      this.#open.set(key, [first]);
      return first;
    }
    // Nearly always the last.
    let place = sessions.length;
    while (place > 0 && (sessions[place - 1] as OpenEventSession<P>).start > time) place--;
    const before = sessions[place - 1];
    const after = sessions[place];
    const joinsBefore = before !== undefined && time - before.end <= this.#gap;
    const joinsAfter = after !== undefined && after.start - time <= this.#gap;
    if (joinsBefore && joinsAfter) {
      // Both, or neither: a function may throw for the record.
      before.partial = this.#combine(this.#add(before.partial, input), after.partial);
      before.end = after.end;
      sessions.splice(place, 1);
      return before;
    }
    if (joinsBefore) {
      this.#extend(key, before, input, time);
      return before;
    }
    if (joinsAfter) {
      this.#extend(key, after, input, time);
      return after;
    }
    const session = this.#begin(key, input, time);
    sessions.splice(place, 0, session);
    return session;
  }

  /** Takes out the sessions that are closed at a watermark. */
  close(watermark: number): readonly (readonly [key: K, session: OpenEventSession<P>])[] {
    const closed: (readonly [K, OpenEventSession<P>])[] = [];
    for (const key of this.#due.take(watermark)) {
      const sessions = this.#open.get(key);
      if (!sessions) continue;
      const count = sessions.findIndex(({ end }) => end + this.#openFor >= watermark);
      for (const session of sessions.splice(0, count < 0 ? sessions.length : count)) closed.push([key, session]);
      if (sessions.length === 0) this.#open.delete(key);
      for (const { end } of sessions) this.#due.add(end + this.#openFor, key);
    }
    return closed;
  }

  #begin(key: K, input: In, time: number): OpenEventSession<P> {
    this.#due.add(time + this.#openFor, key);
    return { start: time, end: time, partial: this.#lift(input) };
  }

  #extend(key: K, session: OpenEventSession<P>, input: In, time: number): void {
    session.partial = this.#add(session.partial, input);
    if (time < session.start) session.start = time;
    if (time <= session.end) return;
    const due = session.end + this.#openFor;
    session.end = time;
    if (this.#due.bucketOf(time + this.#openFor) !== this.#due.bucketOf(due)) this.#due.add(time + this.#openFor, key);
  }
}
