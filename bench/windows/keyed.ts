// Milliseconds for one slide by key: 10,000 keys come, 10,000 go, 1,000,000 are in the window.

import { type OperatorFunction, Subject } from 'rxjs';
import { sum } from '../../src/aggregators.js';
import { aggregateByKeyAndWindow, Batch, type Pair, reduceByKeyAndWindow } from '../../src/index.js';
import { KeyedWindow, type KeyedWindowOptions } from '../../src/windows/keyedWindow.js';
import type { Contender } from '../contender.js';
import { xorshift } from '../xorshift.js';
import { contextAt } from './context.js';

const touched = 10_000;
/** With 200 panes of 10,000 keys drawn from this many, a million distinct ones are in the window. */
const keySpace = 1_260_011;
const panes = 200;
const runs = 7;
const warmUp = 8;

type Sums = Pair<string, number>;

/** Strings of their own for each pane, as they come from a topic: nothing about them is known yet. */
function drawPairs(random: () => number): Sums[] {
  // The key space is a prime, so each step through it meets other keys until it has met all.
  const from = Math.floor(random() * keySpace);
  const step = 1 + Math.floor(random() * (keySpace - 1));
  return Array.from({ length: touched }, (_, i): Sums => {
    const key = (from + i * step) % keySpace;
    // Too short for the engine to put it together later.
    return [`key-${key}`, (key % 1_000) + 1];
  });
}

const add = (a: number, b: number): number => a + b;
const subtract = (a: number, b: number): number => a - b;

type Slide = (time: number, pairs: readonly Sums[]) => void;

/**
 * All contenders must agree on `total`, the sum over all keys of the window, when they are warm.
 *
 * `fill` is for contenders that would take minutes for all the slides before the first one that counts.
 */
function contender(
  create: () => { slide: Slide; total: () => number; fill?: (panes: readonly Sums[][]) => void },
  slides = 8,
): Contender {
  return () => {
    const { slide, total, fill } = create();
    const random = xorshift(88_172_645);
    let time = panes;
    const first = Array.from({ length: panes }, () => drawPairs(random));
    if (fill) fill(first);
    else for (const [i, pairs] of first.entries()) slide(i, pairs);
    for (let i = 0; i < warmUp; i++) slide(time++, drawPairs(random));
    const warm = total();
    const drawn = Array.from({ length: slides * runs }, () => drawPairs(random));
    let at = 0;
    return {
      units: slides,
      run: (units) => {
        for (let i = 0; i < units; i++) slide(time++, drawn[at++] as Sums[]);
      },
      check: () => warm,
    };
  };
}

function bare(options: KeyedWindowOptions<string, number>): Contender {
  return contender(() => {
    const window = new KeyedWindow<string, number>(options);
    return {
      slide: (time, pairs) => void window.slide(time - panes, [{ time, partials: pairs }]),
      total: () => [...window.slots()].reduce((all, slot) => all + slot.current(), 0),
    };
  });
}

function operator(make: () => OperatorFunction<Batch<Sums>, Batch<Pair<string, number | undefined>>>): Contender {
  return contender(() => {
    const source = new Subject<Batch<Sums>>();
    const live = new Map<string, number>();
    let changes: (readonly Pair<string, number | undefined>[])[] = [];
    source.pipe(make()).subscribe(({ records }) => void changes.push(records));
    const context = contextAt();
    return {
      slide: (time, pairs) => source.next(new Batch([{ index: 0, records: pairs }], context(time + 1))),
      total() {
        for (const [key, value] of changes.flat()) {
          if (value === undefined) live.delete(key);
          else live.set(key, value);
        }
        changes = [];
        return [...live.values()].reduce(add, 0);
      },
    };
  });
}

/** What Spark does: a new table at each slide, by a pass over all keys of the one before and of the panes. */
const rebuild: Contender = contender(() => {
  const queue: Sums[][] = [];
  let before = new Map<string, number>();
  return {
    fill(panes) {
      queue.push(...panes);
      for (const [key, value] of panes.flat()) before.set(key, (before.get(key) ?? 0) + value);
    },
    slide(_, pairs) {
      queue.push([...pairs]);
      const old = queue.length > panes ? new Map(queue.shift()) : new Map<string, number>();
      const added = new Map(pairs);
      const after = new Map<string, number>();
      for (const [key, value] of before) {
        const left = old.get(key);
        const come = added.get(key);
        const rest = left === undefined ? value : value - left;
        const next = come === undefined ? rest : rest + come;
        // The filter for counts from Spark's guide, without which keys at zero would stay forever.
        if (next !== 0) after.set(key, next);
      }
      for (const [key, value] of added) if (!before.has(key)) after.set(key, value);
      before = after;
    },
    total: () => [...before.values()].reduce(add, 0),
  };
}, 1);

const window = { window: panes, emit: 'changes' as const };

export const keyed: Readonly<Record<string, Contender>> = {
  'keyed window, inverse': bare({ reduce: add, inverse: subtract }),
  'keyed window, two stacks': bare({ reduce: add }),
  'keyed window, DABA Lite': bare({ reduce: add, latency: 'worst-case' }),
  'reduceByKeyAndWindow, inverse': operator(() => reduceByKeyAndWindow(add, { ...window, inverse: subtract })),
  'aggregateByKeyAndWindow, sum': operator(() => aggregateByKeyAndWindow(sum(), window)),
  "Spark's rebuild": rebuild,
};
