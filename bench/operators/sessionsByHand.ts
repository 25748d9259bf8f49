import type { Pair, Session } from '../../src/index.js';
import type { Numbers, Parts } from './compared.js';

/** Counts the records of each key between gaps of more than 5 ms, and returns the sessions that are over. */
export function sessionsByHand(): (
  parts: Parts<Numbers>,
  time: number,
) => readonly (readonly Pair<string, Session<number>>[])[] {
  const open = new Map<string, { readonly start: number; end: number; value: number }>();
  return (parts, time) => {
    for (const records of parts) {
      for (const [key] of records) {
        const session = open.get(key);
        if (session) {
          session.end = time;
          session.value++;
        } else open.set(key, { start: time, end: time, value: 1 });
      }
    }
    return [[...open].filter(([, { end }]) => time - end > 5)];
  };
}
