// npm run package: builds, and checks the package as it would be published.
import { ensureInstalled, run } from './install.mjs';

ensureInstalled();
for (const [command, ...args] of [
  ['npm', 'run', 'build', '--silent'],
  ['npx', 'publint', '--strict'],
  ['npx', 'attw', '--pack', '.', '--profile', 'esm-only'],
]) {
  const code = run(command, args);
  if (code !== 0) process.exit(code);
}
