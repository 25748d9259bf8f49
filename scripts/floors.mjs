// npm run floors: the lowest version of each peer that package.json allows. The package as it would be published, the types and
// the unit tests of what touches a peer run against them; those of PostgreSQL too, where a server can be started.
import {
  cpSync,
  existsSync,
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
import { ensureInstalled, root, run, runBeside } from './install.mjs';
import { startPostgres, whyNoPostgres } from './postgres.mjs';

const tests = [
  'test/monitors/opentelemetryMonitor',
  'test/operators/joins',
  'test/operators/standing',
  'test/operators/stateless',
  'test/operators/windows',
  'test/outputs',
  'test/sources/fromBatches',
  'test/sources/kafka/kafkajs',
  'test/sources/log/logBatches',
  'test/sources/receiver/node/sseReceiver',
  'test/sources/receiver/node/webSocketReceiver',
  'test/state/lmdb/lmdbCheckpoint',
  'test/testing',
];
const postgresTests = ['test/integration/postgres/postgresCheckpoint.test.ts'];

ensureInstalled();
const { peerDependencies, overrides } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
// A range of several major versions begins with the lowest.
const floors = Object.entries(peerDependencies).map(
  ([name, range]) => `${name}@${range.replace(/^\^/, '').split(' ')[0]}`,
);
const copy = mkdtempSync(join(tmpdir(), 'dstream-floors-'));
let postgres;
let code = 1;
try {
  code = await check();
} finally {
  await postgres?.stop();
  rmSync(copy, { recursive: true, force: true });
}
process.exit(code);

async function check() {
  console.log(`dstream: ${floors.join(' ')}`);
  writeFileSync(join(copy, 'package.json'), JSON.stringify({ private: true, type: 'module', overrides }));
  const npm = ['install', '--silent', '--no-audit', '--no-fund', '--no-save', '--no-package-lock'];
  const vitest = ['node_modules/vitest/vitest.mjs', 'run'];
  // Few cases of each property: a peer that is too old fails at once.
  const env = { ...process.env, DSTREAM_PEERS: 'lowest', PROPERTY_CASES: '50' };
  if (whyNoPostgres() === undefined) postgres = await startPostgres();
  const steps = [
    () => run('npm', [...npm, ...floors], { cwd: copy }),
    fillCopy,
    () =>
      run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json', '--noEmit'], {
        cwd: copy,
      }),
    () => run(process.execPath, [...vitest, '--project', 'unit', ...tests], { cwd: copy, env }),
    // Not by `run`: the server that this process has started goes on.
    () =>
      postgres === undefined
        ? 0
        : runBeside(process.execPath, [...vitest, '--project', 'slow', ...postgresTests], {
            cwd: copy,
            env: { ...env, POSTGRES_URL: postgres.url },
          }),
    () => run(process.execPath, [...vitest, '--project', 'slow', 'test/package/consumer.test.ts'], { env }),
  ];
  for (const step of steps) {
    const failed = await step();
    if (failed) return failed;
  }
  return 0;
}

/** The sources beside the peers; every other package is a link to the one that is installed. */
function fillCopy() {
  for (const name of [
    'src',
    'test',
    'scripts',
    'docs',
    'vitest.config.ts',
    'tsconfig.base.json',
    'tsconfig.build.json',
  ]) {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  cpSync(join(root, 'package.json'), join(copy, 'package.json'));
  const installed = join(root, 'node_modules');
  const packages = readdirSync(installed)
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) =>
      name.startsWith('@') ? readdirSync(join(installed, name)).map((part) => `${name}/${part}`) : name,
    );
  for (const name of packages) {
    const link = join(copy, 'node_modules', name);
    if (existsSync(link)) continue;
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(installed, name), link);
  }
}
