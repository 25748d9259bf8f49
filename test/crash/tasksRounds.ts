import { rmSync } from 'node:fs';
import { buildChild } from './buildChild.js';
import { type TasksRoundOptions, tasksRound } from './tasksRound.js';

export interface TasksReport {
  readonly seconds: number;
  readonly rounds: number;
  readonly kills: number;
  /** SIGSTOPs for longer than a session. */
  readonly stops: number;
  readonly graceful: number;
  readonly joins: number;
  readonly batches: number;
  readonly records: number;
  readonly lost: number;
  readonly doubled: number;
  /** Batches with other windows, totals or states than those of one process that nothing happens to. */
  readonly wrong: number;
  /** By the moment: `POINT@NTH`, or any. */
  readonly killsAt: Readonly<Record<string, number>>;
  readonly stopsAt: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
}

export interface TasksCrashes extends Omit<TasksRoundOptions, 'child' | 'to'> {
  readonly kills: number;
  /** Ends after that many seconds, though there were fewer kills. */
  readonly secondsInAll: number;
  /** Where the rounds write to, in turn. */
  readonly outputs: readonly TasksRoundOptions['to'][];
  readonly onRound: (report: TasksReport) => void;
}

/** Kills, stops and ends processes that share the tasks of a topic, in rounds. Ends at the first fault, unless it is a control. */
export async function crashTasks(options: TasksCrashes): Promise<TasksReport> {
  const { kills, secondsInAll, outputs, onRound, ...round } = options;
  const child = await buildChild(new URL('tasksChild.ts', import.meta.url));
  const begun = performance.now();
  let report = nothing;
  try {
    while (report.kills < kills && report.seconds < secondsInAll && report.faults.length === 0) {
      const to = outputs[report.rounds % outputs.length] ?? 'table';
      const seconds = Math.min(round.seconds, secondsInAll - report.seconds);
      const { accidents, verdict, faults } = await tasksRound({
        ...round,
        ...{ child, to, seconds, seed: round.seed + report.rounds },
      }).catch((error: unknown) => {
        console.error(error);
        return { accidents: noAccidents, verdict: noVerdict, faults: [`the round could not be run: ${error}`] };
      });
      const isRight = verdict.lost + verdict.doubled + verdict.wrong === 0;
      report = {
        seconds: Math.round((performance.now() - begun) / 1_000),
        rounds: report.rounds + 1,
        kills: report.kills + sumOf(accidents.kills),
        stops: report.stops + sumOf(accidents.stops),
        graceful: report.graceful + accidents.graceful,
        joins: report.joins + accidents.joins,
        batches: report.batches + verdict.batches,
        records: report.records + verdict.records,
        lost: report.lost + verdict.lost,
        doubled: report.doubled + verdict.doubled,
        wrong: report.wrong + verdict.wrong,
        killsAt: added(report.killsAt, accidents.kills),
        stopsAt: added(report.stopsAt, accidents.stops),
        faults: [...faults, ...(isRight || round.unfenced ? [] : verdict.examples)],
      };
      onRound(report);
    }
  } finally {
    rmSync(child, { force: true });
  }
  return report;
}

const nothing: TasksReport = {
  ...{ seconds: 0, rounds: 0, kills: 0, stops: 0, graceful: 0, joins: 0, batches: 0, records: 0 },
  ...{ lost: 0, doubled: 0, wrong: 0, killsAt: {}, stopsAt: {}, faults: [] },
};

const noAccidents = { kills: {}, stops: {}, graceful: 0, joins: 0 } as const;
const noVerdict = { batches: 0, records: 0, lost: 0, doubled: 0, wrong: 0, examples: [] } as const;

type Counts = Readonly<Record<string, number>>;

const sumOf = (counts: Counts) => Object.values(counts).reduce((sum, count) => sum + count, 0);

export function added(a: Counts, b: Counts): Counts {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  return Object.fromEntries(names.map((name) => [name, (a[name] ?? 0) + (b[name] ?? 0)]));
}
