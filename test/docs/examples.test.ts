import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { format } from 'node:util';
import { describe, expect, it } from 'vitest';

// Every example of the README, of docs/ and of the doc comments is compiled and run; what it prints must be what it says
// it prints, in the lines `// => ...`. A block marked `no-run` needs a broker or a file and is compiled only.

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, '.cache', 'examples');

interface Example {
  readonly name: string;
  readonly file: string;
  readonly code: string;
  readonly run: boolean;
  readonly expected: readonly string[];
}

function sources(): readonly string[] {
  const under = (directory: string, ending: string) =>
    readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith(ending) && !path.includes('.vitepress'))
      .map((path) => `${directory}/${path}`)
      .sort();
  return ['README.md', ...under('docs', '.md'), ...under('src', '.ts')];
}

function examplesOf(path: string): readonly Example[] {
  const text = readFileSync(join(root, path), 'utf8');
  // In a doc comment each line begins with ` * `.
  const plain = path.endsWith('.ts') ? text.replace(/^ \* ?/gm, '') : text;
  return [...plain.matchAll(/^```ts( no-run)?\n([\s\S]*?)^```$/gm)].map(([, noRun, code = ''], i) => ({
    name: `${path} ${i + 1}`,
    file: join(folder, `${path.replaceAll(/[^a-zA-Z0-9]/g, '-')}-${i + 1}.ts`),
    code,
    run: noRun === undefined,
    expected: [...code.matchAll(/\/\/ => (.*)$/gm)].map(([, line = '']) => line.trim()),
  }));
}

const consoles = new Map<string, string[]>();

/** The console of one example: timers of another cannot print into it. */
Object.assign(globalThis, {
  exampleConsole: (name: string) => {
    const lines: string[] = [];
    consoles.set(name, lines);
    const log = (...args: unknown[]): void => {
      lines.push(
        ...format(...args)
          .split('\n')
          .map((line) => line.trim()),
      );
    };
    return { ...console, log };
  },
});

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const examples = sources().flatMap(examplesOf);
for (const { file, name, code } of examples) {
  const header = `const console = (globalThis as unknown as { exampleConsole(name: string): Console }).exampleConsole(${JSON.stringify(name)});\n`;
  writeFileSync(file, `${header}${code}\nexport {};\n`);
}

describe('examples', () => {
  it('are there', () => {
    expect(examples.length).toBeGreaterThan(20);
  });

  it('compile', { timeout: 120_000 }, () => {
    const config = {
      extends: '../../tsconfig.json',
      compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
      include: ['*.ts'],
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const { stdout } = spawnSync('npx', ['tsc', '-p', folder], { cwd: root, encoding: 'utf8' });
    expect(stdout).toBe('');
  });

  for (const { name, file, run, expected } of examples) {
    if (!run) continue;
    it.concurrent(name, async ({ expect }) => {
      await import(pathToFileURL(file).href);
      await expect.poll(() => consoles.get(name) ?? [], { timeout: 10_000, interval: 5 }).toEqual(expected);
    });
  }
});
