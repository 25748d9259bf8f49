import { Child } from '../../test/support/childProcess.js';
import type { Commits } from './commits.js';
import type { MemberSetup } from './member.js';
import { until } from './until.js';

/** Processes that share the tasks of a group, each of which can be replaced. */
export class Members {
  readonly #file: string;
  readonly #setup: Omit<MemberSetup, 'instanceId'>;
  readonly #isStatic: boolean;
  readonly all: Child[] = [];

  constructor(file: string, setup: Omit<MemberSetup, 'instanceId'>, isStatic: boolean) {
    this.#file = file;
    this.#setup = setup;
    this.#isStatic = isStatic;
  }

  start(index: number): Child {
    const setup = { ...this.#setup, ...(this.#isStatic && { instanceId: `pod-${index}` }) };
    const child = new Child(this.#file, [JSON.stringify(setup)]);
    this.all[index] = child;
    return child;
  }

  /** The latest generation of which one of them has heard. */
  get generation(): number {
    const said = this.all.flatMap(({ said }) => said);
    return Math.max(...said.map((line) => Number(/^joined (\d+)/.exec(line)?.[1] ?? -1)));
  }

  /** Until they have committed for as many partitions each, and it stays so for `ms`. */
  async balanced(commits: Commits, each: number, ms: number): Promise<void> {
    let since = Infinity;
    await until('all processes have their share', () => {
      const isBalanced = this.all.every(({ process }) => commits.partitionsOf(process.pid ?? 0).length === each);
      since = isBalanced ? Math.min(since, performance.now()) : Infinity;
      return performance.now() - since > ms;
    });
  }

  async end(): Promise<void> {
    await Promise.all(this.all.map((child) => child.end()));
  }
}
