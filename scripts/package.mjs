// npm run package: builds, and checks the package as it would be published: its manifest, its types, and a consumer of it that
// compiles, runs under Node 20 and 24 and in a browser. --no-consumer leaves the consumer out: it is part of `npm test` too.
import { ensureInstalled, run } from './install.mjs';

ensureInstalled();
const consumer = process.argv.includes('--no-consumer')
  ? []
  : [['npx', 'vitest', 'run', '--project', 'slow', 'test/package']];
for (const [command, ...args] of [
  ['npm', 'run', 'build', '--silent'],
  ['npx', 'publint', '--strict'],
  ['npx', 'attw', '--pack', '.', '--profile', 'esm-only'],
  ...consumer,
]) {
  const code = run(command, args);
  if (code !== 0) process.exit(code);
}
