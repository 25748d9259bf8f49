import { added, type TasksReport } from './tasksRounds.js';
import { momentsOf } from './tasksSlot.js';

/** A run of `npm run crash -- --source tasks`. */
export interface TasksRun extends TasksReport {
  readonly command: string;
  readonly node: string;
  readonly cores: number;
  readonly processes: number;
  readonly partitions: number;
  readonly sessionTimeout: number;
}

/** What several runs found together. */
export interface TasksSummary extends TasksReport {
  /** Moments at which no process was killed or stopped yet, as `POINT@NTH`. The first runs did not count which time it was. */
  readonly unmet?: { readonly kills: readonly string[]; readonly stops: readonly string[] };
  readonly runs: readonly TasksRun[];
}

/** @param isControl whether the processes were stopped in the turn of a batch only */
export function summaryOf(runs: readonly TasksRun[], isControl: boolean): TasksSummary {
  const sum = (of: (run: TasksRun) => number) => runs.reduce((total, run) => total + of(run), 0);
  const all = (of: (run: TasksRun) => TasksReport['killsAt']) => runs.map(of).reduce(added, {});
  const [killsAt, stopsAt] = [all((run) => run.killsAt), all((run) => run.stopsAt)];
  return {
    seconds: sum(({ seconds }) => seconds),
    rounds: sum(({ rounds }) => rounds),
    kills: sum(({ kills }) => kills),
    stops: sum(({ stops }) => stops),
    graceful: sum(({ graceful }) => graceful),
    joins: sum(({ joins }) => joins),
    batches: sum(({ batches }) => batches),
    records: sum(({ records }) => records),
    lost: sum(({ lost }) => lost),
    doubled: sum(({ doubled }) => doubled),
    wrong: sum(({ wrong }) => wrong),
    ...(!isControl && { unmet: { kills: unmet('kill', killsAt), stops: unmet('stop', stopsAt) } }),
    killsAt,
    stopsAt,
    faults: runs.flatMap(({ faults }) => faults),
    runs,
  };
}

function unmet(what: 'kill' | 'stop', met: TasksReport['killsAt']): readonly string[] {
  const moments = (['table', 'topic', 'kafka'] as const).flatMap((to) => momentsOf({ to }, what));
  return [...new Set(moments)].filter((moment) => !met[moment]).sort();
}
