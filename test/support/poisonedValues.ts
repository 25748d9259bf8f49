/** What `poisonChild.ts` reads. */
export const poisonedValues: readonly string[] = ['a', 'b', 'c', 'd', 'poison', 'f', 'g', 'h'];
