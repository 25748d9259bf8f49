import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { startKafka } from '../../scripts/kafka-broker.mjs';
import { startPostgres } from '../../scripts/postgres.mjs';
import type { TasksRoundOptions } from './tasksRound.js';
import { crashTasks, type TasksReport } from './tasksRounds.js';
import { reachedBefore } from './tasksSlot.js';
import { summaryOf, type TasksRun, type TasksSummary } from './tasksSummary.js';

export interface TasksOnServers {
  readonly kills: number;
  readonly seconds: number;
  readonly processes: number;
  /** Longer on a machine that is busy with other work: sessions must not end without an accident. */
  readonly sessionTimeout: number;
  readonly seed: number;
  readonly unfenced: boolean;
  /** Where the rounds write to; in turn to all without it. */
  readonly output: TasksRoundOptions['to'] | undefined;
  /** Keeps the report of a short run too. */
  readonly keep: boolean;
}

const partitions = 8;
const roundSeconds = 120;

/** Crashes of tasks on a Kafka and a PostgreSQL that are started for them, with a report after each round. */
export async function crashTasksOnServers(options: TasksOnServers): Promise<TasksReport> {
  const { kills, seconds, processes, seed, unfenced, output, keep, sessionTimeout } = options;
  // A process that is killed loses nothing that a server has: neither need wait for the disk.
  const kafka = await startKafka({ properties: { 'group.min.session.timeout.ms': 1_000 } });
  const before = summaryBefore(unfenced);
  reachedBefore('kill', before?.killsAt ?? {});
  reachedBefore('stop', before?.stopsAt ?? {});
  const postgres = await startPostgres({ settings: { fsync: 'off', max_connections: '200' } });
  try {
    const report = await crashTasks({
      brokers: kafka.brokers,
      postgresUrl: postgres.url,
      ...{ kills, processes, partitions, seed, unfenced, sessionTimeout },
      seconds: roundSeconds,
      secondsInAll: seconds,
      outputs: output ? [output] : unfenced ? ['table'] : ['table', 'topic', 'kafka'],
      onRound: (one) => {
        const { faults, killsAt, stopsAt, ...counts } = one;
        console.log(JSON.stringify(counts), ...faults);
        // After each round: a long run may be cut off.
        if (one.kills < 1_000 && !keep) return;
        const about = {
          command: commandOf(options),
          node: process.version,
          cores: cpus().length,
          processes,
          partitions,
          sessionTimeout,
        };
        const run: TasksRun = { ...about, ...one };
        writeSummary([...(before?.runs ?? []), run], unfenced);
      },
    });
    console.log(report);
    return report;
  } finally {
    await Promise.all([kafka.stop(), postgres.stop()]);
  }
}

const summaryFile = (unfenced: boolean) =>
  new URL(`../../bench/results/crash-tasks${unfenced ? '-unfenced' : ''}.json`, import.meta.url);

/** Of earlier commands: what all of them found is in one file. */
function summaryBefore(unfenced: boolean): TasksSummary | undefined {
  const file = summaryFile(unfenced);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

function writeSummary(runs: readonly TasksRun[], unfenced: boolean): void {
  writeFileSync(summaryFile(unfenced), `${JSON.stringify(summaryOf(runs, unfenced), null, 2)}\n`);
}

/** Adds the runs of a summary that was made elsewhere, or the one run that a file has. Runs that are known already count once. */
export function addRuns(path: string, unfenced: boolean): TasksSummary | undefined {
  const found = JSON.parse(readFileSync(path, 'utf8')) as TasksSummary | TasksRun;
  const all = [...(summaryBefore(unfenced)?.runs ?? []), ...('runs' in found ? found.runs : [found])];
  writeSummary([...new Map(all.map((run) => [`${run.command} ${run.seconds}`, run])).values()], unfenced);
  return summaryBefore(unfenced);
}

function commandOf({
  kills,
  seconds,
  processes,
  sessionTimeout,
  seed,
  unfenced,
  output,
  keep,
}: TasksOnServers): string {
  const parts = [
    ...['npm run crash -- --source tasks', `--crashes ${kills}`, ...(unfenced ? ['--unfenced'] : [])],
    ...(output ? [`--output ${output}`] : []),
    ...(seconds < Infinity ? [`--seconds ${seconds}`] : []),
    ...[`--processes ${processes}`, `--session ${sessionTimeout}`, `--seed ${seed}`, ...(keep ? ['--keep'] : [])],
  ];
  return parts.join(' ');
}
