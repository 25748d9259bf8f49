import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { JobCommand, JobConfig, JobEvent } from './modes.js';

/** One life of the job. */
export class JobProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #frozen = false;

  constructor(file: string, config: JobConfig, observer: (event: JobEvent) => void) {
    this.#child = fork(file, [JSON.stringify(config)], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: [],
    });
    this.#child.on('message', (event) => observer(event as JobEvent));
    // Commands to a process that has just ended.
    this.#child.on('error', () => {});
    this.#exited = once(this.#child, 'exit');
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves when the process has ended. */
  get exited(): Promise<unknown> {
    return this.#exited;
  }

  command(command: JobCommand): void {
    if (this.#child.connected) this.#child.send(command, () => {});
  }

  freeze(): void {
    this.#frozen = this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    if (this.#frozen) this.#child.kill('SIGCONT');
    this.#frozen = false;
  }

  async kill(): Promise<void> {
    if (!this.running) return;
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}
