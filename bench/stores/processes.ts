import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { engines } from './engines.js';
import { installPackages } from './packages.js';

const child = fileURLToPath(new URL('./child.ts', import.meta.url));
const command = (args: readonly string[]) => ['--import', 'tsx', child, ...args];
/** Within which a store ends that does what it is asked. */
const timeoutMs = 600_000;

/** Runs the child with one store. Returns what it prints. */
export function runEngine(name: string, ...args: readonly string[]): string {
  return execFileSync(process.execPath, command([name, ...args]), { encoding: 'utf8' });
}

/** The same for a child that may be ended by its store. */
export function spawnEngine(name: string, ...args: readonly string[]) {
  return spawnSync(process.execPath, command([name, ...args]), { encoding: 'utf8', timeout: timeoutMs });
}

/** The stores that load on this version of Node, and why the others do not. */
export function loadableEngines(): {
  readonly names: readonly string[];
  readonly notLoaded: Readonly<Record<string, string>>;
} {
  installPackages();
  const notLoaded: Record<string, string> = {};
  const names = Object.keys(engines).filter((name) => {
    const { status, signal, stderr } = spawnEngine(name, 'load');
    if (status === 0) return true;
    notLoaded[name] = signal ?? /^\w*Error.*$/m.exec(stderr)?.[0] ?? `exit code ${status}`;
    console.log(`${name} does not load here: ${notLoaded[name]}`);
    return false;
  });
  return { names, notLoaded };
}
