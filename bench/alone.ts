// Contenders alone in a process, so that what the engine learned about one does not slow another down.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Contender } from './contender.js';

export interface Sample {
  /** Processor milliseconds a unit: the median of several runs in one process. */
  readonly ms: number;
  readonly check: string;
}

/** Runs the module at `child` with these arguments. It is to call `measureAlone`, or to print what else it measures as JSON. */
export function sampleAlone<S = Sample>(child: URL, ...args: readonly string[]): S {
  const command = ['--expose-gc', '--import', 'tsx', fileURLToPath(child), ...args];
  return JSON.parse(execFileSync(process.execPath, command, { encoding: 'utf8' }));
}

/** Measures the contender of this process, and tells. */
export function measureAlone(contender: Contender | undefined, runs: number): void {
  if (!contender) throw new Error(`no contender ${process.argv.slice(2).join(', ')}`);
  const { units, run, check } = contender();
  globalThis.gc?.();
  const times = Array.from({ length: runs }, () => {
    const before = process.cpuUsage();
    run(units);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000 / units;
  });
  const ms = times.sort((a, b) => a - b)[runs >> 1] ?? Number.NaN;
  console.log(JSON.stringify({ ms, check: String(check()) } satisfies Sample));
}
