import { parseArgs } from 'node:util';

export interface DemoOptions {
  /** Kafka brokers; the in-memory log when absent. */
  readonly brokers: readonly string[] | undefined;
  /** Seconds after which to end gracefully; without it, run until interrupted. */
  readonly duration: number | undefined;
  /** Flights replayed per second. */
  readonly speed: number;
  /** Port of the metrics for Prometheus; 0 for any; none when absent. */
  readonly metrics: number | undefined;
  /** Make the output slow from time to time, so that backpressure sets in. */
  readonly slow: boolean;
  /** Write every flight once, read to there, and show the days of the busiest airports by event time. */
  readonly bounded: boolean;
  /** An airport whose flights arrive hours late; only with `bounded`. */
  readonly late: string | undefined;
  /** With `bounded`: the folder where table, windows and offsets are kept, so that a run which was killed goes on. */
  readonly checkpoint: string | undefined;
  /** With `bounded` on Kafka: the topic that `produce.ts` has filled; when absent, the run fills one of its own. */
  readonly topic: string | undefined;
  /** How many processes share the flights of a topic, of which one is killed; one process without it. */
  readonly processes: number | undefined;
  /** Port of the dashboard; without it there is no dashboard. */
  readonly dashboard: number | undefined;
}

export const usage = `npm run demo -- [options]
  --brokers HOST:PORT[,HOST:PORT]  read and write a topic "flights" of a real Kafka (default: a log in memory)
  --duration S                     end gracefully after S seconds (default: run until interrupted)
  --speed N                        flights replayed a second (default 1000)
  --metrics PORT                   serve metrics for Prometheus under http://127.0.0.1:PORT/metrics (0: any free port)
  --slow                           make the output slow for 5 s out of 10, so that backpressure sets in and recovers
  --until latest                   write all flights once, and read up to there by event time: one table, the same at every speed
  --late AIRPORT                   ... where the flights of an airport, such as DFW, arrive six hours late
  --checkpoint FOLDER              ... keeping table, windows and offsets there: killed and started again, it goes on where it was
  --topic NAME                     ... from a topic of the Kafka that flights/produce has filled
  --processes N                    with --brokers: N processes share the partitions of a topic, and one of them is killed while you watch
  --dashboard                      serve the dashboard on http://127.0.0.1:4040/
  --port N                         ... on another port
  --help`;

export function readOptions(args: readonly string[]): DemoOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      brokers: { type: 'string' },
      duration: { type: 'string' },
      speed: { type: 'string', default: '1000' },
      metrics: { type: 'string' },
      slow: { type: 'boolean', default: false },
      until: { type: 'string' },
      late: { type: 'string' },
      checkpoint: { type: 'string' },
      topic: { type: 'string' },
      processes: { type: 'string' },
      dashboard: { type: 'boolean', default: false },
      port: { type: 'string', default: '4040' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  if (values.until !== undefined && values.until !== 'latest')
    throw new Error(`--until (${values.until}) must be latest`);
  for (const name of ['late', 'checkpoint', 'topic'] as const)
    if (values[name] !== undefined && values.until === undefined) throw new Error(`--${name} needs --until latest`);
  if (values.topic !== undefined && values.brokers === undefined) throw new Error('--topic needs --brokers');
  if (values.topic !== undefined && values.late !== undefined)
    throw new Error('--late needs flights that this run writes: give it to flights/produce, with the topic');
  if (values.checkpoint !== undefined && values.brokers !== undefined && values.topic === undefined)
    throw new Error('--checkpoint needs --topic: without it each run on Kafka has a topic of its own');
  if (values.processes !== undefined && values.brokers === undefined) throw new Error('--processes needs --brokers');
  for (const name of ['until', 'duration', 'metrics', 'slow', 'dashboard'] as const)
    if (values.processes !== undefined && values[name]) throw new Error(`--processes does not go with --${name}`);
  return {
    brokers: values.brokers?.split(',').map((broker) => broker.trim()),
    duration: values.duration === undefined ? undefined : positive('duration', values.duration),
    speed: positive('speed', values.speed),
    metrics: values.metrics === undefined ? undefined : portOf('metrics', values.metrics),
    slow: values.slow,
    bounded: values.until === 'latest',
    late: values.late,
    checkpoint: values.checkpoint,
    topic: values.topic,
    processes: values.processes === undefined ? undefined : processesOf(values.processes),
    dashboard: values.dashboard ? positive('port', values.port) : undefined,
  };
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!(Number.isFinite(value) && value > 0)) throw new Error(`--${option} (${text}) must be a number greater than 0`);
  return value;
}

/** The topic has six partitions. */
function processesOf(text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 2 && value <= 6)) throw new Error(`--processes (${text}) must be 2 to 6`);
  return value;
}

function portOf(option: string, text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 0 && value < 65_536))
    throw new Error(`--${option} (${text}) must be a port`);
  return value;
}
