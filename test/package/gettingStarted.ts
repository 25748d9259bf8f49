import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

/** What the page asks of its reader: to save a file, or to type a command. */
export type Step =
  | { readonly kind: 'file'; readonly name: string; readonly code: string }
  | { readonly kind: 'command'; readonly line: string }
  | { readonly kind: 'prints'; readonly lines: readonly string[] };

/** The blocks of a page, in their order. A block of code is saved under the name that the text before it says. */
export function stepsOf(page: string): readonly Step[] {
  return [...page.matchAll(/(?:Save this as `([\w.]+)`[^`]*)?^```(\w+)(?: no-run)?\n([\s\S]*?)^```$/gm)].flatMap(
    ([, name, kind, code = '']): Step[] => {
      if (kind === 'sh')
        return code
          .trim()
          .split('\n')
          .map((line) => ({ kind: 'command', line }));
      const lines = [...code.matchAll(/^\/\/ => (.*)$/gm)].map(([, line = '']) => line);
      return name === undefined ? [{ kind: 'prints', lines }] : [{ kind: 'file', name, code }];
    },
  );
}

/** A reader who does what the page says, in a folder. */
export class Reader {
  readonly #folder: string;
  readonly #node: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #replace: (text: string) => string;
  #running: { readonly lines: string[]; kill(): Promise<void>; until(count: number): Promise<void> } | undefined;

  /** `replace` puts the packed package and the broker of the tests in the place of those that the page names. */
  constructor(folder: string, node: string, replace: (text: string) => string) {
    this.#folder = folder;
    this.#node = node;
    const path = [dirname(node), process.env.PATH].join(delimiter);
    const plain = { NO_COLOR: '1', FORCE_COLOR: '0' };
    this.#env = { ...process.env, ...plain, PATH: path };
    this.#replace = replace;
  }

  save(name: string, code: string): void {
    writeFileSync(join(this.#folder, name), this.#replace(code));
  }

  /** Runs a command to its end. Returns what it printed. */
  run(line: string): readonly string[] {
    const options = { cwd: this.#folder, env: this.#env, encoding: 'utf8' } as const;
    const printed = execFileSync('sh', ['-c', this.#replace(line)], options);
    return printed.trim().split('\n');
  }

  /** Starts a TypeScript program that does not end, in one process, so that a signal reaches it. */
  start(file: string): void {
    const child = spawn(this.#node, ['--import', 'tsx', file], {
      cwd: this.#folder,
      env: this.#env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines: string[] = [];
    const input = createInterface({ input: child.stdout });
    input.on('line', (line) => lines.push(line));
    const exited = once(child, 'exit');
    this.#running = {
      lines,
      kill: async () => {
        child.kill('SIGKILL');
        await exited;
      },
      until: async (count) => {
        while (lines.length < count) {
          const ended = await Promise.race([once(input, 'line').then(() => false), exited.then(() => true)]);
          if (ended) throw new Error(`${file} ended after it printed ${JSON.stringify(lines)}`);
        }
      },
    };
  }

  /** The first lines of the program that runs. */
  async printed(count: number): Promise<readonly string[]> {
    await this.#running?.until(count);
    return this.#running?.lines.slice(0, count) ?? [];
  }

  async kill(): Promise<void> {
    await this.#running?.kill();
    this.#running = undefined;
  }
}
