/**
 * Where the sliding aggregators keep their partials. Its length is a power of two, and the element with number `i` (they
 * are numbered for ever) stands at `i & (length - 1)`.
 */
export interface Ring<P> {
  readonly length: number;
  [index: number]: P | undefined;
}

/** Makes a ring: of anything, or of numbers alone. */
export type NewRing<P> = (length: number) => Ring<P>;

export const newRing = <P>(length: number): Ring<P> => new Array<P | undefined>(length);

/** 8 bytes a number, nothing on the heap. What has left stays until it is written over. */
export const newNumberRing: NewRing<number> = (length) => new Float64Array(length);

/** The same elements, from number `head` up to `tail`, in a ring twice as long. */
export function growRing<P>(ring: Ring<P>, create: NewRing<P>, head: number, tail: number): Ring<P> {
  const larger = create(ring.length * 2);
  for (let i = head; i < tail; i++) larger[i & (larger.length - 1)] = ring[i & (ring.length - 1)];
  return larger;
}

/** Whether what has left a ring must be cleared, lest it stay in memory: numbers hold on to nothing. */
export function holdsOn(ring: Ring<unknown>): boolean {
  return !(ring instanceof Float64Array);
}

/** Lets go of the elements from number `head` up to `tail`. */
export function clearRing<P>(ring: Ring<P>, head: number, tail: number): void {
  for (let i = head; i < tail; i++) ring[i & (ring.length - 1)] = undefined;
}
