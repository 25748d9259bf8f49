// npm run test:nightly [-- PART-OF-A-PATH]: the property tests, on 100,000 cases where npm test has 2,000, an hour or two; and, without
// a part of a path, the lowest versions of the peers before them (npm run floors).
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureInstalled, root, run, runBeside } from './install.mjs';

ensureInstalled();
const [part = ''] = process.argv.slice(2);
const files = readdirSync(join(root, 'test'), { recursive: true })
  .map((path) => join('test', path))
  .filter((path) => path.endsWith('.test.ts') && path.includes(part))
  .filter((path) => readFileSync(join(root, path), 'utf8').includes('propertySettings('));
if (files.length === 0) {
  console.error(`no property test in a file with ${part} in its path`);
  process.exit(1);
}
if (part === '') {
  const code = run(process.execPath, [join(root, 'scripts/floors.mjs')]);
  if (code !== 0) process.exit(code);
}
// The seeds are printed; PROPERTY_SEED=SEED and the file show a failure again. The time limits grow with the cases: vitest.config.ts.
const env = { PROPERTY_CASES: '100000', ...process.env };
process.exit(
  await runBeside(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', '--project', 'unit', ...files], { env }),
);
