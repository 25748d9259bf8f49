/**
 * Initial states for one subscription. They may be changed in place, and a `retry()` must not begin with what was made of
 * them. State with an id is plain data, which can be copied; other state is taken as it is.
 */
export function ownCopy<E>(initial: readonly E[], id: string | undefined): readonly E[] {
  return id === undefined ? initial : structuredClone(initial as E[]);
}
