import type { ReadyKindReport, ReadyReport } from './readyRounds.js';

/** A run of `npm run crash` with ready receivers. */
export interface ReadyRun extends ReadyReport {
  readonly command: string;
  readonly node: string;
  readonly cores: number;
}

/** What several runs found together. */
export interface ReadySummary extends ReadyReport {
  readonly runs: readonly ReadyRun[];
}

type Kinds = ReadyReport['kinds'];

/** Sums up runs. Percentiles are left to each of them. */
export function summaryOf(runs: readonly ReadyRun[]): ReadySummary {
  const sum = (of: (run: ReadyRun) => number) => runs.reduce((total, run) => total + of(run), 0);
  return {
    kills: sum(({ kills }) => kills),
    receivers: sum(({ receivers }) => receivers),
    seconds: sum(({ seconds }) => seconds),
    kinds: runs.reduce((total, { kinds }) => kindsTogether(total, kinds), {} as Kinds),
    faults: runs.flatMap(({ faults }) => faults),
    runs,
  };
}

function kindsTogether(one: Kinds, other: Kinds): Kinds {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return Object.fromEntries([...names].map((name) => [name, together(one[name], other[name])]));
}

function together(one: ReadyKindReport = none, other: ReadyKindReport = none): ReadyKindReport {
  return {
    killed: one.killed + other.killed,
    acknowledged: one.acknowledged + other.acknowledged,
    // The first runs did not count them.
    ...(one.received !== undefined && other.received !== undefined && { received: one.received + other.received }),
    lost: one.lost + other.lost,
    doubled: one.doubled + other.doubled,
  };
}

const none: ReadyKindReport = { killed: 0, acknowledged: 0, received: 0, lost: 0, doubled: 0 };
