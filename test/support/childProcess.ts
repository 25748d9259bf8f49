import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A process of a test, and what it has said. */
export class Child {
  readonly process: ChildProcess;
  readonly said: string[] = [];
  readonly ended: Promise<void>;
  #waiting: { readonly is: (line: string) => boolean; readonly done: () => void }[] = [];

  /** `env` is added to the environment. */
  constructor(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.process = spawn(process.execPath, [file, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    this.ended = new Promise((resolve) => this.process.once('close', () => resolve()));
    createInterface({ input: this.process.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      this.said.push(line);
      this.#waiting = this.#waiting.filter(({ is, done }) => {
        if (is(line)) done();
        return !is(line);
      });
    });
  }

  /** Waits for a line that begins so, among those after the first `from` lines. */
  says(text: string, from = 0): Promise<void> {
    return this.saysThat((line) => line.startsWith(text), from);
  }

  saysThat(is: (line: string) => boolean, from = 0): Promise<void> {
    if (this.said.slice(from).some(is)) return Promise.resolve();
    return new Promise((done) => this.#waiting.push({ is, done }));
  }

  async end(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.ended;
  }
}
