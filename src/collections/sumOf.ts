/** The sum of what `of` returns for each element. */
export function sumOf<E>(elements: readonly E[], of: (element: E) => number): number {
  return elements.reduce((total, element) => total + of(element), 0);
}
