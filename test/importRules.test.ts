import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../', import.meta.url));

/** Forbidden imports: which rule of `.dependency-cruiser.json` is to find which, from the files of a room to a file or package. */
const probes: readonly (readonly [rule: string, from: string, to: string])[] = [
  ['no-circular', 'batch/circle', 'batch/circle'],
  ['no-orphans', 'operators/orphan', ''],
  ['every-file-lives-in-a-known-room', 'elsewhere/probe', 'batch/batch'],
  ['batch-holds-contracts', 'batch/probe', 'driver/openBatch'],
  ['observables-know-rxjs-only', 'observables/probe', 'batch/batch'],
  ['collections-are-pure', 'collections/probe', 'batch/batch'],
  ['options-know-errors-only', 'options/probe', 'batch/batch'],
  ['partitioning-is-pure', 'partitioning/probe', 'batch/batch'],
  ['windows-are-pure', 'windows/probe', 'rxjs'],
  ['event-time-is-pure', 'eventtime/probe', 'rxjs'],
  ['backpressure-is-pure', 'backpressure/probe', 'driver/driverOptions'],
  ['storage-knows-files-only', 'storage/probe', 'state/checkpoint'],
  ['state-does-not-look-up', 'state/probe', 'driver/driverOptions'],
  ['the-driver-knows-the-source-contract-and-no-source', 'driver/probe', 'sources/fromBatches'],
  ['the-driver-knows-the-source-contract-and-no-source', 'driver/probe2', 'operators/window'],
  ['monitors-know-contracts-only', 'monitors/probe', 'driver/batchDriver'],
  ['the-dashboard-is-a-monitor', 'dashboard/probe', 'driver/openBatch'],
  ['the-page-knows-what-the-server-sends', 'dashboard/page/probe', 'monitors/health'],
  ['only-the-page-imports-its-charts', 'dashboard/server/probe', 'uplot'],
  ['the-model-of-the-page-has-no-charts', 'dashboard/page/model/probe', 'uplot'],
  ['operators-know-batches-and-windows', 'operators/probe', 'driver/openBatch'],
  ['operators-know-batches-and-windows', 'operators/probe2', 'outputs/foreachBatch'],
  ['outputs-build-on-operators-and-storage', 'outputs/probe', 'driver/batchDriver'],
  ['sources-never-import-operators', 'sources/probe', 'operators/window'],
  ['only-the-kafkajs-room-implements-the-producer-port', 'sources/log/port', 'outputs/kafka/producerPort'],
  ['the-protocol-is-pure', 'sources/kafka/protocol/probe', 'sources/log/logClient'],
  ['outputs-use-the-kafkajs-room-by-its-port', 'outputs/kafka/probe', 'sources/kafka/kafkajs/connection'],
  ['a-log-knows-no-kafka', 'sources/log/probe', 'sources/kafka/protocol/crc32c'],
  ['maintenance-works-on-checkpoints', 'maintenance/probe', 'driver/batchesFrom'],
  ['the-command-line-calls-maintenance', 'cli/probe', 'operators/window'],
  ['nobody-imports-the-command-line', 'state/commanded', 'cli/main'],
  ['testing-needs-no-operator', 'testing/probe', 'operators/window'],
  ['nobody-imports-testing', 'sources/tested', 'testing/runBatches'],
  ['threads-run-what-is-there', 'workers/probe', 'driver/openBatch'],
  ['nobody-imports-the-launcher-of-threads', 'operators/launcher', 'workers/runInThreads'],
  ['rooms-import-files-not-entries', 'operators/entry', 'index'],
  ['platform-only-at-the-edges', 'operators/platform', 'node:fs'],
  ['clients-only-at-the-edges', 'state/file/probe', 'lmdb'],
  ['protocol-packages-in-receivers', 'sources/log/socket', 'ws'],
  ['opentelemetry-in-its-monitor', 'monitors/metrics/traces', '@opentelemetry/api'],
  ['kafkajs-in-one-room', 'sources/log/client', 'kafkajs'],
];

let folder = '';
let found: readonly string[] = [];

// The rules go by paths only: the files that the probes import are empty ones of the same names.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'import-rules-'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const file of ['.dependency-cruiser.json', 'package.json']) await cp(join(root, file), join(folder, file));
  await writeFile(join(folder, 'tsconfig.json'), '{ "compilerOptions": { "module": "NodeNext" } }');
  const write = async (file: string, text: string) => {
    await mkdir(dirname(join(folder, 'src', file)), { recursive: true });
    await writeFile(join(folder, 'src', `${file}.ts`), text);
  };
  const isFile = (to: string) => (to.includes('/') && !to.startsWith('@')) || to === 'index';
  for (const [, , to] of probes) if (isFile(to)) await write(to, 'export const target = 1;\n');
  for (const [, from, to] of probes) {
    const up = '../'.repeat(from.split('/').length - 1);
    const target = isFile(to) ? `${up}${to}.js` : to;
    await write(from, to === '' ? 'export const orphan = 1;\n' : `import '${target}';\nexport const probe = 1;\n`);
  }
  found = await violations();
}, 600_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Each as `rule: file`. */
async function violations(): Promise<readonly string[]> {
  const bin = join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const run = promisify(execFile)(
    process.execPath,
    [bin, '--config', '.dependency-cruiser.json', '--output-type', 'json', 'src'],
    { cwd: folder, maxBuffer: 2 ** 26 },
  );
  // It exits with the number of errors.
  const { stdout } = await run.catch((error: { stdout: string }) => error);
  const { summary } = JSON.parse(stdout) as {
    summary: { violations: { from: string; rule: { name: string } }[] };
  };
  return summary.violations.map(({ from, rule }) => `${rule.name}: ${from}`);
}

it.each(probes)('%s finds an import in %s of %s', (rule, from) => {
  expect(found).toContain(`${rule}: src/${from}.ts`);
});

it('has a probe for each rule, and for each room', async () => {
  const { forbidden } = JSON.parse(await readFile(join(root, '.dependency-cruiser.json'), 'utf8')) as {
    forbidden: { name: string }[];
  };
  expect(forbidden.map(({ name }) => name).filter((name) => !probes.some(([rule]) => rule === name))).toEqual([]);
  const entries = await readdir(join(root, 'src'), { withFileTypes: true });
  const rooms = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  expect(rooms.filter((room) => !probes.some(([, from]) => from.startsWith(`${room}/`)))).toEqual([]);
});
