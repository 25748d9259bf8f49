// npm run chaos [-- --minutes 10 --mode exactly-once --seed N --faults 'a; b']: disturbs a job between a Kafka of three brokers and
// PostgreSQL, each behind a proxy, and counts what is lost, doubled, stuck, unhandled and left open. Without --mode each mode has an
// equal part of the time. The faults and their order repeat with the seed.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { type ChaosReport, runChaos } from './chaos.js';
import { type Mode, modes } from './modes.js';
import { startWorld, type World } from './world.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    mode: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    faults: { type: 'string' },
    'fault-seconds': { type: 'string', default: '10' },
    'bound-seconds': { type: 'string', default: '300' },
    keep: { type: 'boolean', default: false },
  },
});
if (values.mode !== undefined && !modes.includes(values.mode as Mode)) {
  console.error(`--mode is one of: ${modes.join(', ')}`);
  process.exit(1);
}
const chosen = values.mode === undefined ? modes : [values.mode as Mode];
const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
const given = process.argv.slice(2).filter((word) => word !== '--keep');
console.log(`npm run chaos -- ${given.join(' ')}, seed ${seed}`);

/** A signal ends the run; servers that are being started are stopped once they have been. */
const interruption = new AbortController();
let world: World | undefined;
const interrupt = () => {
  interruption.abort();
  if (world) void world.close().finally(() => process.exit(1));
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt);
world = await startWorld({ seed, postgresUrl: process.env.POSTGRES_URL });
if (interruption.signal.aborted) {
  await world.close();
  process.exit(1);
}
const reports: ChaosReport[] = [];
try {
  for (const mode of chosen) {
    const report = await runChaos({
      world,
      mode,
      seed,
      durationMs: (minutes * 60_000) / chosen.length,
      faultMs: Number(values['fault-seconds']) * 1_000,
      boundMs: Number(values['bound-seconds']) * 1_000,
      ...(values.faults && { faults: values.faults.split(';').map((name) => name.trim()) }),
      say: (line) => console.log(`${mode}  ${line}`),
    });
    reports.push(report);
    print(report);
    if (minutes >= 5 || values.keep) keep(report);
  }
} finally {
  await world.close();
}
process.exit(reports.some(isWrong) ? 1 : 0);

function isWrong({ lost, doubled, miscounted, counts }: ChaosReport): boolean {
  return [lost, doubled, miscounted, ...Object.values(counts)].some((count) => count > 0);
}

function print({ faults, tried, ...report }: ChaosReport): void {
  console.log(report);
  const width = 52;
  console.log(`${'fault'.padEnd(width)}     times  caught up within, s`);
  for (const [name, { times, recoveredMs }] of Object.entries(tried).sort(([a], [b]) => a.localeCompare(b))) {
    console.log(`${name.padEnd(width)}${String(times).padStart(10)}${(recoveredMs / 1_000).toFixed(1).padStart(20)}`);
  }
  for (const fault of faults) console.error(fault);
}

/** A short run shows how it goes; what is kept is the report of a long one, or of one with --keep. */
function keep(report: ChaosReport): void {
  const folder = new URL('../../bench/results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  const command = ['npm run chaos --', ...given, ...(values.mode ? [] : ['(all modes)'])].join(' ');
  const kept = { command, node: process.version, cores: cpus().length, ...report };
  writeFileSync(new URL(`chaos-${report.mode}.json`, folder), `${JSON.stringify(kept, null, 2)}\n`);
}
