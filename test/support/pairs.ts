import type { Pair } from 'dstream';

/** Pairs of a letter and a number: `pairs('a1 b2')` is `[['a', 1], ['b', 2]]`; `''` is no pair. */
export function pairs(text: string): Pair<string, number>[] {
  return text
    .split(' ')
    .filter((word) => word !== '')
    .map((word) => [word.slice(0, 1), Number(word.slice(1))]);
}
