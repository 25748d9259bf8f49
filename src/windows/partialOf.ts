import { foldRecords } from '../collections/foldRecords.js';
import type { Aggregator } from './aggregator.js';

/** The partial of several inputs, oldest first; the identity for no input. */
export function partialOf<In, P>(aggregator: Aggregator<In, P, unknown>, inputs: Iterable<In>): P {
  const partial = partialOfVisited<In, P>(aggregator, (next) => {
    for (const input of inputs) next(input);
  });
  return partial ? partial[0] : aggregator.identity;
}

/** The same for inputs that `visit` passes to its argument; `undefined` for no input. */
export function partialOfVisited<In, P>(
  { lift, combine, add }: Aggregator<In, P, unknown>,
  visit: (next: (input: In) => void) => void,
): readonly [P] | undefined {
  return foldRecords(lift, add ?? ((partial, input) => combine(partial, lift(input))), visit);
}
