import type { Observable, ObservableInput } from 'rxjs';
import type { BatchRun } from './batchContext.js';
import type { StateDescription } from './batchState.js';
import type { Key } from './key.js';
import { sourcesOf } from './lineage.js';

/** Of a state with keys and values of any type. */
export type AnyStateDescription = StateDescription<Key, never>;

/** What an output does before the sources of a run read where their group has committed, such as to fence its former life. */
export type Opening = (run: BatchRun) => ObservableInput<unknown>;

/** What the operators behind a stream announce while they are subscribed to. */
export interface Announcements {
  /**
   * What stateful operators keep: so the driver knows which states there are before the operators get their first batch, which may
   * be long after the start (a window swallows batches).
   */
  readonly states: Set<AnyStateDescription>;
  /** What outputs do before the sources read committed offsets. */
  readonly openings: Set<Opening>;
}

export const newAnnouncements = (): Announcements => ({ states: new Set(), openings: new Set() });

const announcementsByStream = new WeakMap<object, Announcements>();

/** Collects in `announcements` what the operators behind `stream` announce. */
export function collectAnnouncements(stream: Observable<unknown>, announcements: Announcements): void {
  announcementsByStream.set(stream, announcements);
}

/**
 * Announces the state of an operator to the streams that `stream` is derived from. Called when the operator is subscribed to;
 * the function that it returns withdraws the state, when the subscription ends.
 */
export function announceState<K extends Key, S>(
  stream: Observable<unknown>,
  description: StateDescription<K, S>,
): () => void {
  // A copy: an operator that is subscribed to twice has two states.
  const announced = { ...description } as unknown as AnyStateDescription;
  return announce(stream, ({ states }) => states, announced);
}

/** Announces what an output does before the sources read committed offsets, in the same way. */
export function announceOpening(stream: Observable<unknown>, opening: Opening): () => void {
  return announce(stream, ({ openings }) => openings, opening);
}

function announce<A>(
  stream: Observable<unknown>,
  collectionOf: (announcements: Announcements) => Set<A>,
  announced: A,
): () => void {
  const all = [...rootsOf(stream)].map(collectionOf);
  for (const collection of all) collection.add(announced);
  return () => {
    for (const collection of all) collection.delete(announced);
  };
}

function rootsOf(stream: Observable<unknown>): ReadonlySet<Announcements> {
  const own = announcementsByStream.get(stream);
  return own ? new Set([own]) : new Set(sourcesOf(stream).flatMap((source) => [...rootsOf(source)]));
}
