import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { MemberSetup } from './member.js';

/** A process of bench/processes/member.ts. */
export class Member {
  readonly #process: ChildProcess;
  readonly #held = new Set<string>();
  readonly #isDriver: boolean;
  #hasBegun = false;
  #spent: ((ms: number) => void) | undefined;

  constructor(file: string, setup: MemberSetup) {
    this.#isDriver = setup.kind === 'driver';
    this.#process = spawn(process.execPath, [file, JSON.stringify(setup)], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.#process.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const [what = '', text = ''] = line.split(' ');
      if (what === 'begun') this.#hasBegun = true;
      if (what === 'spent') this.#spent?.(Number(text));
      for (const id of text.split(',')) {
        if (what === 'assigned') this.#held.add(id);
        if (what === 'released' || what === 'lost') this.#held.delete(id);
      }
    });
  }

  /** Whether it works, on as many tasks. */
  isReady(tasks: number): boolean {
    return this.#hasBegun && (this.#isDriver || this.#held.size === tasks);
  }

  tell(line: 'go' | 'end'): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  /** Ends it; returns its processor time since `go`, in ms. */
  end(): Promise<number> {
    return new Promise((resolve) => {
      this.#spent = resolve;
      this.tell('end');
    });
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }
}
