/** How many arrays `concat` takes at once: every one is an argument, and the stack has room for some ten thousand. */
const maxArrays = 4_096;

/** The elements of all arrays, in order. `concat` copies whole arrays at once, which a loop over the elements does not. */
export function concatAll<T>(arrays: readonly (readonly T[])[]): readonly T[] {
  const [first = [], ...rest] = arrays;
  if (rest.length < maxArrays) return first.concat(...rest);
  const joined: (readonly T[])[] = [];
  for (let i = 0; i < arrays.length; i += maxArrays) joined.push(concatAll(arrays.slice(i, i + maxArrays)));
  return concatAll(joined);
}
