/**
 * The partials of a sliding aggregator. Its length is a power of two, and element `i` (indices never start over) is at
 * `i & (length - 1)`.
 */
export interface Ring<P> {
  readonly length: number;
  [index: number]: P | undefined;
}

/** Creates a ring: of anything, or only of numbers. */
export type NewRing<P> = (length: number) => Ring<P>;

export const newRing = <P>(length: number): Ring<P> => new Array<P | undefined>(length);

/** 8 bytes per number, nothing on the heap. A number that left stays until it is overwritten. */
export const newNumberRing: NewRing<number> = (length) => new Float64Array(length);

/** The same elements, from `head` up to `tail`, in a ring of twice the length. */
export function growRing<P>(ring: Ring<P>, create: NewRing<P>, head: number, tail: number): Ring<P> {
  const larger = create(ring.length * 2);
  for (let i = head; i < tail; i++) larger[i & (larger.length - 1)] = ring[i & (ring.length - 1)];
  return larger;
}

/** Whether elements that left a ring must be cleared, so that they do not stay in memory: numbers refer to nothing. */
export function retains(ring: Ring<unknown>): boolean {
  return !(ring instanceof Float64Array);
}

/** Releases the elements from `head` up to `tail`. */
export function clearRing<P>(ring: Ring<P>, head: number, tail: number): void {
  for (let i = head; i < tail; i++) ring[i & (ring.length - 1)] = undefined;
}
