import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type BuildOptions, build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { brokers, describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'dstream-bundles-'));
/** Has nothing but the bundles: what they need beside themselves is missing. */
const alone = mkdtempSync(join(tmpdir(), 'dstream-alone-'));

const app = `
import { foreachBatch, json, mapRecords } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import { Kafka, logLevel } from 'kafkajs';

const [, , broker, topic] = process.argv;
const kafka = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING });
const options = { topics: [topic], groupId: topic, interval: 100, start: 'earliest', deserialize: json() };
const numbers = kafkaBatches(kafka, options);
const seen = [];
numbers.pipe(mapRecords((n) => n * 10), foreachBatch((records) => {
  seen.push(...records);
  if (seen.length === 3) numbers.stop();
})).subscribe({ complete: () => console.log(seen.join()), error: (error) => console.log(error.code, error.message) });
`;

/** Makes one file of the app: returns its name. */
const bundlers: Readonly<Record<string, () => Promise<string>>> = {
  async 'esbuild, CommonJS'() {
    await build({ ...esbuild, format: 'cjs', outfile: join(alone, 'esbuild.cjs') });
    return 'esbuild.cjs';
  },
  async 'esbuild, ESM'() {
    const js = "import { createRequire as from } from 'node:module'; const require = from(import.meta.url);";
    await build({ ...esbuild, format: 'esm', banner: { js }, outfile: join(alone, 'esbuild.mjs') });
    return 'esbuild.mjs';
  },
  async rollup() {
    const config = `
      import commonjs from '@rollup/plugin-commonjs';
      import json from '@rollup/plugin-json';
      import { nodeResolve } from '@rollup/plugin-node-resolve';
      export default {
        input: 'app.js',
        plugins: [nodeResolve({ preferBuiltins: true, exportConditions: ['node'] }), commonjs(), json()],
        output: { file: ${JSON.stringify(join(alone, 'rollup.mjs'))}, format: 'esm', inlineDynamicImports: true },
      };`;
    writeFileSync(join(folder, 'rollup.config.mjs'), config);
    inFolder('node_modules/rollup/dist/bin/rollup', '-c', '--silent');
    return 'rollup.mjs';
  },
  async webpack() {
    const { default: webpack } = await import(pathToFileURL(join(folder, 'node_modules/webpack/lib/index.js')).href);
    const config = {
      context: folder,
      entry: './app.js',
      mode: 'production',
      // Takes most of the time, and changes no module.
      optimization: { minimize: false },
      target: 'node20',
      output: { path: alone, filename: 'webpack.cjs' },
    };
    await new Promise<void>((resolve, reject) => {
      webpack(config, (error: Error | null, stats: { hasErrors(): boolean; toString(): string }) =>
        error || stats.hasErrors() ? reject(error ?? new Error(String(stats))) : resolve(),
      );
    });
    return 'webpack.cjs';
  },
};

const esbuild = {
  entryPoints: [join(folder, 'app.js')],
  bundle: true,
  platform: 'node',
  target: 'node20',
  logLevel: 'error',
} satisfies BuildOptions;

function inFolder(...args: string[]): string {
  return execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

describeKafka('an app that a bundler has made one file of reads Kafka', () => {
  beforeAll(async () => {
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'app', private: true, type: 'module' }));
    writeFileSync(join(folder, 'app.js'), app);
    const tools = ['webpack@5', 'rollup@4', '@rollup/plugin-commonjs@29', '@rollup/plugin-json@6'];
    const npm = ['i', '--silent', '--no-audit', '--no-fund', '--no-save', ...tools, '@rollup/plugin-node-resolve@16'];
    execFileSync('npm', npm, { cwd: folder });
    const dstream = join(folder, 'node_modules/dstream');
    mkdirSync(dstream, { recursive: true });
    copyFileSync(join(root, 'package.json'), join(dstream, 'package.json'));
    const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
    const entryPoints = files
      .filter((path) => path.endsWith('.ts') && !path.startsWith('dashboard/page/'))
      .map((path) => join('src', path));
    await build({
      absWorkingDir: root,
      entryPoints,
      outdir: join(dstream, 'dist'),
      outbase: 'src',
      format: 'esm',
      target: 'node20',
    });
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    for (const name of ['kafkajs', 'rxjs', ...Object.keys(dependencies)]) {
      const link = join(folder, 'node_modules', name);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(join(root, 'node_modules', name), link);
    }
  }, 600_000);

  afterAll(() => {
    for (const made of [folder, alone]) rmSync(made, { recursive: true, force: true });
  });

  it.each(Object.keys(bundlers))('%s', async (name) => {
    const file = (await bundlers[name]?.()) ?? '';
    const topic = await makeTopic(newKafka(), 1);
    await produce(newKafka(), topic, [[1, 2, 3].map((value) => ({ partition: 0, value: String(value) }))]);
    const child = spawn(process.execPath, [file, brokers[0] ?? '', topic], { cwd: alone });
    let printed = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text) => {
        printed += text;
      });
    }
    await once(child, 'close');
    expect(printed).toBe('10,20,30\n');
  });
});
