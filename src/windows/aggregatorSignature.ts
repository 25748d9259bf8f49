import type { Aggregator } from './aggregator.js';

/** What identifies an aggregator in a checkpoint: its name, else the shape of its partials. */
export function aggregatorSignature<In, P, Out>(aggregator: Aggregator<In, P, Out>): string {
  return `aggregator=${aggregator.name ?? shapeOf(aggregator.identity)}`;
}

function shapeOf(partial: unknown): string {
  if (partial === null || typeof partial !== 'object') return partial === null ? 'null' : typeof partial;
  const kind = Object.getPrototypeOf(partial)?.constructor?.name ?? 'Object';
  return kind === 'Object' ? `{${Object.keys(partial).sort().join()}}` : kind;
}
