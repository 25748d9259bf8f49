import { execFile, execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** A program that has ended: what it printed, and how. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly lines: readonly string[];
}

/** The apps of `examples/`, copied to a folder outside of the repository and installed there with the packed package. */
export class InstalledExamples {
  readonly folder = mkdtempSync(join(tmpdir(), 'dstream-examples-'));
  readonly #env: NodeJS.ProcessEnv;

  constructor(tarball: string) {
    cpSync(join(root, 'examples'), this.folder, {
      recursive: true,
      filter: (path) => !/node_modules|\.data$/.test(path.slice(root.length)),
    });
    // One installation for all, as a workspace.
    for (const name of this.names) this.#install(name, tarball);
    writeFileSync(
      join(this.folder, 'package.json'),
      JSON.stringify({ name: 'examples', private: true, workspaces: this.names }),
    );
    execFileSync('npm', ['i', '--no-audit', '--no-fund', '--prefer-offline', '--omit=dev'], {
      cwd: this.folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const { POSTGRES_URL: _, ...env } = process.env;
    this.#env = { ...env, NO_COLOR: '1', FORCE_COLOR: '0', KAFKAJS_NO_PARTITIONER_WARNING: '1' };
  }

  get names(): readonly string[] {
    return readdirSync(this.folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && readdirSync(join(this.folder, entry.name)).includes('package.json'))
      .filter(({ name }) => name !== 'node_modules')
      .map(({ name }) => name);
  }

  #install(name: string, tarball: string): void {
    const path = join(this.folder, name, 'package.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as { dependencies: Record<string, string> };
    manifest.dependencies.dstream = `file:${tarball}`;
    writeFileSync(path, JSON.stringify(manifest));
  }

  /** `npm test` of an app. Rejects where a test fails. */
  async test(name: string): Promise<string> {
    const { stdout } = await run('npm', ['test'], { cwd: join(this.folder, name), env: this.#env });
    return stdout;
  }

  /**
   * Runs a file of an app to its end, in one process, so that a signal reaches it. `seen` receives each line, and may send a signal.
   */
  run(
    name: string,
    file: string,
    args: readonly string[] = [],
    seen: (line: string, kill: (signal: NodeJS.Signals) => void) => void = () => {},
  ): Promise<Ended> {
    const child = spawn(process.execPath, ['--import', 'tsx', file, ...args], {
      cwd: join(this.folder, name),
      env: this.#env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      seen(line, (signal) => child.kill(signal));
    });
    return new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve({ code, signal, lines }));
    });
  }

  /** Runs an app, kills it by SIGKILL when it has printed `count` lines that match, and runs it again to its end. */
  async runKilled(name: string, args: readonly string[], progress: RegExp, count: number): Promise<Ended> {
    let left = count;
    const killed = await this.run(name, 'main.ts', args, (line, kill) => {
      if (progress.test(line) && --left === 0) kill('SIGKILL');
    });
    if (killed.signal !== 'SIGKILL') throw new Error(`${name} ended before it was killed: ${killed.lines.join('\n')}`);
    return this.run(name, 'main.ts', args);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
