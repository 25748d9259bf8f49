import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';

// Every example of the README, of docs/ and of the doc comments is compiled and run; what it prints must be what it says
// it prints, in the lines `// => ...`, and it must come to its end. A block marked `no-run` needs a broker or a file and is
// compiled only.

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, '.cache', 'examples');

interface Page {
  readonly path: string;
  readonly text: string;
}

interface Example {
  readonly name: string;
  readonly file: string;
  readonly code: string;
  readonly run: boolean;
  readonly expected: readonly string[];
}

interface Result {
  readonly file: string;
  readonly lines: readonly string[];
  readonly error?: string;
}

function readPages(): readonly Page[] {
  const under = (directory: string, ending: string) =>
    readdirSync(join(root, directory), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith(ending) && !/^(api|examples|node_modules)\/|\.vitepress/.test(path))
      .map((path) => `${directory}/${path}`)
      .sort();
  return ['README.md', 'CONTRIBUTING.md', ...under('docs', '.md'), ...under('src', '.ts')].map((path) => {
    const text = readFileSync(join(root, path), 'utf8');
    // In a doc comment each line begins with ` * `.
    return { path, text: path.endsWith('.ts') ? text.replace(/^ +\* ?/gm, '') : text };
  });
}

function examplesOf({ path, text }: Page): readonly Example[] {
  return [...text.matchAll(/^```ts( no-run)?\n([\s\S]*?)^```$/gm)].map(([, noRun, code = ''], i) => ({
    name: `${path} ${i + 1}`,
    file: join(folder, `${path.replaceAll(/[^a-zA-Z0-9]/g, '-')}-${i + 1}.ts`),
    code,
    run: noRun === undefined,
    expected: [...code.matchAll(/\/\/ => (.*)$/gm)].map(([, line = '']) => line.trim()),
  }));
}

/** The recipes: programs of one file. */
function recipes(): readonly Example[] {
  const directory = 'examples/recipes';
  return readdirSync(join(root, directory))
    .filter((file) => /\.c?ts$/.test(file))
    .map((file) => {
      const code = readFileSync(join(root, directory, file), 'utf8');
      const path = `${directory}/${file}`;
      const [program] = examplesOf({ path, text: `\`\`\`ts\n${code}\`\`\`\n` });
      if (!program) throw new Error(`${path} is no program`);
      return { ...program, name: path, file: join(folder, `recipe-${file}`) };
    });
}

/** Runs examples in a process of their own. */
function runAll(files: readonly string[]): Promise<readonly Result[]> {
  const inThreads = ['--import', join(root, 'test/support/tsInThreads.mjs')];
  const args = ['--import', 'tsx', ...inThreads, join(root, 'test/docs/runExamples.ts'), ...files];
  const env = { ...process.env, TSX_TSCONFIG_PATH: join(folder, 'tsconfig.json'), NO_COLOR: '1', FORCE_COLOR: '0' };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: root, env }, (error, stdout, stderr) => {
      const results = stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line): Result => JSON.parse(line));
      if (results.length === files.length) resolve(results);
      else reject(new Error(`${results.length} of ${files.length} examples have run, then: ${error} ${stderr}`));
    });
  });
}

const pages = readPages();
const examples = [...pages.flatMap(examplesOf), ...recipes()];
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const { file, code } of examples) {
  writeFileSync(file, file.endsWith('.cts') ? code : `${code}\nexport {};\n`);
}
const compilerOptions = { noUnusedLocals: false, noUnusedParameters: false };
const config = { extends: '../../tsconfig.json', compilerOptions, include: ['*.ts', '*.cts'] };
writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));

describe('examples', () => {
  const results = new Map<string, Result>();

  beforeAll(async () => {
    const files = examples.filter(({ run }) => run).map(({ file }) => file);
    const half = Math.ceil(files.length / 2);
    const told = await Promise.all([runAll(files.slice(0, half)), runAll(files.slice(half))]);
    for (const result of told.flat()) results.set(result.file, result);
  }, 600_000);

  it('are all blocks of code that a reader sees', () => {
    for (const { path, text } of pages) {
      const blocks = [...text.matchAll(/^ *```(\w.*)$/gm)].map(([, kind]) => kind);
      expect([path, ...blocks.filter((kind) => kind !== 'sh' && kind !== 'yaml')]).toEqual([
        path,
        ...examplesOf({ path, text }).map(({ run }) => (run ? 'ts' : 'ts no-run')),
      ]);
      if (path.endsWith('.ts')) expect([path, /@example(?!\n```ts)/.exec(text)]).toEqual([path, null]);
    }
    expect(examples.length).toBeGreaterThan(50);
  });

  it('compile', { timeout: 600_000 }, () => {
    const { stdout } = spawnSync('npx', ['tsc', '-p', folder], { cwd: root, encoding: 'utf8' });
    expect(stdout).toBe('');
  });

  for (const { name, file, run, expected } of examples) {
    if (run) it(name, () => expect(results.get(file)).toEqual({ file, lines: expected }));
  }
});
