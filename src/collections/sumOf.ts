/** The sum of what `of` returns for each element. */
export function sumOf<E>(elements: readonly E[], of: (element: E) => number): number {
  let total = 0;
  for (const element of elements) total += of(element);
  return total;
}
