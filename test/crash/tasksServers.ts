import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { startKafka } from '../../scripts/kafka-broker.mjs';
import { startPostgres } from '../../scripts/postgres.mjs';
import type { TasksRoundOptions } from './tasksRound.js';
import { crashTasks, type TasksReport } from './tasksRounds.js';

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
        };
        const name = ['crash-tasks', ...(unfenced ? ['unfenced'] : []), ...(output ? ['to', output] : [])].join('-');
        const file = new URL(`../../bench/results/${name}.json`, import.meta.url);
        writeFileSync(file, `${JSON.stringify({ ...about, sessionTimeout, ...one }, null, 2)}\n`);
      },
    });
    console.log(report);
    return report;
  } finally {
    await Promise.all([kafka.stop(), postgres.stop()]);
  }
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
