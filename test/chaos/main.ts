// npm run chaos [-- --minutes 10 --mode default,exactly-once --seed N --faults 'a; b']: disturbs jobs between a Kafka of three brokers and
// PostgreSQL, each behind a proxy, and counts what is lost, doubled, stuck, unhandled and left open. Without --mode a job of each mode
// runs, all of them side by side. The faults and their order repeat with the seed. SIGTERM ends the faults, and the judges
// begin; SIGINT ends everything.
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { runChaos } from './chaos.js';
import { type Mode, modes } from './modes.js';
import type { ChaosReport } from './subject.js';
import { startWorld, type World } from './world.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    mode: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    faults: { type: 'string' },
    'fault-seconds': { type: 'string', default: '10' },
    'bound-seconds': { type: 'string', default: '300' },
    'interval-ms': { type: 'string', default: '500' },
    keep: { type: 'boolean', default: false },
  },
});
const chosen = values.mode?.split(',').map((name) => name.trim()) ?? modes;
if (!chosen.every((name): name is Mode => modes.includes(name as Mode))) {
  console.error(`--mode is one of these, or several with commas between them: ${modes.join(', ')}`);
  process.exit(1);
}
const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
const given = process.argv.slice(2).filter((word) => word !== '--keep');
console.log(`npm run chaos -- ${given.join(' ')}, seed ${seed}`);

const interruption = new AbortController();
let world: World | undefined;
process.on('SIGTERM', () => interruption.abort());
process.on('SIGINT', () => {
  interruption.abort();
  // Servers that are being started are stopped once they have been.
  if (world) void world.close().finally(() => process.exit(1));
});
world = await startWorld({ seed, postgresUrl: process.env.POSTGRES_URL });
let reports: readonly ChaosReport[] = [];
try {
  if (!interruption.signal.aborted) {
    reports = await runChaos({
      world,
      modes: chosen,
      seed,
      durationMs: minutes * 60_000,
      faultMs: Number(values['fault-seconds']) * 1_000,
      boundMs: Number(values['bound-seconds']) * 1_000,
      intervalMs: Number(values['interval-ms']),
      ...(values.faults && { faults: values.faults.split(';').map((name) => name.trim()) }),
      signal: interruption.signal,
      say: (line) => console.log(line),
    });
  }
  for (const report of reports) {
    print(report);
    if (minutes >= 5 || values.keep) keep(report);
  }
} finally {
  await world.close();
}
process.exit(reports.length < chosen.length || reports.some(isWrong) ? 1 : 0);

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
  const command = ['npm run chaos --', ...given].join(' ');
  const kept = { command, node: process.version, cores: cpus().length, ...report };
  writeFileSync(new URL(`chaos-${report.mode}.json`, folder), `${JSON.stringify(kept, null, 2)}\n`);
}
