import { quantile } from '../../bench/quantile.js';
import { crashReadyReceivers, type ReadyCrashes } from './readyReceivers.js';

/** What is judged at once: outputs and senders begin from scratch in each round. */
const killsOfRound = 100;

export interface ReadyKindReport {
  /** Receivers that were killed. */
  readonly killed: number;
  readonly acknowledged: number;
  /** Different records that the outputs have. */
  readonly received?: number;
  readonly lost: number;
  readonly doubled: number;
  /** Time from sending to the acknowledgement that 99 of 100 stay under, kills included, ms; absent without such times. */
  readonly p99?: number;
}

export interface ReadyReport {
  /** Processes that were killed. */
  readonly kills: number;
  /** Receivers that were killed with them. */
  readonly receivers: number;
  readonly seconds: number;
  readonly kinds: Readonly<Record<string, ReadyKindReport>>;
  readonly faults: readonly string[];
}

/** Kills processes with ready receivers in rounds, and reports after each. Ends at the first fault. */
export async function crashInRounds({
  kinds,
  kills,
  each = 1,
  brokers,
  seconds = Infinity,
  seed,
  signal,
  onRound,
}: Omit<ReadyCrashes, 'onKill'> & { readonly onRound: (report: ReadyReport) => void }): Promise<ReadyReport> {
  const begun = performance.now();
  const elapsed = () => (performance.now() - begun) / 1_000;
  const delays: Record<string, number[]> = {};
  let report: ReadyReport = { kills: 0, receivers: 0, seconds: 0, kinds: {}, faults: [] };
  while (report.kills < kills && elapsed() < seconds && report.faults.length === 0 && !signal?.aborted) {
    const round = await crashReadyReceivers({
      kinds,
      each,
      brokers,
      signal,
      kills: Math.min(killsOfRound, kills - report.kills),
      seconds: seconds - elapsed(),
      seed: seed + report.kills,
    });
    const faults = [...round.faults];
    const reports = kinds.map((kind): [string, ReadyKindReport] => {
      const { acknowledged, received, lost, doubled, delays: times } = round.kinds[kind] ?? none;
      if (lost.length > 0) faults.push(`${kind} lost ${lost.slice(0, 10)}, with --seed ${seed + report.kills}`);
      if (doubled > 0) faults.push(`${kind} doubled ${doubled}, with --seed ${seed + report.kills}`);
      delays[kind] = [...(delays[kind] ?? []), ...times];
      const before = report.kinds[kind] ?? { killed: 0, acknowledged: 0, received: 0, lost: 0, doubled: 0 };
      const p99 = percentile99(delays[kind]);
      return [
        kind,
        {
          killed: before.killed + round.kills * each,
          acknowledged: before.acknowledged + acknowledged,
          received: (before.received ?? 0) + received,
          lost: before.lost + lost.length,
          doubled: before.doubled + doubled,
          ...(p99 !== undefined && { p99 }),
        },
      ];
    });
    report = {
      kills: report.kills + round.kills,
      receivers: (report.kills + round.kills) * kinds.length * each,
      seconds: Math.round(elapsed()),
      kinds: Object.fromEntries(reports),
      faults,
    };
    onRound(report);
  }
  return report;
}

const none = { acknowledged: 0, received: 0, lost: [], doubled: 0, delays: [] };

function percentile99(times: readonly number[]): number | undefined {
  return times.length === 0 ? undefined : quantile(times, 0.99);
}
