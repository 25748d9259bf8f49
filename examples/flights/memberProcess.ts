import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('./member.ts', import.meta.url));

export interface MemberEvents {
  /** Partitions that are its own from now on. */
  assigned(member: MemberProcess, tasks: readonly string[]): void;
  /** It has ended by itself. */
  failed(member: MemberProcess): void;
}

/** A process of the group, and what it has said of its partitions. */
export class MemberProcess {
  readonly name: string;
  readonly tasks = new Set<string>();
  readonly #args: readonly string[];
  readonly #events: MemberEvents;
  #child: ChildProcess | undefined;
  #ending = false;

  constructor(name: string, args: readonly string[], events: MemberEvents) {
    this.name = name;
    this.#args = args;
    this.#events = events;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    // With the same loader as this process, whatever it is.
    const child = spawn(process.execPath, [...process.execArgv, program, ...this.#args], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    this.#child = child;
    this.#ending = false;
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => this.#hear(line));
    child.once('exit', () => {
      if (!this.#ending && child === this.#child) this.#events.failed(this);
    });
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
    this.tasks.clear();
  }

  async stop(): Promise<void> {
    const late = setTimeout(() => this.#child?.kill('SIGKILL'), 30_000);
    await this.#end('SIGTERM');
    clearTimeout(late);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#ending = true;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'close');
    child.kill(signal);
    await ended;
  }

  #hear(line: string): void {
    const [type, ...tasks] = line.split(' ');
    for (const task of tasks) {
      if (type === 'assigned') this.tasks.add(task);
      if (type === 'released' || type === 'lost') this.tasks.delete(task);
    }
    if (type === 'assigned') this.#events.assigned(this, tasks);
  }
}
