import { entryOf } from '../collections/entryOf.js';
import type { OpenEventSession } from './eventSessions.js';

/** What has become of a session of a key: it has changed, or is part of another session now. */
export interface SessionChange<K, P> {
  readonly key: K;
  readonly start: number;
  readonly end: number;
  /** Absent if the session is no more. */
  readonly session?: OpenEventSession<P>;
}

interface Touched<P> {
  /** The sessions of the key before the batch: all of them have been emitted. */
  readonly before: readonly { readonly start: number; readonly end: number }[];
  readonly sessions: Set<OpenEventSession<P>>;
}

/** Knows which sessions a batch changes. Key and start identify a session: one that begins earlier now is another one. */
export class SessionChanges<K, P> {
  readonly #touched = new Map<K, Touched<P>>();

  /** Called before a record of a key is added, with the sessions of the key. */
  before(key: K, sessions: readonly OpenEventSession<P>[] | undefined): void {
    if (this.#touched.has(key)) return;
    const before = (sessions ?? []).map(({ start, end }) => ({ start, end }));
    this.#touched.set(key, { before, sessions: new Set() });
  }

  /** A record has been added to this session. */
  changed(key: K, session: OpenEventSession<P>): void {
    entryOf(this.#touched, key, () => ({ before: [], sessions: new Set<OpenEventSession<P>>() })).sessions.add(session);
  }

  /** The sessions that are no more, and after them those that have changed and are still open. */
  take(
    openOf: (key: K) => readonly OpenEventSession<P>[] | undefined,
    closed: readonly (readonly [key: K, session: OpenEventSession<P>])[],
  ): readonly SessionChange<K, P>[] {
    const gone: SessionChange<K, P>[] = [];
    const changed: SessionChange<K, P>[] = [];
    const closedOf = new Map<K, number[]>();
    for (const [key, { start }] of closed) entryOf(closedOf, key, () => []).push(start);
    for (const [key, { before, sessions }] of this.#touched) {
      const open = openOf(key) ?? [];
      const starts = new Set([...open.map(({ start }) => start), ...(closedOf.get(key) ?? [])]);
      for (const { start, end } of before) if (!starts.has(start)) gone.push({ key, start, end });
      for (const session of open) {
        if (sessions.has(session)) changed.push({ key, start: session.start, end: session.end, session });
      }
    }
    this.#touched.clear();
    return [...gone, ...changed];
  }
}
