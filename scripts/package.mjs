// npm run package: builds, and checks the package as it would be published: its manifest, its types, and a consumer of it that
// compiles, runs under Node 20 and 24 and in a browser.
import { ensureInstalled, run } from './install.mjs';

ensureInstalled();
for (const [command, ...args] of [
  ['npm', 'run', 'build', '--silent'],
  ['npx', 'publint', '--strict'],
  ['npx', 'attw', '--pack', '.', '--profile', 'esm-only'],
  ['npx', 'vitest', 'run', '--project', 'slow', 'test/package'],
]) {
  const code = run(command, args);
  if (code !== 0) process.exit(code);
}
