import type { RateControllerFactory } from 'dstream';
import { costOf, noiseOf, type Plant } from './plant.js';
import { randomOf } from './random.js';

/** The part of an interval that still waits is rounded to this. */
const step = 0.02;
const deepest = 14;
/** With more waiting intervals than this nothing is added. */
const enough = 3;
const overloadedAbove = 0.5;
const states = Math.round(deepest / step) + 1;
const shares = [0, ...Array.from({ length: 80 }, (_, i) => 0.02 * (i + 1))];

export interface Bound {
  /** Records of a batch, over the capacity, by the work that waits, in steps. */
  readonly policy: readonly number[];
  readonly throughput: number;
  /** Part of the batches that wait for over half an interval. */
  readonly overloaded: number;
}

/**
 * The best that any controller can do on a plant whose cost does not change: by value iteration, the sizes with the
 * most throughput if an overloaded batch costs `penalty` of a full one. It knows more than any controller can, the
 * exact time for which the running batch and those behind it will still take; only the noise of the batch to be formed is hidden.
 */
export function boundOf(plant: Plant, penalty: number): Bound {
  const moves = shares.map((share) => movesOf(plant, share));
  const clamp = (state: number) => Math.min(Math.max(state, 0), states - 1);
  const overloaded = (state: number) => state * step > overloadedAbove;
  let values = new Float64Array(states);
  const policy = new Int32Array(states);
  for (let round = 0, span = 1; span > 1e-4 && round < 2_000; round++) {
    const next = new Float64Array(states);
    for (let state = 0; state < states; state++) {
      let best = -Infinity;
      for (let choice = 0; choice < (state * step > enough ? 1 : shares.length); choice++) {
        let value = (shares[choice] ?? 0) - (overloaded(state) ? penalty : 0);
        for (const [by, probability] of moves[choice] ?? []) value += probability * (values[clamp(state + by)] ?? 0);
        if (value <= best) continue;
        best = value;
        policy[state] = choice;
      }
      next[state] = best;
    }
    const gains = next.map((value, state) => value - (values[state] ?? 0));
    span = Math.max(...gains) - Math.min(...gains);
    const first = next[0] ?? 0;
    values = next.map((value) => value - first);
  }
  let presence = new Float64Array(states);
  presence[0] = 1;
  for (let round = 0; round < 2_000; round++) {
    const next = new Float64Array(states);
    for (const [state, probability] of presence.entries()) {
      for (const [by, part] of moves[policy[state] ?? 0] ?? []) {
        next[clamp(state + by)] = (next[clamp(state + by)] ?? 0) + probability * part;
      }
    }
    presence = next;
  }
  const mean = (of: (state: number) => number) => presence.reduce((sum, part, state) => sum + part * of(state), 0);
  return {
    policy: Array.from(policy, (choice) => shares[choice] ?? 0),
    throughput: mean((state) => shares[policy[state] ?? 0] ?? 0),
    overloaded: mean((state) => (overloaded(state) ? 1 : 0)),
  };
}

/** By how many steps the waiting work changes until the next tick, with what probability. */
function movesOf(plant: Plant, share: number): readonly (readonly [number, number])[] {
  const capacity = (plant.interval - plant.cost(0).fixed) / plant.cost(0).perRecord;
  const cost = share > 0 ? costOf(plant, 0, share * capacity) / plant.interval : 0;
  const probabilities = new Map<number, number>();
  const random = randomOf(1);
  const draws = 50_000;
  for (let i = 0; i < draws; i++) {
    const change = (cost * noiseOf(plant, random.normal(), (i + 0.5) / draws) - 1) / step;
    const low = Math.floor(change);
    probabilities.set(low, (probabilities.get(low) ?? 0) + (low + 1 - change) / draws);
    probabilities.set(low + 1, (probabilities.get(low + 1) ?? 0) + (change - low) / draws);
  }
  return [...probabilities];
}

/** Plays a bound's policy in the simulator: it draws the same noise, and so knows what waits. */
export function foreseeing({ policy }: Bound, plant: Plant, seed: number): RateControllerFactory {
  return ({ interval }) => {
    const random = randomOf(seed);
    const capacity = (interval - plant.cost(0).fixed) / plant.cost(0).perRecord;
    let free = 0;
    return {
      completed: () => {},
      rate: ({ now }) => {
        const waiting = Math.max(0, free - now) / interval;
        const records = Math.floor((policy[Math.min(Math.round(waiting / step), states - 1)] ?? 0) * capacity);
        const noise = noiseOf(plant, random.normal(), random.uniform());
        free = Math.max(free, now) + (records > 0 ? costOf(plant, 0, records) * noise : 0);
        return (records * 1_000) / interval;
      },
    };
  };
}
