import type { Aggregator } from '../windows/aggregator.js';
import { partialOf } from '../windows/partialOf.js';

/** An input with what orders it: event time, then the rank of its partition, then its number in there. */
export type TimedInput<In> = readonly [time: number, rank: number, sequence: number, input: In];

/** Inputs of one pane in a list, and lists put together as the window slides: nothing is copied before the window closes. */
export type TimedInputs<In> = TimedInput<In>[] | { readonly older: TimedInputs<In>; readonly newer: TimedInputs<In> };

/** Turns an aggregator whose result depends on the order of its inputs into one that keeps them, and puts them in order at the end. */
export function inEventOrder<In, P, Out>(
  aggregator: Aggregator<In, P, Out>,
): Aggregator<TimedInput<In>, TimedInputs<In>, Out> {
  return {
    ...(aggregator.name !== undefined && { name: aggregator.name }),
    identity: [],
    lift: (input) => [input],
    add: (inputs, input) => {
      (inputs as TimedInput<In>[]).push(input);
      return inputs;
    },
    combine: (older, newer) => ({ older, newer }),
    lower: (inputs) => aggregator.lower(partialOf(aggregator, sorted(inputs))),
  };
}

function sorted<In>(inputs: TimedInputs<In>): readonly In[] {
  const all = listed(inputs).sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
  return all.map(([, , , input]) => input);
}

/** Not recursive: a window may have thousands of panes. */
function listed<In>(inputs: TimedInputs<In>): TimedInput<In>[] {
  const all: TimedInput<In>[] = [];
  const waiting: TimedInputs<In>[] = [inputs];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (Array.isArray(next)) for (const input of next) all.push(input);
    else waiting.push(next.newer, next.older);
  }
  return all;
}
