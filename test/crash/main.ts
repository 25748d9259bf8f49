// npm run crash [-- --crashes 10000 --checkpoint file --parallel 4 --seed N]: kills processes at every failure point and
// at any moment, and counts what is lost and doubled. `--source receiver` has a write-ahead log, `--source ready` (or some of
// tcp,http,sse,websocket,file,process, or kafkaReceiver) are ready receivers that are killed while they receive, `--each` of each kind in
// one process, for `--seconds` at most and until SIGTERM, `--source kafka` reads from a real Kafka, `--output kafka` writes into it.
// `--source tasks` has several processes that share the tasks of a topic, killed, stopped for longer than their session, and ended, for
// `--seconds` at most, with `--output table`, `topic` or `kafka`, or with all in turn; `--unfenced` takes out the fence, to see that the judge
// finds what is doubled then, and `--add FILE` to sum up with the runs of another clone. `--event-time` has operators by event time only.
// It is that of KAFKA_BROKERS, or one that is started here; PostgreSQL likewise, of POSTGRES_URL.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { startKafka } from '../../scripts/kafka-broker.mjs';
import { startPostgres } from '../../scripts/postgres.mjs';
import { type CrashedEnds, stores } from './checkpoints.js';
import { crashMatrix, defaultEnds } from './matrix.js';
import { kafkaKind, readyKinds } from './readyReceivers.js';
import { crashInRounds } from './readyRounds.js';
import { type ReadySummary, summaryOf } from './readySummary.js';
import type { TasksRoundOptions } from './tasksRound.js';
import { addRuns, crashTasksOnServers } from './tasksServers.js';

const { values } = parseArgs({
  options: {
    crashes: { type: 'string', default: '10000' },
    checkpoint: { type: 'string', default: 'file' },
    source: { type: 'string', default: 'files' },
    output: { type: 'string' },
    'event-time': { type: 'boolean', default: false },
    unfenced: { type: 'boolean', default: false },
    add: { type: 'string' },
    processes: { type: 'string', default: '4' },
    session: { type: 'string', default: '4000' },
    seconds: { type: 'string' },
    each: { type: 'string', default: '1' },
    keep: { type: 'boolean', default: false },
    parallel: { type: 'string', default: String(2 * cpus().length) },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
if (values.source === 'tasks') {
  if (values.output !== undefined && !['table', 'topic', 'kafka'].includes(values.output)) {
    console.error('--output of tasks is table, topic or kafka');
    process.exit(1);
  }
  if (values.add !== undefined) {
    const { runs = [], killsAt: _, stopsAt: __, ...sum } = addRuns(values.add, values.unfenced) ?? {};
    console.log(sum, `${runs.length} runs`);
    process.exit(0);
  }
  const report = await crashTasksOnServers({
    kills: Number(values.crashes),
    seconds: Number(values.seconds ?? Infinity),
    processes: Number(values.processes),
    sessionTimeout: Number(values.session),
    seed: Number(values.seed),
    unfenced: values.unfenced,
    output: values.output as TasksRoundOptions['to'] | undefined,
    keep: values.keep,
  });
  const hasFound = report.doubled > 0;
  if (values.unfenced && !hasFound)
    console.error('the control has found nothing: nothing was doubled without the fence');
  process.exit(report.faults.length > 0 || values.unfenced !== hasFound ? 1 : 0);
}
const { checkpoint: store } = values;
if (!stores[store]) {
  console.error(`--checkpoint is one of: ${Object.keys(stores).join(', ')}`);
  process.exit(1);
}
const ends = {
  ...defaultEnds(store),
  source: values.source,
  ...(values.output && { output: values.output }),
  ...(values['event-time'] && { operators: 'event time' }),
} as CrashedEnds;
const outputs = store === 'postgres' ? ['table', 'files', 'kafka'] : ['files', 'kafka'];
/** The ready receivers that are killed, several in one process. */
const kinds =
  values.source === 'ready'
    ? readyKinds
    : values.source.split(',').filter((kind) => [...readyKinds, kafkaKind].includes(kind));
if ((kinds.length === 0 && !['files', 'kafka', 'receiver'].includes(ends.source)) || !outputs.includes(ends.output)) {
  const ready = `ready, which is all of ${readyKinds.join(',')}, or some of these, or ${kafkaKind}`;
  console.error(`--source is files, kafka, receiver or ${ready}; --output is one of: ${outputs.join(', ')}`);
  process.exit(1);
}
if (ends.output === 'kafka' && ends.source !== 'kafka') {
  console.error('--output kafka commits the offsets of what it was made of: it needs --source kafka');
  process.exit(1);
}
if (ends.source === 'receiver' && ends.output !== 'files') {
  console.error('--source receiver writes its output to files');
  process.exit(1);
}
const crashes = Number(values.crashes);
/** Brokers of `KAFKA_BROKERS`, or of a Kafka that is started where it is needed. */
const kafka =
  [...kinds, ends.source].some((source) => ['kafka', kafkaKind].includes(source)) && !process.env.KAFKA_BROKERS
    ? await startKafka()
    : undefined;
const brokers = kafka?.brokers ?? process.env.KAFKA_BROKERS;
if (kinds.length > 0) {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort());
  const file = new URL('../../bench/results/crash-ready.json', import.meta.url);
  /** Of earlier commands: what all of them found is in one file. */
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as ReadySummary).runs : [];
  const result = await crashInRounds({
    kinds,
    each: Number(values.each),
    brokers,
    signal: interrupted.signal,
    kills: crashes,
    ...(values.seconds && { seconds: Number(values.seconds) }),
    seed: Number(values.seed),
    onRound: (report) => {
      console.log(`${report.kills} of ${crashes} in ${report.seconds} s`);
      // After each round: a long run may be cut off.
      if (report.receivers < 1_000 && !values.keep) return;
      const limit = values.seconds ? ` --seconds ${values.seconds}` : '';
      const each = values.each === '1' ? '' : ` --each ${values.each}`;
      const options = `--source ${values.source}${each} --crashes ${crashes}${limit}${values.keep ? ' --keep' : ''}`;
      const command = `npm run crash -- ${options}`;
      const run = { command, node: process.version, cores: cpus().length, ...report };
      writeFileSync(file, `${JSON.stringify(summaryOf([...before, run]), null, 2)}\n`);
    },
  }).finally(() => kafka?.stop());
  console.log(result);
  process.exit(result.faults.length > 0 ? 1 : 0);
}
const postgres =
  store === 'postgres' && !process.env.POSTGRES_URL
    ? // A process that is killed loses nothing that the server has: it need not wait for the disk.
      await startPostgres({ settings: { fsync: 'off' } })
    : undefined;
const postgresUrl = postgres?.url ?? process.env.POSTGRES_URL;
const begun = Date.now();
let shown = begun;
const result = await crashMatrix({
  store,
  ends,
  ...(brokers && { brokers }),
  crashes,
  ...(store === 'postgres' && postgresUrl && { postgresUrl }),
  ...(values.seconds && { seconds: Number(values.seconds) }),
  parallel: Number(values.parallel),
  seed: Number(values.seed),
  onCrash: (count) => {
    if (Date.now() - shown < 10_000) return;
    shown = Date.now();
    console.log(`${count} of ${crashes}`);
  },
}).finally(() => Promise.all([postgres?.stop(), kafka?.stop()]));

const width = 28;
console.log(`\n${'point'.padEnd(width)}${['crashes', 'lost', 'doubled'].map((title) => title.padStart(10)).join('')}`);
for (const [point, { crashes, lost, doubled }] of Object.entries(result.points)) {
  console.log(`${point.padEnd(width)}${[crashes, lost, doubled].map((count) => String(count).padStart(10)).join('')}`);
}
const totals = [result.crashes, result.lost, result.doubled].map((count) => String(count).padStart(10));
console.log(`${'all'.padEnd(width)}${totals.join('')}`);
for (const fault of result.faults) console.error(fault);
console.log(`${result.runs} runs in ${Math.round((Date.now() - begun) / 1_000)} s, --seed ${result.seed}`);

const { faults, ...figures } = result;
// A short run shows how it goes; what is kept is the report of a long one, or of one with --keep.
if (result.crashes >= 1_000 || values.keep) {
  const limit = values.seconds ? ` --seconds ${values.seconds}` : '';
  const between =
    (ends.source !== 'files' ? ` --source ${ends.source}${values.output ? ` --output ${values.output}` : ''}` : '') +
    (values['event-time'] ? ' --event-time' : '');
  const command = `npm run crash --${between} --checkpoint ${store} --crashes ${crashes}${limit}${values.keep ? ' --keep' : ''}`;
  const name = [
    'crash',
    ...(ends.source !== 'files' ? [ends.source] : []),
    store,
    ...(values.output ? ['to', values.output] : []),
    ...(values['event-time'] ? ['event-time'] : []),
  ];
  const report = { command, node: process.version, cores: cpus().length, ...figures, faults };
  const folder = new URL('../../bench/results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL(`${name.join('-')}.json`, folder), `${JSON.stringify(report, null, 2)}\n`);
}
process.exit(result.lost + result.doubled + faults.length > 0 ? 1 : 0);
