import type { Aggregator } from '../aggregator.js';

/** Keeps the input that no other beats; of equal inputs the oldest. */
export function extreme<In>(
  name: string,
  beats: (newer: In, older: In) => boolean,
): Aggregator<In, In | undefined, In | undefined> {
  return {
    name,
    identity: undefined,
    lift: (input) => input,
    combine: (older, newer) => {
      if (older === undefined) return newer;
      return newer !== undefined && beats(newer, older) ? newer : older;
    },
    lower: (best) => best,
  };
}
