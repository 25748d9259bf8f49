import type { Aggregator } from '../aggregator.js';

/** Keeps the input that no other beats; of equal inputs the oldest: `ordered` where equal inputs may differ. */
export function extreme<In>(
  name: string,
  beats: (newer: In, older: In) => boolean,
  ordered = false,
): Aggregator<In, In | undefined, In | undefined> {
  return {
    name,
    ordered,
    identity: undefined,
    lift: (input) => input,
    combine: (older, newer) => {
      if (older === undefined) return newer;
      return newer !== undefined && beats(newer, older) ? newer : older;
    },
    lower: (best) => best,
  };
}
