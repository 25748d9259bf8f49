import type { Aggregator } from './aggregator.js';

/** The partial of several inputs, oldest first; the identity when there are none. */
export function partialOf<In, P>(aggregator: Aggregator<In, P, unknown>, inputs: Iterable<In>): P {
  const { identity, lift, combine } = aggregator;
  const add = aggregator.add ?? ((partial: P, input: In) => combine(partial, lift(input)));
  let partial = identity;
  let first = true;
  for (const input of inputs) {
    // The identity is shared, so `add` must not get it.
    partial = first ? lift(input) : add(partial, input);
    first = false;
  }
  return partial;
}
